import { empty, json, JSON_TYPE, type Answer } from '../http/answer.js'
import { badRequest, unauthorized } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { pageParameters, paginationHeaders } from '../http/pagination.js'
import { route, type Route } from '../http/router.js'
import { parseUuid } from '../random.js'
import { ensureAal } from './aal.js'
import { believedSession } from './credentials.js'
import { sessionJson } from './json.js'
import { isActive, type Session } from './session.js'
import { exchangeToken } from './token-exchange.js'
import { whoami } from './whoami.js'

function requiredSession (ex: Exchange): Session {
  const session = believedSession(ex)
  if (session === undefined) throw unauthorized('No valid session cookie found.')
  return session
}

/** The caller's other active sessions, newest first (recording 45). */
function list (ex: Exchange): Answer {
  const { kratos } = ex
  const session = requiredSession(ex)
  ensureAal(kratos, session, kratos.config.session.whoami.required_aal)
  const others = kratos.store.sessions
    .ofIdentity(session.identityId)
    .filter((other) => other.id !== session.id && isActive(other, kratos.clock.now()))
  const { page, perPage } = pageParameters(ex.query)
  // The first two pages are the same: Kratos counts from 0 in the links and from 1 in the database (recording 45).
  const start = Math.max(0, page - 1) * perPage
  const shown = others.slice(start, start + perPage).map((other) => sessionJson(kratos, other, { identity: 'bare' }))
  return json(200, shown, paginationHeaders(ex, others.length, page, perPage))
}

/** Ends all other sessions; `count` includes sessions that had already ended (docs/kratos-facts.md, section 12). */
function revokeOthers (ex: Exchange): Answer {
  const session = requiredSession(ex)
  return json(200, { count: ex.kratos.store.sessions.revokeOthers(session.identityId, session.id) })
}

/**
 * Ends one of the caller's sessions. The answer is also 204 if there is none or it belongs to somebody else; then
 * nothing changes.
 */
async function revokeOne (ex: Exchange): Promise<Answer> {
  if (ex.params['id'] === 'whoami') return await whoami(ex)
  const session = requiredSession(ex)
  const text = ex.params['id'] ?? ''
  const id = parseUuid(text)
  if (id === undefined) {
    throw badRequest('', { message: `uuid: incorrect UUID length ${text.length} in string ${JSON.stringify(text)}` })
  }
  if (id === session.id) throw badRequest('', { message: 'cannot revoke current session' })
  if (ex.kratos.store.sessions.get(id)?.identityId === session.identityId) ex.kratos.store.sessions.revoke(id)
  return empty(204, JSON_TYPE)
}

const ANY_METHOD = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'CONNECT', 'OPTIONS', 'TRACE']

export const sessionRoutes: Route[] = [
  ...ANY_METHOD.map((method) => route(method, '/sessions/whoami', whoami)),
  route('GET', '/sessions', list),
  route('DELETE', '/sessions', revokeOthers),
  route('DELETE', '/sessions/{id}', revokeOne),
  route('GET', '/sessions/token-exchange', exchangeToken),
]
