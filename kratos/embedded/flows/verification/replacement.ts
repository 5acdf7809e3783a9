import { showInForm, writeError } from '../../flow/answers.js'
import type { Flow } from '../../flow/flow.js'
import { ExpiredError, flowExpired, saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { redirect, type Answer } from '../../http/answer.js'
import { renewCsrf } from '../../http/csrf.js'
import { gone, type ApiError } from '../../http/errors.js'
import { publicUrl, withQuery, type Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { isEnabled, type Method } from '../../methods/method.js'
import { METHODS } from '../../methods/registry.js'
import { MESSAGES, type UiMessage } from '../../ui/message.js'
import { configuredMethod, newVerification } from './start.js'

const toFlow = (ex: Exchange, flow: Flow): Answer =>
  redirect(ex.method, 303, withQuery(publicUrl(ex.kratos, '/self-service/verification/flows'), { id: flow.id }))

const toPage = (ex: Exchange, flow: Flow): Answer => redirect(ex.method, 303, uiUrl(ex.kratos, flow))

/** 410 with the flow to use instead (recording 60). */
const flowReplaced = (flow: Flow, advice: string): ApiError =>
  gone('self_service_flow_replaced', `An error occured, please ${advice}.`, {
    message: 'self-service flow replaced',
    extra: { use_flow_id: flow.id },
  })

/**
 * A new flow for one that cannot continue, with a message about the reason.
 * @throws `cause` when it is not an error for forms
 */
export function replaceVerification (
  ex: Exchange,
  method: Method,
  { type, cause }: { type: 'api' | 'browser', cause: UiMessage | Error },
): Answer {
  renewCsrf(ex)
  const flow = newVerification(ex, type, method)
  if (cause instanceof ExpiredError) {
    flow.ui.messages.push(MESSAGES.verificationFlowExpired(cause.expiredAt, ex.kratos.clock.now()))
  } else if (!(cause instanceof Error)) flow.ui.messages.push(cause)
  else if (!showInForm(flow, cause)) throw cause
  saveFlow(ex.kratos, flow)
  // Links are opened by browsers, whatever they accept.
  if (method.id === 'link') return type === 'browser' ? toPage(ex, flow) : toFlow(ex, flow)
  if (!isJsonRequest(ex)) return toPage(ex, flow)
  if (cause instanceof ExpiredError) return writeError(ex, flowExpired(ex.kratos, { expiresAt: cause.expiredAt }, flow))
  return writeError(ex, flowReplaced(flow, cause instanceof Error ? 'retry the flow' : 'use the new flow'))
}

/** A new flow for an expired one; it is always a browser flow (recording 13). */
export function replaceExpiredVerification (ex: Exchange, flow: Flow, expiredAt: number): Answer {
  const { kratos } = ex
  const method =
    METHODS.find(({ id, verification }) => id === flow.active && verification !== undefined && isEnabled(kratos, id)) ??
      configuredMethod(ex)
  renewCsrf(ex)
  const replacement = newVerification(ex, 'browser', method)
  Object.assign(replacement, { requestUrl: flow.requestUrl, returnTo: flow.returnTo })
  replacement.ui.messages.push(MESSAGES.verificationFlowExpired(expiredAt, kratos.clock.now()))
  saveFlow(kratos, replacement)
  return isJsonRequest(ex) ? toFlow(ex, replacement) : toPage(ex, replacement)
}
