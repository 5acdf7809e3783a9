import { badEscape } from './url.js'

/** A query or form that Go does not read; the message is Go's. */
export class QueryError extends Error {}

function problemOf (pair: string): string | undefined {
  if (pair.includes(';')) return 'invalid semicolon separator in query'
  const bad = pair.split(/=(.*)/s).map(badEscape).find((escape) => escape !== undefined)
  return bad === undefined ? undefined : `invalid URL escape ${JSON.stringify(bad)}`
}

/** Query parameters; pairs that Go cannot read are left out, as in its url.Query. */
export const goQuery = (text: string): URLSearchParams =>
  new URLSearchParams(text.split('&').filter((pair) => problemOf(pair) === undefined).join('&'))

/** The fields of a form. @throws QueryError for one that cannot be read */
export function goForm (text: string): URLSearchParams {
  const problem = text.split('&').map(problemOf).find((found) => found !== undefined)
  if (problem !== undefined) throw new QueryError(problem)
  return new URLSearchParams(text)
}
