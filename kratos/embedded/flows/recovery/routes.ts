import { failedSubmit, forwardError, openedFlow } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { ExpiredError, fetchedFlow, isExpired, loadFlow, submittedFlowId, uiUrl } from '../../flow/lifecycle.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { ApiError, notFound } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { route, type Handler, type Route } from '../../http/router.js'
import { formError } from '../../identity/validation.js'
import type { Method, ProofOutcome, RecoveredIdentity } from '../../methods/method.js'
import { METHODS } from '../../methods/registry.js'
import { findSession } from '../../session/credentials.js'
import { MESSAGES } from '../../ui/message.js'
import { completeRecovery } from './completion.js'
import { alreadyLoggedIn, answerLoggedIn } from './logged-in.js'
import { configuredMethod, newRecovery, openRecovery, whenOn } from './opening.js'
import { replaceExpiredRecovery, replaceRecovery } from './replacement.js'

const openApi = whenOn(async (ex) =>
  json(200, flowJson(await openRecovery(ex, newRecovery(ex, 'api', configuredMethod(ex))))),
)

/** An error of the flow goes to the error page; an error of a hook is the answer itself. */
const openBrowser = whenOn(async (ex) => {
  let flow: Flow
  try {
    flow = newRecovery(ex, 'browser', configuredMethod(ex))
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  return openedFlow(ex, await openRecovery(ex, flow))
})

async function initApi (ex: Exchange): Promise<Answer> {
  if (findSession(ex) !== undefined) throw alreadyLoggedIn()
  return await openApi(ex)
}

const initBrowser: Handler = async (ex) => findSession(ex) === undefined ? await openBrowser(ex) : answerLoggedIn(ex)

const fetchFlow = whenOn((ex) => json(200, flowJson(fetchedFlow(ex, 'recovery'))))

function submittedFlow (ex: Exchange): Flow {
  const id = submittedFlowId(ex)
  try {
    return loadFlow(ex.kratos, 'recovery', id)
  } catch (error) {
    throw error instanceof ApiError && error.fields.code === 404
      ? notFound('The recovery request could not be found. Please restart the flow.')
      : error
  }
}

/**
 * A submit: finds the flow, checks the expiry and offers the form to the methods. The result is the form again, a new
 * flow or the end. Errors are shown in the form. The flow then belongs to the method that failed; without one, no
 * method accepts it any more (recording 55).
 */
async function submit (ex: Exchange): Promise<Answer> {
  let flow: Flow
  try {
    flow = submittedFlow(ex)
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  if (isExpired(ex.kratos, flow)) return replaceExpiredRecovery(ex, flow, flow.expiresAt)
  const stage = { group: 'default' }
  try {
    return await offerToMethods(ex, flow, stage)
  } catch (error) {
    if (error instanceof ExpiredError) return replaceExpiredRecovery(ex, flow, error.expiredAt)
    flow.active = stage.group
    return failedSubmit(ex, flow, error, { sort: () => {}, htmlStatus: 303 })
  }
}

async function offerToMethods (ex: Exchange, flow: Flow, stage: { group: string }): Promise<Answer> {
  for (const method of METHODS) {
    if (method.recovery === undefined) continue
    stage.group = method.group
    const outcome = method.recovery.submit(ex, flow)
    if (outcome.kind !== 'not-responsible') return await conclude(ex, flow, method, outcome)
  }
  stage.group = 'default'
  throw formError(MESSAGES.noRecoveryStrategy())
}

async function conclude (
  ex: Exchange,
  flow: Flow,
  method: Method,
  outcome: Exclude<ProofOutcome<RecoveredIdentity>, { kind: 'not-responsible' }>,
): Promise<Answer> {
  switch (outcome.kind) {
    case 'answered':
      return outcome.answer
    case 'replaced':
      return replaceRecovery(ex, method, outcome)
    case 'shown':
      return flow.type === 'browser' && !isJsonRequest(ex)
        ? redirect(ex.method, 303, uiUrl(ex.kratos, flow))
        : json(200, flowJson(flow))
    case 'proven':
      return await completeOrReplace(ex, flow, method, outcome.value)
  }
}

/** The code or link is used up even if the end fails, so a new flow follows. */
async function completeOrReplace (
  ex: Exchange,
  flow: Flow,
  method: Method,
  recovered: RecoveredIdentity,
): Promise<Answer> {
  try {
    return await completeRecovery(ex, flow, recovered)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return replaceRecovery(ex, method, { type: method.id === 'link' ? 'browser' : flow.type, cause: error })
  }
}

export const recoveryRoutes: Route[] = [
  route('GET', '/self-service/recovery/api', initApi),
  route('GET', '/self-service/recovery/browser', initBrowser),
  route('GET', '/self-service/recovery/flows', fetchFlow),
  route('POST', '/self-service/recovery', submit),
  route('GET', '/self-service/recovery', submit),
]
