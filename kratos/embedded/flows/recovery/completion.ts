import { durationMs } from '../../clock.js'
import { writeError } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { csrfToken, renewCsrf } from '../../http/csrf.js'
import { browserLocationChangeRequired } from '../../http/errors.js'
import { withQuery, type Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { runHooks } from '../../hooks/registry.js'
import type { RecoveredIdentity } from '../../methods/method.js'
import { activateSession, completeMethod } from '../../session/activate.js'
import { issueCookie } from '../../session/cookie.js'
import { newSession } from '../../session/session.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { openSettings } from '../settings/opening.js'

/**
 * Finishes a recovery: makes a session, runs hooks, stores, opens a settings flow for a new password. A link continues
 * in the browser that opened it, even from an API flow.
 * @throws errors of hooks, and ApiError 401 for an inactive identity
 */
export async function completeRecovery (
  ex: Exchange,
  flow: Flow,
  { identity, method }: RecoveredIdentity,
): Promise<Answer> {
  const { kratos } = ex
  const now = kratos.clock.now()
  const type = method === 'link_recovery' ? 'browser' : flow.type
  Object.assign(flow, { state: 'passed_challenge', identityId: identity.id })
  flow.ui.messages = []
  if (type === 'browser') renewFormToken(ex, flow)
  saveFlow(kratos, flow)
  const session = newSession(identity)
  completeMethod(session, { method, aal: 'aal1' }, now)
  activateSession(ex, session, identity)
  const answer = await runHooks({ ex, flow, stage: 'post-persist', method: '', identity, session })
  if (answer !== undefined) return answer
  kratos.store.sessions.save(session, now)
  if (type === 'browser') issueCookie(ex, session)
  else flow.continueWith.push({ action: 'set_ory_session_token', ory_session_token: session.token })
  const settings = await openSettings(ex, identity, session, type)
  welcome(ex, settings, flow)
  return recovered(ex, flow, settings, method)
}

function renewFormToken (ex: Exchange, flow: Flow): void {
  renewCsrf(ex)
  flow.csrfToken = csrfToken(ex)
  upsertNode(flow.ui, csrfNode(flow.csrfToken))
}

/** The settings flow gets a message about the recovery, and the recovery's return_to. */
function welcome ({ kratos }: Exchange, settings: Flow, flow: Flow): void {
  const { recovery, settings: { privileged_session_max_age: maxAge } } = kratos.config.selfservice.flows
  const now = kratos.clock.now()
  const returnTo = flow.returnTo === '' ? recovery.after.default_browser_return_url ?? '' : flow.returnTo
  if (returnTo !== '') {
    Object.assign(settings, { returnTo, requestUrl: withQuery(settings.requestUrl, { return_to: returnTo }) })
  }
  settings.ui.messages = [MESSAGES.recovered(now + durationMs(maxAge), now)]
  saveFlow(kratos, settings)
}

/** Without continue_with, JSON callers get 422, and API flows get no token at all (recording 55). */
function recovered (ex: Exchange, flow: Flow, settings: Flow, method: RecoveredIdentity['method']): Answer {
  const url = uiUrl(ex.kratos, settings)
  const usesContinueWith = ex.kratos.config.feature_flags['use_continue_with_transitions'] === true
  if (usesContinueWith && method === 'code_recovery' && (flow.type === 'api' || isJsonRequest(ex))) {
    flow.continueWith.push({ action: 'show_settings_ui', flow: { id: settings.id, url } })
    return json(200, flowJson(flow))
  }
  if (usesContinueWith || method === 'link_recovery' || !isJsonRequest(ex)) return redirect(ex.method, 303, url)
  return writeError(ex, browserLocationChangeRequired(url))
}
