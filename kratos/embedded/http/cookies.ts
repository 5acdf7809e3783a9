import { isIPv4 } from 'node:net'
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
  setting === undefined ? !dev : ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(setting)

/** Blank and tab only, as in Go: `trim` would make another cookie's name into this one's. */
function withoutBlankEnds (text: string): string {
  let [start, end] = [0, text.length]
  while (text[start] === ' ' || text[start] === '\t') start++
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--
  return text.slice(start, end)
}

const isCookieName = (name: string): boolean => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)

/** Names and values of all Cookie lines, in order. A part without `=` is a cookie without value. */
export function parseCookies (lines: string[]): Array<[string, string]> {
  return lines.flatMap((line) => line.split(';')).flatMap((part) => {
    const [name = '', value = ''] = part.split(/=(.*)/s).map(withoutBlankEnds)
    if (!isCookieName(name)) return []
    return [[name, value.replace(/^"(.*)"$/, '$1')] as [string, string]]
  })
}

const httpDate = (ms: number): string => new Date(ms).toUTCString()

const isLabel = (label: string): boolean => /^[a-z0-9-]{1,63}$/i.test(label) && !/^-|-$/.test(label)

/** Go leaves out a dot before a domain, and a domain that is none, such as one with a port. */
function cookieDomain (setting = ''): string | undefined {
  const domain = setting.replace(/^\./, '')
  const isName = setting.length <= 255 && /[a-z]/i.test(domain) && domain.replace(/\.$/, '').split('.').every(isLabel)
  return isName || isIPv4(setting) ? domain : undefined
}

/**
 * One Set-Cookie line with the attributes in Go's order (docs/kratos-facts.md, section 4).
 * @returns undefined for a name that no cookie can have: Go then sends none
 */
export function setCookieLine (name: string, value: string, attributes: CookieAttributes): string | undefined {
  const { path, maxAge, expires, secure, sameSite } = attributes
  const domain = cookieDomain(attributes.domain)
  if (!isCookieName(name)) return undefined
  return [
    `${name}=${value}`,
    ...(path === '' ? [] : [`Path=${path.replace(/[^\x20-\x7e]|;/g, '')}`]),
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    ...(expires === undefined ? [] : [`Expires=${httpDate(expires)}`]),
    ...(maxAge === undefined ? [] : [`Max-Age=${Math.max(maxAge, 0)}`]),
    'HttpOnly',
    ...(secure ? ['Secure'] : []),
    ...(sameSite === undefined || sameSite === '' ? [] : [`SameSite=${sameSite}`]),
  ].join('; ')
}
