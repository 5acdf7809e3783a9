import type { Kratos } from '../kratos.js'

export interface CookieAttributes {
  path: string
  domain?: string | undefined
  /** In seconds; undefined: session cookie; 0 or less: deletion. */
  maxAge?: number | undefined
  /** Milliseconds since the epoch. */
  expires?: number | undefined
  secure: boolean
  sameSite?: string | undefined
}

/** @param setting `secure` in the configuration, a string; if undefined, --dev decides */
export const isSecure = ({ dev }: Kratos, setting: string | undefined): boolean =>
  setting === undefined ? !dev : setting === 'true'

/** Blank and tab only, as in Go: `trim` would make another cookie's name into this one's. */
function withoutBlankEnds (text: string): string {
  let [start, end] = [0, text.length]
  while (text[start] === ' ' || text[start] === '\t') start++
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--
  return text.slice(start, end)
}

/** Names and values of all Cookie lines, in order. A part without `=` is a cookie without value. */
export function parseCookies (lines: string[]): Array<[string, string]> {
  return lines.flatMap((line) => line.split(';')).flatMap((part) => {
    const [name = '', value = ''] = part.split(/=(.*)/s).map(withoutBlankEnds)
    if (name === '' || /[^!#$%&'*+.^_`|~0-9A-Za-z-]/.test(name)) return []
    return [[name, value.replace(/^"(.*)"$/, '$1')] as [string, string]]
  })
}

const httpDate = (ms: number): string => new Date(ms).toUTCString()

/** One Set-Cookie line with the attributes in Go's order (docs/kratos-facts.md, section 4). */
export function setCookieLine (name: string, value: string, attributes: CookieAttributes): string {
  const { path, domain, maxAge, expires, secure, sameSite } = attributes
  return [
    `${name}=${value}`,
    `Path=${path}`,
    ...(domain === undefined || domain === '' ? [] : [`Domain=${domain}`]),
    ...(expires === undefined ? [] : [`Expires=${httpDate(expires)}`]),
    ...(maxAge === undefined ? [] : [`Max-Age=${Math.max(maxAge, 0)}`]),
    'HttpOnly',
    ...(secure ? ['Secure'] : []),
    ...(sameSite === undefined || sameSite === '' ? [] : [`SameSite=${sameSite}`]),
  ].join('; ')
}
