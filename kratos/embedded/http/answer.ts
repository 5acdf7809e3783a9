import { STATUS_CODES } from 'node:http'

/** The answer of a handler. Cookies and common headers are on the exchange. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: string | null
}

/** Content type of successful answers; some 204 answers have it too. */
export const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' }

/** A flow or other successful answer (recording 02). Error objects have no charset (`errors.ts`). */
export const json = (status: number, value: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { ...JSON_TYPE, ...headers },
  body: `${JSON.stringify(value)}\n`,
})

export const empty = (status: number, headers: Record<string, string> = {}): Answer => ({ status, headers, body: null })

/** Go's plain 404 and 405 answers (recording 85). */
export const plain = (status: number, text: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff', ...headers },
  body: `${text}\n`,
})

const escapeHtml = (text: string): string =>
  text
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
    .replaceAll('&#38;', '&amp;')
    .replaceAll('&#60;', '&lt;')
    .replaceAll('&#62;', '&gt;')

/** A redirect. For GET and HEAD it has Go's HTML body, for other methods none (recordings 20, 22). */
export function redirect (method: string, status: number, location: string): Answer {
  if (method !== 'GET' && method !== 'HEAD') return empty(status, { Location: location })
  const body = `<a href="${escapeHtml(location)}">${STATUS_CODES[status] ?? ''}</a>.\n\n`
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8', Location: location }, body }
}
