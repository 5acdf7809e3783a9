import {
  ExpiredError,
  isExpired,
  fetchedFlow,
  flowExpired,
  loadFlow,
  saveFlow,
  submittedFlowId,
  uiUrl,
} from '../../flow/lifecycle.js'
import { failedSubmit, forwardError, openedFlow, writeError } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { acceptLogin, attachLoginRequest, oauth2Visit, returnTo, withParameters } from '../../flow/oauth2-login.js'
import { startParameters } from '../../flow/start-parameters.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { ApiError, badRequest } from '../../http/errors.js'
import { publicUrl, withQuery, type Exchange } from '../../http/exchange.js'
import { acceptsJson, isJsonRequest } from '../../http/negotiation.js'
import { checkedReturnTo } from '../../http/return-to.js'
import { route, type Route } from '../../http/router.js'
import { newIdentity } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import { METHODS } from '../../methods/registry.js'
import { findSession } from '../../session/credentials.js'
import { DuplicateError } from '../../store/identities.js'
import { MESSAGES } from '../../ui/message.js'
import { completeRegistration } from './completion.js'
import { ensureEnabled, openRegistration } from './opening.js'
import { turnPage } from './pages.js'
import { sortRegistration } from './style.js'

const alreadyLoggedIn = (): ApiError =>
  badRequest('A valid session was detected and thus registration is not possible.', {
    id: 'session_already_available',
    message: 'you are already logged in',
  })

async function initApi (ex: Exchange): Promise<Answer> {
  if (findSession(ex) !== undefined) throw alreadyLoggedIn()
  return json(200, flowJson(await openRegistration(ex, 'api')))
}

async function initBrowser (given: Exchange): Promise<Answer> {
  let ex = given
  try {
    ensureEnabled(ex)
    checkedReturnTo(ex)
    const { loginChallenge } = startParameters(ex)
    const visit = await oauth2Visit(ex, loginChallenge)
    if (visit !== undefined) ex = withParameters(ex, returnTo(ex, visit))
    const flow = await openRegistration(ex, 'browser')
    const session = findSession(ex)
    if (session === undefined) return openedFlow(ex, flow)
    if (visit !== undefined) {
      const target = visit.canSkip ? await acceptLogin(ex, loginChallenge, session) : undefined
      // A JSON caller gets no flow and no address (tried on v26.2.0).
      if (target !== undefined) return acceptsJson(ex) ? json(200, null) : redirect(ex.method, 303, target)
      return redirect(ex.method, 302, withQuery(publicUrl(ex.kratos, '/self-service/login/browser'), asRecord(ex.query)))
    }
    if (isJsonRequest(ex)) throw alreadyLoggedIn()
    return redirect(ex.method, 303, checkedReturnTo(ex))
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
}

const asRecord = (query: URLSearchParams): Record<string, string> => Object.fromEntries(query)

async function fetchFlow (ex: Exchange): Promise<Answer> {
  try {
    ensureEnabled(ex)
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  const flow = fetchedFlow(ex, 'registration')
  await attachLoginRequest(ex, flow)
  return json(200, flowJson(flow))
}

/**
 * A submit: finds the flow, checks that nobody is logged in and the expiry, offers the form to the methods, runs hooks
 * and stores. Errors are shown in the form.
 */
async function submit (ex: Exchange): Promise<Answer> {
  if (findSession(ex) !== undefined) {
    return isJsonRequest(ex) ? writeError(ex, alreadyLoggedIn()) : redirect(ex.method, 302, checkedReturnTo(ex))
  }
  let flow: Flow
  try {
    flow = loadFlow(ex.kratos, 'registration', submittedFlowId(ex))
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  if (isExpired(ex.kratos, flow)) return await replaceExpired(ex, flow)
  try {
    return await offerToMethods(ex, flow)
  } catch (error) {
    if (error instanceof ExpiredError) return await replaceExpired(ex, flow, error.expiredAt)
    if (flow.type === 'browser') await attachLoginRequest(ex, flow)
    const shown = error instanceof DuplicateError ? formError(MESSAGES.identifierExists()) : error
    return failedSubmit(ex, flow, shown, { sort: (flow) => sortRegistration(ex.kratos, flow), htmlStatus: 302 })
  }
}

async function offerToMethods (ex: Exchange, flow: Flow): Promise<Answer> {
  const schemaId = ex.kratos.schemas.get(flow.identitySchema).id
  for (const { id, registration } of METHODS) {
    const identity = newIdentity(schemaId, ex.kratos.clock.now())
    const outcome = await registration?.submit(ex, flow, identity)
    if (outcome === undefined || outcome.kind === 'not-responsible') continue
    if (outcome.kind === 'answered') return outcome.answer
    if (outcome.kind === 'turn-page') return turnPage(ex, flow, outcome)
    return await completeRegistration(ex, flow, outcome.value, id)
  }
  throw formError(MESSAGES.noRegistrationStrategy())
}

/**
 * 410 with the new flow, or a redirect to it. An expired code counts as an expired flow (docs/kratos-facts.md, section
 * 8; recording 59).
 */
async function replaceExpired (ex: Exchange, flow: Flow, expiresAt = flow.expiresAt): Promise<Answer> {
  const replacement = await openRegistration(ex, flow.type)
  Object.assign(replacement, {
    requestUrl: flow.requestUrl,
    returnTo: flow.returnTo,
    identitySchema: flow.identitySchema,
  })
  replacement.ui.messages.push(MESSAGES.registrationFlowExpired(expiresAt, ex.kratos.clock.now()))
  saveFlow(ex.kratos, replacement)
  if (flow.type === 'api' || isJsonRequest(ex)) {
    return writeError(ex, flowExpired(ex.kratos, { expiresAt }, replacement))
  }
  return redirect(ex.method, 303, uiUrl(ex.kratos, replacement))
}

export const registrationRoutes: Route[] = [
  route('GET', '/self-service/registration/api', initApi),
  route('GET', '/self-service/registration/browser', initBrowser),
  route('GET', '/self-service/registration/flows', fetchFlow),
  route('POST', '/self-service/registration', submit),
  route('GET', '/self-service/registration', submit),
]
