import { failedSubmit, forwardError, openedFlow } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { ExpiredError, fetchedFlow, isExpired, loadFlow, submittedFlowId, uiUrl } from '../../flow/lifecycle.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { ApiError, notFound } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isHtmlRequest } from '../../http/negotiation.js'
import { route, type Route } from '../../http/router.js'
import { runHooks } from '../../hooks/registry.js'
import type { Identity } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import type { Method, ProofOutcome } from '../../methods/method.js'
import { METHODS } from '../../methods/registry.js'
import { MESSAGES } from '../../ui/message.js'
import { openVerification, whenOn } from './opening.js'
import { replaceExpiredVerification, replaceVerification } from './replacement.js'

const initApi = whenOn(async (ex) => json(200, flowJson(await openVerification(ex, 'api'))))

/** Errors are JSON here, even for browsers (recording 61). */
const initBrowser = whenOn(async (ex) => openedFlow(ex, await openVerification(ex, 'browser')))

const fetchFlow = whenOn((ex) => json(200, flowJson(fetchedFlow(ex, 'verification'))))

function submittedFlow (ex: Exchange): Flow {
  const id = submittedFlowId(ex)
  try {
    return loadFlow(ex.kratos, 'verification', id)
  } catch (error) {
    throw error instanceof ApiError && error.fields.code === 404
      ? notFound('The verification request could not be found. Please restart the flow.')
      : error
  }
}

/**
 * A submit: finds the flow, checks the expiry and offers the form to the flow's method. The result is the form again, a
 * new flow or the end. Errors are shown in the form; messages of earlier submits stay (recording 60).
 */
async function submit (ex: Exchange): Promise<Answer> {
  let flow: Flow
  try {
    flow = submittedFlow(ex)
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  if (isExpired(ex.kratos, flow)) return replaceExpiredVerification(ex, flow, flow.expiresAt)
  const stage = { group: 'default' }
  try {
    return await offerToMethods(ex, flow, stage)
  } catch (error) {
    if (error instanceof ExpiredError) return replaceExpiredVerification(ex, flow, error.expiredAt)
    flow.active = stage.group
    return failedSubmit(ex, flow, error, { sort: () => {}, htmlStatus: 303, keepsMessages: true })
  }
}

async function offerToMethods (ex: Exchange, flow: Flow, stage: { group: string }): Promise<Answer> {
  const candidates = METHODS.filter(
    ({ id, verification }) => verification !== undefined && (flow.active === '' || flow.active === id),
  )
  for (const method of candidates) {
    stage.group = method.group
    const outcome = method.verification?.submit(ex, flow)
    if (outcome !== undefined && outcome.kind !== 'not-responsible') return await conclude(ex, flow, method, outcome)
  }
  stage.group = 'default'
  throw formError(MESSAGES.noVerificationStrategy())
}

async function conclude (
  ex: Exchange,
  flow: Flow,
  method: Method,
  outcome: Exclude<ProofOutcome<{ identity: Identity }>, { kind: 'not-responsible' }>,
): Promise<Answer> {
  switch (outcome.kind) {
    case 'answered':
      return outcome.answer
    case 'replaced':
      return replaceVerification(ex, method, outcome)
    case 'shown':
      return shown(ex, flow)
    case 'proven':
      return await complete(ex, flow, method, outcome.value.identity)
  }
}

/** The address is verified whatever hooks say. The code or link is used up, so a new flow shows an objection. */
async function complete (ex: Exchange, flow: Flow, method: Method, identity: Identity): Promise<Answer> {
  try {
    return await runHooks({ ex, flow, stage: 'post-persist', method: '', identity }) ?? shown(ex, flow)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return replaceVerification(ex, method, { type: method.id === 'link' ? 'browser' : flow.type, cause: error })
  }
}

/** Only Accept decides about a redirect, not the type of the flow (docs/kratos-facts.md, section 5). */
function shown (ex: Exchange, flow: Flow): Answer {
  if (isHtmlRequest(ex)) return redirect(ex.method, 303, uiUrl(ex.kratos, flow))
  delete flow.transientPayload
  return json(200, flowJson(flow))
}

export const verificationRoutes: Route[] = [
  route('GET', '/self-service/verification/api', initApi),
  route('GET', '/self-service/verification/browser', initBrowser),
  route('GET', '/self-service/verification/flows', fetchFlow),
  route('POST', '/self-service/verification', submit),
  route('GET', '/self-service/verification', submit),
]
