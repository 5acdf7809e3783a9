import type { IncomingHttpHeaders } from 'node:http'
import { parseCookieHeader, withoutBlankEnds } from './cookies.js'

/** `none`: no usable one; `conflict`: two different session cookies, and nobody can say which is meant (B01). */
export type Credential =
  | { kind: 'token', value: string, from: 'cookie' | 'header' }
  | { kind: 'cookie', value: string, from: 'cookie' }
  | { kind: 'none' }
  | { kind: 'conflict' }

export type UsableCredential = Extract<Credential, { kind: 'token' | 'cookie' }>

export const isUsable = (credential: Credential): credential is UsableCredential =>
  credential.kind === 'token' || credential.kind === 'cookie'

export const SESSION_TOKEN_PREFIX = 'ory_st_'

/** Recorded tokens have 39 characters (docs/kratos-facts.md, section 3); 128 is our limit (B08). */
const SESSION_TOKEN = /^ory_st_[A-Za-z0-9]{1,121}$/
/** base64url, about 428 characters (docs/kratos-facts.md, section 3), sometimes padded; 4,096 is our limit (B08). */
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

function sessionCookies (header: string | undefined, cookieName: string): string[] {
  if (header === undefined) return NO_COOKIES
  return [...new Set(parseCookieHeader(header).filter(({ name }) => name === cookieName).map(({ value }) => value))]
}

const fromHeader = (value: string): Credential =>
  SESSION_TOKEN.test(value) ? { kind: 'token', value, from: 'header' } : NONE

/**
 * The session cookie, else `X-Session-Token`, else `Authorization: Bearer ory_st_…` (docs/security-model.md, section
 * 2). A cookie that is present decides even when it is unusable.
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
 * Never a token beside a cookie: a 500 or another user's session (docs/kratos-facts.md, sections 1 i and 2). @param
 * flowCookies `name=value`, for browser-flow calls only
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
