import { durationMs } from '../clock.js'
import { base64Problem } from '../go/base64.js'
import { json, type Answer } from '../http/answer.js'
import { ApiError } from '../http/errors.js'
import { cookieValues, type Exchange } from '../http/exchange.js'
import { ensureAal } from './aal.js'
import { refreshCookie } from './cookie.js'
import { credentialOf, believedSession, hasSessionCookie, sealedSession } from './credentials.js'
import { sessionJson } from './json.js'
import type { Session } from './session.js'
import { tokenized } from './tokenizer.js'

const CACHE_FOR = 'Ory-Session-Cache-For'

/** `/sessions/whoami` for GET and all other methods (recordings 30 to 37). */
export async function whoami (ex: Exchange): Promise<Answer> {
  const { kratos } = ex
  const isCacheable = kratos.config.feature_flags['cacheable_sessions'] === true
  const session = believedSession(ex)
  if (session === undefined) {
    if (isCacheable && credentialOf(ex) === undefined) ex.responseHeaders[CACHE_FOR] = '60'
    throw new ApiError({
      code: 401,
      message: 'The request could not be authorized',
      reason: 'No valid session credentials found in the request.',
    })
  }
  ensureAal(kratos, session, kratos.config.session.whoami.required_aal)
  const template = ex.query.get('tokenize_as') ?? ''
  const token = template === '' ? {} : { tokenized: await tokenized(kratos, session, template) }
  ex.responseHeaders['X-Kratos-Authenticated-Identity-Id'] = session.identityId
  if (isCacheable && template === '') ex.responseHeaders[CACHE_FOR] = String(cacheSeconds(ex, session))
  if (hasSessionCookie(ex) && sealedSession(ex) === undefined) throw undecodableCookie(ex)
  refreshCookie(ex, session)
  return json(200, { ...sessionJson(kratos, session), ...token })
}

/** Remaining lifetime, at most `cacheable_sessions_max_age` (recording 36). */
function cacheSeconds ({ kratos }: Exchange, session: Session): number {
  const leftMs = session.expiresAt - kratos.clock.now()
  const cap = kratos.config.feature_flags['cacheable_sessions_max_age']
  return Math.round(
    (typeof cap === 'string' && durationMs(cap) > 0 ? Math.min(leftMs, durationMs(cap)) : leftMs) / 1000,
  )
}

/**
 * A valid token beside a cookie that cannot be opened: 500, only at whoami (docs/kratos-facts.md, section 1, row i).
 */
function undecodableCookie (ex: Exchange): ApiError {
  const problem = base64Problem(cookieValues(ex, ex.kratos.config.session.cookie.name)[0] ?? '')
  const why = problem === undefined ? 'the value is not valid' : `base64 decode failed - caused by: ${problem}`
  return new ApiError({ code: 500, message: `securecookie: ${why}` })
}
