import { parsedTime, rfc3339 } from '../clock.js'
import { renewCsrf } from '../http/csrf.js'
import { plainError } from '../http/errors.js'
import { isSecure, setCookieLine, type CookieAttributes } from '../http/cookies.js'
import type { Exchange } from '../http/exchange.js'
import type { Kratos } from '../kratos.js'
import { findSession, sealedSession } from './credentials.js'
import type { Session } from './session.js'

/**
 * Session and CSRF cookies are configured separately. Missing settings of the session cookie come from `cookies`
 * (recording 25).
 */
function attributes (kratos: Kratos): CookieAttributes {
  const { config } = kratos
  const { cookie } = config.session
  return {
    path: (cookie.path ?? config.cookies.path) || '/',
    domain: cookie.domain ?? config.cookies.domain,
    secure: isSecure(kratos, cookie.secure),
    sameSite: cookie.same_site ?? config.cookies.same_site,
  }
}

/** The value of the session cookie; different each time. */
export const sealedValue = (
  { config, sealer }: Kratos,
  { token, expiresAt }: Pick<Session, 'token' | 'expiresAt'>,
): string => sealer.seal(config.session.cookie.name, { session_token: token, expires_at: rfc3339(expiresAt) })

/**
 * Sends the session as a sealed cookie. A change of identity also gives a new CSRF secret (docs/kratos-facts.md,
 * section 4).
 * @throws ApiError 500 for a configured name that no cookie can have
 */
export function issueCookie (ex: Exchange, session: Session): void {
  const { kratos } = ex
  const { name, persistent } = kratos.config.session.cookie
  if (findSession(ex)?.identityId !== session.identityId) renewCsrf(ex)
  const now = kratos.clock.now()
  const lifetime = persistent
    ? { maxAge: Math.floor((session.expiresAt - now - 1) / 1000), expires: session.expiresAt }
    : {}
  const line = setCookieLine(name, sealedValue(kratos, session), { ...attributes(kratos), ...lifetime })
  if (line === undefined) throw plainError(`sessions: invalid character in cookie name: ${name}`)
  ex.setCookies.set(name, line)
}

/** Sends a new cookie if the request's cookie expires before the session (recording 35). */
export function refreshCookie (ex: Exchange, session: Session): void {
  const sealed = sealedSession(ex)
  if (sealed !== undefined && parsedTime(sealed.expires_at) < session.expiresAt) issueCookie(ex, session)
}

/** Deletes the cookie; its value is still a sealed one (recording 40). */
export function deleteCookie (ex: Exchange, token: string): void {
  const { name } = ex.kratos.config.session.cookie
  const value = ex.kratos.sealer.seal(name, { session_token: token, expires_at: '' })
  ex.setCookies.set(name, setCookieLine(name, value, { ...attributes(ex.kratos), maxAge: 0, expires: 1000 }))
}
