import { json, redirect, type Answer } from '../http/answer.js'
import { ApiError, errorAnswer, errorObject } from '../http/errors.js'
import { withQuery, type Exchange } from '../http/exchange.js'
import { acceptsJson, isJsonRequest } from '../http/negotiation.js'
import { FormError } from '../identity/validation.js'
import { newId } from '../random.js'
import { DatabaseAway } from '../store/away.js'
import { addMessage, resetMessages } from '../ui/container.js'
import { MESSAGES } from '../ui/message.js'
import { flowJson, type Flow } from './flow.js'
import { saveFlow, uiUrl } from './lifecycle.js'

export const writeError = (ex: Exchange, error: ApiError, status?: number): Answer =>
  errorAnswer(error, ex.headers.get('x-request-id'), status)

/** An error that cannot be stored is shown to browsers too (docs/kratos-facts.md, section 20). */
function isStored ({ kratos }: Exchange, id: string, error: ApiError): boolean {
  const now = kratos.clock.now()
  try {
    kratos.store.errors.create({ id, error: errorObject(error), createdAt: now, updatedAt: now })
    return true
  } catch (failure) {
    if (failure instanceof DatabaseAway) return false
    throw failure
  }
}

/**
 * JSON callers get the error. Browsers go to the error page, for which the error is stored (docs/kratos-facts.md,
 * sections 9 and 15).
 */
export function forwardError (ex: Exchange, error: ApiError): Answer {
  if (isJsonRequest(ex)) return writeError(ex, error)
  const id = newId()
  if (!isStored(ex, id, error) || acceptsJson(ex)) return writeError(ex, error)
  return redirect(ex.method, 303, withQuery(ex.kratos.config.selfservice.flows.error.ui_url, { id }))
}

/**
 * An error of a known flow. API callers get it, with status 400 for a plain error; browsers are treated as in
 * `forwardError`. Only login and registration treat JSON callers of browser flows as browsers here.
 */
export function reportError (ex: Exchange, flow: Flow, error: ApiError): Answer {
  const isDirect = flow.type === 'api' || (isJsonRequest(ex) && flow.kind !== 'login' && flow.kind !== 'registration')
  return isDirect ? writeError(ex, error, error.fields.isPlain === true ? 400 : undefined) : forwardError(ex, error)
}

/** The answer for a new flow: its JSON, or a redirect to its page. */
export const openedFlow = (ex: Exchange, flow: Flow): Answer =>
  acceptsJson(ex) ? json(200, flowJson(flow)) : redirect(ex.method, 303, uiUrl(ex.kratos, flow))

/** Shows an error in the form. @returns false when it is not an error for forms */
export function showInForm (flow: Flow, error: unknown, { keepsMessages = false } = {}): boolean {
  if (error instanceof FormError) {
    if (!keepsMessages) resetMessages(flow.ui)
    for (const { message, path } of error.messages) addMessage(flow.ui, message, path)
    return true
  }
  if (!(error instanceof ApiError) || error.fields.code !== 400) return false
  if (!keepsMessages) resetMessages(flow.ui)
  addMessage(flow.ui, MESSAGES.generic(error.fields.reason ?? ''))
  return true
}

/** How the flows differ when a submit fails. */
export interface FailureStyle {
  /** Sorts the nodes as this flow does. */
  sort(flow: Flow): void
  /** Redirect of an HTML form with errors: 302 for registration, otherwise 303 (docs/kratos-facts.md, section 6). */
  htmlStatus: 302 | 303
  /** Messages of earlier submits stay (settings, recording 50). */
  keepsMessages?: true
  /** Where the browser of a native app is sent; there it sees no form. */
  appUrl?: string
}

/**
 * The answer to a failed submit: the flow with messages (400) if the error belongs in the form, otherwise the error
 * object or the error page.
 */
export function failedSubmit (ex: Exchange, flow: Flow, error: unknown, style: FailureStyle): Answer {
  if (!showInForm(flow, error, style)) {
    if (!(error instanceof ApiError)) throw error
    return reportError(ex, flow, error)
  }
  style.sort(flow)
  saveFlow(ex.kratos, flow)
  if (flow.type === 'browser' && !isJsonRequest(ex)) {
    return redirect(ex.method, style.htmlStatus, uiUrl(ex.kratos, flow))
  }
  if (style.appUrl !== undefined) return redirect(ex.method, 303, style.appUrl)
  delete flow.transientPayload
  return json(400, flowJson(flow))
}
