import { failedSubmit, forwardError, openedFlow, writeError } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import {
  fetchedExpired,
  flowExpired,
  isExpired,
  loadFlow,
  saveFlow,
  submittedFlowId,
  uiUrl,
} from '../../flow/lifecycle.js'
import { showIdentity } from '../../flow/owner.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { ApiError, errorAnswer, forbidden, notFound, unauthorized } from '../../http/errors.js'
import { publicUrl, requestUrl, withQuery, type Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { route, type Route } from '../../http/router.js'
import { parseUuid } from '../../random.js'
import { ensureAal } from '../../session/aal.js'
import { believedSession, noActiveSession } from '../../session/credentials.js'
import type { Session } from '../../session/session.js'
import { MESSAGES } from '../../ui/message.js'
import { openSettings, sortSettings } from './opening.js'
import { submitChange } from './submission.js'

const requireAal = ({ kratos }: Exchange, session: Session, returnTo?: string): void =>
  ensureAal(kratos, session, kratos.config.selfservice.flows.settings.required_aal, returnTo)

async function initApi (ex: Exchange): Promise<Answer> {
  const session = believedSession(ex)
  if (session === undefined) {
    throw noActiveSession().with({
      reason: 'This endpoint can only be accessed with a valid session. Please log in and try again.',
    })
  }
  requireAal(ex, session)
  return json(200, flowJson(await openSettings(ex, session.identity, session, 'api')))
}

async function initBrowser (ex: Exchange): Promise<Answer> {
  const session = believedSession(ex)
  const returnTo = ex.query.get('return_to') ?? ''
  if (session === undefined) return toLogin(ex, returnTo)
  try {
    requireAal(ex, session, returnTo === '' ? undefined : requestUrl(ex))
    return openedFlow(ex, await openSettings(ex, session.identity, session, 'browser'))
  } catch (error) {
    if (error instanceof ApiError) return elsewhere(ex, error, isJsonRequest(ex)) ?? forwardError(ex, error)
    throw error
  }
}

/** Nobody is logged in. Only this answer has a strange extra key (recording 53), and none for the request's id. */
function toLogin (ex: Exchange, returnTo: string): Answer {
  if (isJsonRequest(ex)) return errorAnswer(noActiveSession().with({ extra: { CredentialsMissing: false } }), undefined)
  const login = publicUrl(ex.kratos, '/self-service/login/browser')
  return redirect(ex.method, 303, returnTo === '' ? login : withQuery(login, { return_to: returnTo }))
}

/** Errors with a URL: JSON callers get the error, browsers are redirected (recordings 51, 52). */
function elsewhere (ex: Exchange, error: ApiError, isJson: boolean): Answer | undefined {
  const { id, extra } = error.fields
  if (id !== 'session_aal2_required' && id !== 'session_refresh_required') return undefined
  return isJson ? writeError(ex, error) : redirect(ex.method, 303, String(extra?.['redirect_browser_to']))
}

/** Fetches and submits without a session are refused before the flow is read (docs/kratos-facts.md, section 8). */
function unauthenticated (ex: Exchange): Answer {
  if (isJsonRequest(ex)) {
    return writeError(ex, unauthorized('A valid Ory Session Cookie or Ory Session Token is missing.'))
  }
  return redirect(ex.method, 302, ex.kratos.config.selfservice.flows.login.ui_url)
}

const strangersFlow = (reason: string): ApiError => forbidden(reason).with({ id: 'security_identity_mismatch' })

function fetchFlow (ex: Exchange): Answer {
  const session = believedSession(ex)
  if (session === undefined) return unauthenticated(ex)
  const flow = loadFlow(ex.kratos, 'settings', parseUuid(ex.query.get('id')))
  if (flow.identityId !== session.identityId) {
    throw strangersFlow('The request was made for another identity and has been blocked for security reasons.')
  }
  requireAal(ex, session, uiUrl(ex.kratos, flow))
  if (isExpired(ex.kratos, flow)) throw fetchedExpired(ex.kratos, flow)
  showIdentity(ex.kratos, flow)
  return json(200, flowJson(flow))
}

/**
 * A submit: checks session, flow, level, expiry and owner, offers the form to the methods, runs hooks and stores.
 * Errors are shown in the form.
 */
async function submit (ex: Exchange): Promise<Answer> {
  const session = believedSession(ex)
  if (session === undefined) return unauthenticated(ex)
  let flow: Flow
  try {
    flow = submittedFlow(ex)
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  try {
    requireAal(ex, session, requestUrl(ex))
    if (isExpired(ex.kratos, flow)) return await replaceExpired(ex, flow, session)
    if (flow.identityId !== session.identityId) {
      throw strangersFlow(
        'The request was initiated by someone else and has been blocked for security reasons. Please go back and try again.',
      )
    }
    showIdentity(ex.kratos, flow)
    return await submitChange(ex, flow, session)
  } catch (error) {
    return failed(ex, flow, session, error)
  }
}

function submittedFlow (ex: Exchange): Flow {
  const id = submittedFlowId(ex)
  try {
    return loadFlow(ex.kratos, 'settings', id)
  } catch (error) {
    throw error instanceof ApiError && error.fields.code === 404
      ? notFound('The settings request could not be found. Please restart the flow.')
      : error
  }
}

function failed (ex: Exchange, flow: Flow, session: Session, error: unknown): Answer {
  const detour = error instanceof ApiError ? elsewhere(ex, error, flow.type === 'api' || isJsonRequest(ex)) : undefined
  if (detour !== undefined) return detour
  flow.continueWith = []
  showIdentity(ex.kratos, flow)
  return failedSubmit(ex, flow, error, {
    sort: (flow) => sortSettings(ex.kratos, flow, session.identity.schemaId),
    htmlStatus: 303,
    keepsMessages: true,
  })
}

/** 410 with the new flow, or a redirect to it (docs/kratos-facts.md, section 8). */
async function replaceExpired (ex: Exchange, flow: Flow, session: Session): Promise<Answer> {
  const replacement = await openSettings(ex, session.identity, session, flow.type)
  Object.assign(replacement, { requestUrl: flow.requestUrl, returnTo: flow.returnTo })
  replacement.ui.messages.push(MESSAGES.settingsFlowExpired(flow.expiresAt, ex.kratos.clock.now()))
  saveFlow(ex.kratos, replacement)
  if (flow.type === 'api' || isJsonRequest(ex)) return writeError(ex, flowExpired(ex.kratos, flow, replacement))
  return redirect(ex.method, 303, uiUrl(ex.kratos, replacement))
}

export const settingsRoutes: Route[] = [
  route('GET', '/self-service/settings/api', initApi),
  route('GET', '/self-service/settings/browser', initBrowser),
  route('GET', '/self-service/settings/flows', fetchFlow),
  route('POST', '/self-service/settings', submit),
  route('GET', '/self-service/settings', submit),
]
