import { STATUS_CODES } from 'node:http'

/** What a handler answers; cookies and shared headers travel on the exchange. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: string | null
}

/** Type of a success body; some 204 answers have it too. */
export const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' }

/** A success or flow body (recording 02); error objects have no charset (`errors.ts`). */
export const json = (status: number, value: unknown, headers: Record<string, string> = {}): Answer =>
  ({ status, headers: { ...JSON_TYPE, ...headers }, body: `${JSON.stringify(value)}\n` })

export const empty = (status: number, headers: Record<string, string> = {}): Answer => ({ status, headers, body: null })

/** Go's own plain answers: 404 and 405 (recording 85). */
export const plain = (status: number, text: string, headers: Record<string, string> = {}): Answer =>
  ({ status, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff', ...headers }, body: `${text}\n` })

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`).replaceAll('&#38;', '&amp;').replaceAll('&#60;', '&lt;').replaceAll('&#62;', '&gt;')

/** A redirect; GET and HEAD carry Go's little HTML body, other methods none (recordings 20, 22). */
export function redirect (method: string, status: number, location: string): Answer {
  if (method !== 'GET' && method !== 'HEAD') return empty(status, { Location: location })
  const body = `<a href="${escapeHtml(location)}">${STATUS_CODES[status] ?? ''}</a>.\n\n`
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8', Location: location }, body }
}
