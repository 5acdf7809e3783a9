import { failedSubmit, forwardError, openedFlow, writeError } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import {
  ExpiredError,
  fetchedFlow,
  flowExpired,
  isExpired,
  loadFlow,
  saveFlow,
  submittedFlowId,
  uiUrl,
} from '../../flow/lifecycle.js'
import {
  acceptLogin,
  attachLoginRequest,
  oauth2Visit,
  returnTo,
  withParameters,
  type OAuth2Visit,
} from '../../flow/oauth2-login.js'
import { loginChallengeOf } from '../../flow/start-parameters.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { ApiError } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { acceptsJson, isJsonRequest } from '../../http/negotiation.js'
import { checkedReturnTo } from '../../http/return-to.js'
import { route, type Route } from '../../http/router.js'
import { formError } from '../../identity/validation.js'
import { METHODS } from '../../methods/registry.js'
import { findSession } from '../../session/credentials.js'
import type { Session } from '../../session/session.js'
import { MESSAGES } from '../../ui/message.js'
import { completeLogin } from './completion.js'
import { FailedOpening } from './failed-opening.js'
import { showCredentials } from './pages.js'
import { alreadyLoggedIn, openLogin, sessionRequiredForHigherAal, sortLogin } from './opening.js'

async function initApi (ex: Exchange): Promise<Answer> {
  try {
    return json(200, flowJson(await openLogin(ex, 'api')))
  } catch (error) {
    if (error instanceof FailedOpening) return error.answer
    throw error
  }
}

async function initBrowser (given: Exchange): Promise<Answer> {
  let ex = given
  let visit: OAuth2Visit | undefined
  try {
    visit = await oauth2Visit(ex, loginChallengeOf(ex))
    // Without `skip` the provider wants to know who it is now.
    if (visit !== undefined) {
      ex = withParameters(ex, { ...(visit.canSkip ? {} : { refresh: 'true' }), ...returnTo(ex, visit) })
    }
    const flow = await openLogin(ex, 'browser')
    return openedFlow(ex, visit === undefined ? flow : { ...flow, loginRequest: visit.request })
  } catch (error) {
    if (error instanceof FailedOpening) return error.answer
    if (!(error instanceof ApiError)) throw error
    if (error.fields.id !== 'session_already_available') return forwardError(ex, error)
    if (visit !== undefined) return await skipLogin(ex, error)
    return acceptsJson(ex) ? forwardError(ex, error) : sendHome(ex)
  }
}

/** The provider takes the session that exists. A JSON caller gets the error nevertheless (tried on v26.2.0). */
async function skipLogin (ex: Exchange, loggedIn: ApiError): Promise<Answer> {
  try {
    const session = findSession(ex)
    const target = session === undefined ? undefined : await acceptLogin(ex, loginChallengeOf(ex), session)
    if (target !== undefined) return acceptsJson(ex) ? forwardError(ex, loggedIn) : redirect(ex.method, 303, target)
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  return sendHome(ex)
}

function sendHome (ex: Exchange): Answer {
  try {
    return redirect(ex.method, 303, checkedReturnTo(ex))
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
}

async function fetchFlow (ex: Exchange): Promise<Answer> {
  const flow = fetchedFlow(ex, 'login')
  await attachLoginRequest(ex, flow)
  return json(200, flowJson(flow))
}

/**
 * A submit: finds the flow, checks the session (none, a refresh or a lower level) and the expiry, offers the form to
 * the methods, runs hooks and makes the session. Errors are shown in the form.
 */
async function submit (ex: Exchange): Promise<Answer> {
  let flow: Flow
  try {
    flow = loadFlow(ex.kratos, 'login', submittedFlowId(ex))
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  const session = findSession(ex)
  const isFurther = session !== undefined && (flow.refresh || (flow.requestedAal === 'aal2' && session.aal !== 'aal2'))
  if (session !== undefined && !isFurther && flow.type === 'browser' && !isJsonRequest(ex)) {
    return redirect(ex.method, 303, ex.kratos.config.selfservice.default_browser_return_url)
  }
  try {
    if (session !== undefined && !isFurther) throw alreadyLoggedIn()
    if (session === undefined && flow.requestedAal === 'aal2') throw sessionRequiredForHigherAal()
    if (isExpired(ex.kratos, flow)) return await replaceExpired(ex, flow)
    return await offerToMethods(ex, flow, session)
  } catch (error) {
    if (error instanceof FailedOpening) return error.answer
    if (error instanceof ExpiredError) return await replaceExpired(ex, flow, error.expiredAt)
    if (flow.type === 'browser') await attachLoginRequest(ex, flow)
    return failedSubmit(ex, flow, error, { sort: sortLogin, htmlStatus: 303 })
  }
}

async function offerToMethods (ex: Exchange, flow: Flow, session: Session | undefined): Promise<Answer> {
  for (const { login } of METHODS) {
    const outcome = await login?.submit(ex, flow, session)
    if (outcome === undefined || outcome.kind === 'not-responsible') continue
    if (outcome.kind === 'answered') return outcome.answer
    if (outcome.kind === 'turn-page') return showCredentials(ex, flow, outcome)
    return await completeLogin(ex, flow, outcome.value, session)
  }
  throw formError(MESSAGES.noLoginStrategy())
}

/**
 * 410 with the new flow, or a redirect to it. An expired code counts as an expired flow (docs/kratos-facts.md, section
 * 8; recording 59).
 */
async function replaceExpired (ex: Exchange, flow: Flow, expiresAt = flow.expiresAt): Promise<Answer> {
  const replacement = await openLogin(ex, flow.type)
  Object.assign(replacement, {
    requestUrl: flow.requestUrl,
    returnTo: flow.returnTo,
    identitySchema: flow.identitySchema,
  })
  replacement.ui.messages.push(MESSAGES.loginFlowExpired(expiresAt, ex.kratos.clock.now()))
  saveFlow(ex.kratos, replacement)
  if (flow.type === 'api' || isJsonRequest(ex)) {
    return writeError(ex, flowExpired(ex.kratos, { expiresAt }, replacement))
  }
  return redirect(ex.method, 303, uiUrl(ex.kratos, replacement))
}

export const loginRoutes: Route[] = [
  route('GET', '/self-service/login/api', initApi),
  route('GET', '/self-service/login/browser', initBrowser),
  route('GET', '/self-service/login/flows', fetchFlow),
  route('POST', '/self-service/login', submit),
  route('GET', '/self-service/login', submit),
]
