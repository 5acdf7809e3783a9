import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, serviceError } from '../errors.js'
import { publicError, renderError } from '../http/error-handler.js'
import type { Accepted, Answer } from '../kratos-client/answer.js'
import type { FlowName, FlowType } from '../kratos-client/caller.js'
import type { KratosClient } from '../kratos-client/client.js'
import type { RequestScope } from '../kratos-client/request-scope.js'
import { type Epoch, sessionEpoch } from '../kratos-client/kratos-time.js'
import { isFlow, isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import { sessionExpiry, sessionToken, withoutSessionToken } from '../kratos-client/session-token.js'
import { isUsable } from '../sessions/resolver.js'
import { upstreamError } from '../upstream-error.js'
import { startMembers } from './continuation.js'
import { formErrors } from './messages.js'
import { fieldErrors, hasSentMessage, type Next, nextOfCode, type Outcome, outcomeOf } from './outcome.js'
import { FLOWS } from './table.js'
import { prepareNextFlow } from './next-flow.js'
import {
  flowsPath,
  forwardCookies,
  kratosCaller,
  kratosCredential,
  kratosScope,
  mintSessionCookie,
  ownKratos,
  ownSessions,
} from '../http/own-names.js'

export interface FlowStep {
  flow: FlowName
  type: FlowType
  answer: Answer
  /** Leaves a session token in the body instead of setting the cookie: for native clients. */
  keepToken: boolean
}

/** The flow that was made ready, and the path that starts one. */
interface GoingOn {
  flowId: string | undefined
  start: { start?: string }
}

/** `next` and what stands beside it, made of the outcome, the flow in the answer and the way on. */
function nextMembers (
  { next }: Outcome,
  flow: JsonObject,
  { flowId, start }: GoingOn,
  code?: ErrorCode,
): JsonObject {
  if (next === 'form') {
    return { next, field_errors: fieldErrors(flow), errors: formErrors(flow, code), sent: hasSentMessage(flow) }
  }
  return { next, ...(flowId !== undefined && { flow_id: flowId }), ...start }
}

interface Expiry {
  expiresAt: string | undefined
  epoch: Epoch | undefined
}

/** A recovery hands a token out without saying when its session ends (recording 58): Kratos is asked. */
async function expiryOf (
  kratos: KratosClient,
  token: string,
  { body, epoch }: Accepted,
  scope: RequestScope,
): Promise<Expiry> {
  const said = sessionExpiry(body)
  if (said !== undefined) return { expiresAt: said, epoch }
  const outcome = await kratos.whoami({ kind: 'token', value: token, from: 'cookie' }, scope)
  return outcome.kind === 'valid'
    ? { expiresAt: outcome.session.expires_at, epoch: sessionEpoch(outcome.session) }
    : { expiresAt: undefined, epoch: undefined }
}

async function moveTokenToCookie (reply: FastifyReply, answer: Accepted): Promise<JsonObject> {
  const token = sessionToken(answer.body)
  if (token !== undefined) {
    const { expiresAt, epoch } = await expiryOf(reply.server[ownKratos], token, answer, reply.request[kratosScope]())
    reply[mintSessionCookie](token, expiresAt, epoch)
  }
  return withoutSessionToken(answer.body)
}

/** Kratos calls a session that lacks its second factor logged in too; whoami tells the two apart. */
async function outcomeFor (request: FastifyRequest, answer: Answer, flow: FlowName): Promise<Outcome> {
  const outcome = outcomeOf(answer, flow)
  const credential = request[kratosCredential]()
  if (outcome.next !== 'already_logged_in' || !isUsable(credential)) return outcome
  const session = await request.server[ownSessions].resolve(credential, { scope: request[kratosScope]() })
  return session.kind === 'denied' ? { next: nextOfCode(session.answer.code) } : outcome
}

const startFor = (request: FastifyRequest, next: Next, flow: FlowName | undefined, code: ErrorCode | undefined) =>
  startMembers(next, { flow, code, hasCredential: isUsable(request[kratosCredential]()) }, request.server[flowsPath])

/**
 * Answers a step of a flow: Kratos' cookies always, its token as a cookie and never in the body (B26, B27), and exactly
 * one `next`. @throws ServiceError for everything that is no success
 */
export async function deliverStep (
  request: FastifyRequest,
  reply: FastifyReply,
  step: FlowStep,
  cookieName: string,
): Promise<{ success: true, data: JsonObject }> {
  const { answer, flow, type, keepToken } = step
  const outcome = await outcomeFor(request, answer, flow)
  const ready = await prepareNextFlow(request.server[ownKratos], {
    flow,
    type,
    answer,
    outcome,
    cookieName,
    caller: request[kratosCaller](),
  })
  reply[forwardCookies](answer.setCookie)[forwardCookies](ready.setCookie)
  const code = answer.kind === 'ok' ? undefined : answer.code
  const goingOn = { flowId: ready.flowId, start: startFor(request, outcome.next, flow, code) }
  if (answer.kind !== 'ok') {
    const error = upstreamError(answer)
    throw Object.assign(error, {
      members: { ...error.members, ...nextMembers(outcome, error.members ?? {}, goingOn, code) },
    })
  }
  const body = keepToken ? answer.body : await moveTokenToCookie(reply, answer)
  return { success: true, data: { ...body, ...nextMembers(outcome, isFlow(body) ? body : {}, goingOn) } }
}

function identityOf (answer: Answer): string | undefined {
  const { session, identity } = answer.kind === 'ok' ? answer.body : {}
  const owner = isRecord(session) && isRecord(session['identity']) ? session['identity'] : identity
  return isRecord(owner) && typeof owner['id'] === 'string' ? owner['id'] : undefined
}

/**
 * A submit, even a failed one, may have changed the caller's session (login, step-up), all of an identity's sessions
 * (settings, recovery) or what is known of it: the next request asks Kratos again (I09).
 */
export function invalidateAfterSubmit (request: FastifyRequest, answer: Answer): void {
  request.server[ownSessions].invalidate({ credential: request[kratosCredential](), identityId: identityOf(answer) })
}

const FLOW_NAMES: readonly FlowName[] = FLOWS.map(({ name }) => name)

/** For failures of a flow step that never reached Kratos: bad input, a foreign origin. */
export function renderFailedStep (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = publicError(thrown, request)
  const next = nextOfCode(error.code)
  const flow = FLOW_NAMES.find((name) => request.routeOptions.url?.includes(`/flows/${name}`))
  const members = {
    next,
    ...(next === 'form' && { field_errors: {}, errors: [], sent: false }),
    ...startFor(request, next, flow, error.code),
    ...error.members,
  }
  renderError(Object.assign(error, { members }), request, reply)
}

/** Kratos offers them in browser flows only, or ends an API flow of theirs on a page that shows the token. */
const BROWSER_METHODS = new Set(['oidc', 'saml', 'webauthn'])

/** `browser` for the holder of a sealed cookie and for methods that need it (docs/decisions/0002). */
export function flowType (request: FastifyRequest, asked: FlowType | undefined, method?: string): FlowType {
  const sealed = request[kratosCaller]().credential.kind === 'cookie'
  if (asked === 'api' && sealed) throw serviceError('FLOW_TYPE_MISMATCH')
  return asked ?? (sealed || BROWSER_METHODS.has(method ?? '') ? 'browser' : 'api')
}
