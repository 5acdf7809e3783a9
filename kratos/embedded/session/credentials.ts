import { ApiError } from '../http/errors.js'
import { cookieValues, type Exchange } from '../http/exchange.js'
import type { JsonObject } from '../json.js'
import { DatabaseAway } from '../store/away.js'
import { isActive, type Session } from './session.js'

/** Content of the session cookie. */
export type SealedSession = JsonObject & { session_token: string, expires_at: string }

const isSealedSession = (content: JsonObject | undefined): content is SealedSession =>
  typeof content?.['session_token'] === 'string' && typeof content['expires_at'] === 'string'

/** The first session cookie that can be opened, if there are several (docs/kratos-facts.md, section 2). */
export function sealedSession (ex: Exchange): SealedSession | undefined {
  const { name } = ex.kratos.config.session.cookie
  return cookieValues(ex, name).map((value) => ex.kratos.sealer.open(name, value)).find(isSealedSession)
}

export const hasSessionCookie = (ex: Exchange): boolean =>
  cookieValues(ex, ex.kratos.config.session.cookie.name).length > 0

/** The token of `Authorization: Bearer`; the scheme is case-insensitive. */
export function bearerToken (ex: Exchange): string | undefined {
  const [scheme, token, ...more] = (ex.headers.get('authorization') ?? '').split(' ')
  return scheme?.toLowerCase() === 'bearer' && token !== undefined && token !== '' && more.length === 0
    ? token
    : undefined
}

/**
 * The only credential that counts: X-Session-Token, otherwise the cookie, otherwise Bearer (docs/kratos-facts.md,
 * section 2).
 */
export function credentialOf (ex: Exchange): string | undefined {
  const header = ex.headers.get('x-session-token')?.trim() ?? ''
  return header === '' ? sealedSession(ex)?.session_token ?? bearerToken(ex) : header
}

/** The caller's active session, if any. */
export function findSession (ex: Exchange): Session | undefined {
  const token = credentialOf(ex)
  const session = token === undefined ? undefined : ex.kratos.store.sessions.byToken(token)
  return session !== undefined && isActive(session, ex.kratos.clock.now()) ? session : undefined
}

/**
 * The same where Kratos cannot tell a missing session from a database that is away (docs/kratos-facts.md, section 20):
 * whoami, the list of sessions, settings.
 */
export function believedSession (ex: Exchange): Session | undefined {
  try {
    return findSession(ex)
  } catch (error) {
    if (error instanceof DatabaseAway) return undefined
    throw error
  }
}

/** 401 of flows that need a session. */
export const noActiveSession = (): ApiError =>
  new ApiError({
    id: 'session_inactive',
    code: 401,
    message: 'request does not have a valid authentication session',
    reason: 'No active session was found in this request.',
  })
