import { showInForm, writeError } from '../../flow/answers.js'
import type { Flow } from '../../flow/flow.js'
import { ExpiredError, flowExpired, saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { redirect, type Answer } from '../../http/answer.js'
import { renewCsrf } from '../../http/csrf.js'
import { ApiError, plainError } from '../../http/errors.js'
import { publicUrl, withQuery, type Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { HookObjection } from '../../hooks/web-hook/answer.js'
import { isEnabled, type Method } from '../../methods/method.js'
import { METHODS } from '../../methods/registry.js'
import { MESSAGES, type UiMessage } from '../../ui/message.js'
import { configuredMethod, newRecovery } from './opening.js'

/** The newer way of Kratos to say what comes next (recording 58). */
const usesContinueWith = ({ kratos }: Exchange): boolean =>
  kratos.config.feature_flags['use_continue_with_transitions'] === true

const showRecoveryUi = (flow: Flow) => [{ action: 'show_recovery_ui', flow: { id: flow.id } }]

const toFlow = (ex: Exchange, flow: Flow): Answer =>
  redirect(ex.method, 303, withQuery(publicUrl(ex.kratos, '/self-service/recovery/flows'), { id: flow.id }))

const toPage = (ex: Exchange, flow: Flow): Answer => redirect(ex.method, 303, uiUrl(ex.kratos, flow))

/**
 * A new flow for one that cannot continue, with a message about the reason (recordings 55, 58).
 * @throws `cause` when it is not an error for forms
 */
export function replaceRecovery (
  ex: Exchange,
  method: Method,
  { type, cause }: { type: 'api' | 'browser', cause: UiMessage | Error },
): Answer {
  renewCsrf(ex)
  const flow = newRecovery(ex, type, method)
  if (cause instanceof ExpiredError) {
    flow.ui.messages.push(MESSAGES.recoveryFlowExpired(cause.expiredAt, ex.kratos.clock.now()))
  } else if (!(cause instanceof Error)) flow.ui.messages.push(cause)
  else if (!showInForm(flow, cause)) throw cause
  saveFlow(ex.kratos, flow)
  // Links are opened by browsers, whatever they accept.
  if (method.id === 'link') return type === 'browser' ? toPage(ex, flow) : toFlow(ex, flow)
  if (!isJsonRequest(ex)) return toPage(ex, flow)
  if (!usesContinueWith(ex)) return toFlow(ex, flow)
  const error = apiErrorFor(cause)
  return writeError(ex, error.with({ details: { ...error.fields.details, continue_with: showRecoveryUi(flow) } }))
}

function apiErrorFor (cause: UiMessage | Error): ApiError {
  if (cause instanceof ApiError) return cause
  if (cause instanceof HookObjection) return plainError(cause.summary)
  return plainError(cause instanceof Error ? cause.message : cause.text)
}

/** A new flow for an expired one (docs/kratos-facts.md, section 8). */
export function replaceExpiredRecovery (ex: Exchange, flow: Flow, expiredAt: number): Answer {
  const { kratos } = ex
  const method =
    METHODS.find(({ id, recovery }) => id === flow.active && recovery !== undefined && isEnabled(kratos, id)) ??
      configuredMethod(ex)
  const replacement = newRecovery(ex, flow.active === 'link' ? 'browser' : flow.type, method)
  Object.assign(replacement, { requestUrl: flow.requestUrl, returnTo: flow.returnTo })
  replacement.ui.messages.push(MESSAGES.recoveryFlowExpired(expiredAt, kratos.clock.now()))
  saveFlow(kratos, replacement)
  if (usesContinueWith(ex) && replacement.type === 'api') {
    return writeError(
      ex,
      flowExpired(kratos, { expiresAt: expiredAt }, replacement).with({
        details: { continue_with: showRecoveryUi(replacement) },
      }),
    )
  }
  return replacement.type === 'api' || isJsonRequest(ex) ? toFlow(ex, replacement) : toPage(ex, replacement)
}
