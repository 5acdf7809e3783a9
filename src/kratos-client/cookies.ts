import type { IncomingHttpHeaders } from 'node:http'

/** Value as sent: not decoded, not unquoted. */
export interface RawCookie {
  name: string
  value: string
}

const isBlank = (char: string | undefined): boolean => char === ' ' || char === '\t'

// HTTP knows no other blanks (RFC 9110, section 5.6.3): `trim` takes more, so that a cookie which any site of the
// domain may set could become one with a `__Host-` name.
export function withoutBlankEnds (text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

/** RFC 6265, section 4.2.1. Not decoded: a decoded value could hold a CR or LF (B06). Duplicates are kept, in order. */
export function parseCookieHeader (header: string | undefined): RawCookie[] {
  if (header === undefined || header === '') return []
  return header.split(';').flatMap((pair) => {
    const equals = pair.indexOf('=')
    if (equals < 1) return []
    return [{ name: withoutBlankEnds(pair.slice(0, equals)), value: withoutBlankEnds(pair.slice(equals + 1)) }]
  })
}

/** cookie-octet of RFC 6265, section 4.1.1, without the quotes. */
const COOKIE_OCTETS = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/

/** The CSRF cookie is named by the SHA-256 of Kratos' public base URL (docs/kratos-facts.md, section 4). */
const FLOW_COOKIE_NAME = /^(?:csrf_token_[0-9a-f]{64}|ory_kratos_continuity)$/

/** CSRF and continuity cookies as `name=value`; everything else the browser sent stays here. */
export function flowCookies (header: string | undefined): string[] {
  return parseCookieHeader(header)
    .filter(({ name, value }) => FLOW_COOKIE_NAME.test(name) && COOKIE_OCTETS.test(value))
    .map(({ name, value }) => `${name}=${value}`)
}

export function setCookieLines (headers: IncomingHttpHeaders): string[] {
  const lines: string | string[] | undefined = headers['set-cookie']
  return lines === undefined ? [] : [lines].flat()
}
