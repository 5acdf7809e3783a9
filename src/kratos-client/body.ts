import { isTooDeep } from '../json-depth.js'

/** The answer was larger than we accept, or was not what its headers announced. */
export class UnusableBodyError extends Error {
  override name = 'UnusableBodyError'
}

const IS_JSON = /^application\/json\s*(?:;|$)/i

/** Two bytes for each level: nothing shorter can be nested so deeply that it could not be written again. */
const SHALLOW_BYTES = 8192

/**
 * The value of a complete body when it is declared JSON; undefined when there is none or it is something else.
 * @throws UnusableBodyError for a body that is declared JSON and is not (truncated, two documents:
 * docs/kratos-facts.md, section 17) or that is nested beyond use
 */
export function parseBody (chunks: Buffer[], size: number, contentType: unknown): unknown {
  if (size === 0 || !IS_JSON.test(String(contentType ?? ''))) return undefined
  const whole = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)
  const value = parse(whole.toString('utf8'))
  if (size > SHALLOW_BYTES && isTooDeep(value)) throw new UnusableBodyError('nested too deeply')
  return value
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // V8 quotes the text it stumbled over, and that text may hold a token: only the kind of error is kept.
    throw new UnusableBodyError(`not JSON: ${(error as Error).name}`)
  }
}
