import { forwardError } from '../../flow/answers.js'
import { empty, json, redirect, type Answer } from '../../http/answer.js'
import { renewCsrf } from '../../http/csrf.js'
import { ApiError, badRequest, forbidden } from '../../http/errors.js'
import { publicUrl, withQuery, type Exchange } from '../../http/exchange.js'
import { jsonBody, undecodable } from '../../http/json-body.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { checkedReturnTo } from '../../http/return-to.js'
import { route, type Handler, type Route } from '../../http/router.js'
import { deleteCookie } from '../../session/cookie.js'
import { bearerToken, findSession, noActiveSession, sealedSession } from '../../session/credentials.js'

/** Shows errors to browsers on the error page. */
const forwarding = (handler: Handler): Handler => async (ex) => {
  try {
    return await handler(ex)
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
}

const afterLogout = ({ kratos }: Exchange): string | undefined =>
  kratos.config.selfservice.flows.logout.after.default_browser_return_url

/** The URL that ends the caller's session (recording 40). */
function init (ex: Exchange): Answer {
  const session = findSession(ex)
  if (session === undefined) throw noActiveSession()
  const returnTo = ex.query.get('return_to') ?? ''
  const parameters = {
    token: session.logoutToken,
    ...(returnTo === '' ? {} : { return_to: checkedReturnTo(ex, { fallback: afterLogout(ex) }) }),
  }
  return json(200, {
    logout_url: withQuery(publicUrl(ex.kratos, '/self-service/logout'), parameters),
    logout_token: session.logoutToken,
  })
}

/**
 * Ends the session before it checks return_to: a forbidden return_to does not keep anybody logged in
 * (docs/kratos-facts.md, section 10).
 */
function complete (ex: Exchange): Answer {
  const token = ex.query.get('token') ?? ''
  if (token === '') throw badRequest('Please include a token in the URL query.')
  const session = findSession(ex)
  if (session === undefined) throw noActiveSession()
  if (session.logoutToken !== token) {
    throw forbidden('Unable to log out because the logout token in the URL query does not match the session cookie.')
  }
  revokePresented(ex)
  renewCsrf(ex)
  const returnTo = checkedReturnTo(ex, { fallback: afterLogout(ex) })
  return isJsonRequest(ex) ? empty(204) : redirect(ex.method, 303, returnTo)
}

/**
 * As Kratos does: revokes the Bearer token, otherwise the cookie's session. X-Session-Token alone revokes nothing
 * (recording 41).
 */
function revokePresented (ex: Exchange): void {
  const { sessions } = ex.kratos.store
  const bearer = bearerToken(ex)
  if (bearer !== undefined) {
    sessions.revokeByToken(bearer)
    return
  }
  const sealed = sealedSession(ex)
  if (sealed === undefined) return
  sessions.revokeByToken(sealed.session_token)
  deleteCookie(ex, sealed.session_token)
}

/** Logout of a native app (recording 42). */
function native (ex: Exchange): Answer {
  const token = sessionTokenIn(ex)
  if (ex.kratos.store.sessions.byToken(token) === undefined) {
    throw forbidden('The provided Ory Session Token could not be found, is invalid, or otherwise malformed.')
  }
  ex.kratos.store.sessions.revokeByToken(token)
  return empty(204)
}

function sessionTokenIn (ex: Exchange): string {
  const token = jsonBody(ex)['session_token'] ?? ''
  if (typeof token !== 'string') throw undecodable('json: cannot unmarshal the value into a string')
  return token
}

export const logoutRoutes: Route[] = [
  route('GET', '/self-service/logout/browser', forwarding(init)),
  route('GET', '/self-service/logout', forwarding(complete)),
  route('DELETE', '/self-service/logout/api', native),
]
