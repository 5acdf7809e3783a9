import type { IncomingHttpHeaders } from 'node:http'
import { parseCookieHeader, withoutBlankEnds } from './cookies.js'

/**
 * What a request brings to prove its session: a session token, a sealed session cookie, nothing usable,
 * or two different session cookies, of which nobody can say which one is meant (B01).
 */
export type Credential =
  | { kind: 'token', value: string, from: 'cookie' | 'header' }
  | { kind: 'cookie', value: string, from: 'cookie' }
  | { kind: 'none' }
  | { kind: 'conflict' }

/** A credential that can be asked about. */
export type UsableCredential = Extract<Credential, { kind: 'token' | 'cookie' }>

export const isUsable = (credential: Credential): credential is UsableCredential =>
  credential.kind === 'token' || credential.kind === 'cookie'

export const SESSION_TOKEN_PREFIX = 'ory_st_'

/** Recorded tokens have 39 characters (docs/kratos-facts.md, section 3); 128 is our limit (B08). */
const SESSION_TOKEN = /^ory_st_[A-Za-z0-9]{1,121}$/
/**
 * Sealed cookies are base64url, about 428 characters (docs/kratos-facts.md, section 3); some encoders pad. 4,096 is our
 * limit (B08).
 */
const SEALED_COOKIE = /^(?=.{1,4096}$)[A-Za-z0-9_-]+={0,2}$/
const BEARER = /^Bearer +(\S+)$/i

const NONE: Credential = { kind: 'none' }

function fromCookie (value: string): Credential {
  if (value.startsWith(SESSION_TOKEN_PREFIX)) {
    return SESSION_TOKEN.test(value)
      ? { kind: 'token', value, from: 'cookie' }
      : NONE
  }
  return SEALED_COOKIE.test(value) ? { kind: 'cookie', value, from: 'cookie' } : NONE
}

const NO_COOKIES: string[] = []

/** The different values of the session cookie, in order. */
function sessionCookies (header: string | undefined, cookieName: string): string[] {
  // A native client sends none.
  if (header === undefined) return NO_COOKIES
  return [...new Set(parseCookieHeader(header).filter(({ name }) => name === cookieName).map(({ value }) => value))]
}

const fromHeader = (value: string): Credential =>
  SESSION_TOKEN.test(value) ? { kind: 'token', value, from: 'header' } : NONE

/**
 * Chooses the one credential of a request: the session cookie, without one `X-Session-Token`, without that
 * `Authorization: Bearer ory_st_…` (docs/security-model.md, section 2). A cookie that is present decides even when it
 * is unusable.
 * @param cookieName name of the session cookie, `ory_kratos_session` by default in Kratos
 */
export function chooseCredential (headers: IncomingHttpHeaders, cookieName: string): Credential {
  const [value, other] = sessionCookies(headers.cookie, cookieName)
  if (other !== undefined) return { kind: 'conflict' }
  if (value !== undefined) return fromCookie(value)

  const header = headers['x-session-token']
  const token = typeof header === 'string' ? withoutBlankEnds(header) : ''
  if (token !== '') return fromHeader(token)
  const bearer = BEARER.exec(headers.authorization ?? '')?.[1]
  return bearer === undefined ? NONE : fromHeader(bearer)
}

/**
 * The headers that carry a credential to Kratos: never a token beside a cookie (docs/kratos-facts.md, section 1 i and
 * 2: that is a 500 or another user's session).
 * @param flowCookies CSRF and continuity cookies as `name=value`, for browser-flow calls only
 */
export function credentialHeaders (
  credential: Credential,
  cookieName: string,
  flowCookies: string[] = [],
): Record<string, string> {
  if (credential.kind === 'token') {
    return flowCookies.length === 0
      ? { 'x-session-token': credential.value }
      : { 'x-session-token': credential.value, cookie: flowCookies.join('; ') }
  }
  const cookies = credential.kind === 'cookie' ? [...flowCookies, `${cookieName}=${credential.value}`] : flowCookies
  return cookies.length === 0 ? {} : { cookie: cookies.join('; ') }
}
