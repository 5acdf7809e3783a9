import type { ErrorCode } from '../errors.js'
import { type UpstreamFailure, upstreamFailure } from './upstream-failure.js'
import {
  continuedFlow,
  flowError,
  flowOfPage,
  isFlow,
  isIdentityId,
  isRecord,
  type JsonObject,
  replacementFlowId,
  retryAfterSeconds,
} from './kratos-body.js'
import { isInputFault, refusalCode } from './refusal-code.js'
import { withoutSessionToken } from './session-token.js'
import type { UpstreamAnswer } from './buffered-call.js'
import type { Epoch } from './kratos-time.js'

export type Operation = 'init' | 'fetch' | 'submit' | 'whoami' | 'logout' | 'sessions' | 'identity'

export interface Accepted {
  kind: 'ok'
  next: 'done' | 'form' | 'redirect'
  body: JsonObject
  setCookie: string[]
  epoch?: Epoch | undefined
}

export interface Refusal {
  kind: 'refused'
  code: ErrorCode
  /** What Kratos' flow says to the user; absent: the fixed text of the code. */
  text?: string | undefined
  members: JsonObject
  setCookie: string[]
}

export type Answer = Accepted | Refusal | UpstreamFailure

/** Kratos' 401, which it also gives while it cannot look: to be confirmed (`confirm.ts`). */
export const saysNoSession = (answer: Answer): boolean => answer.kind === 'refused' && answer.code === 'INVALID_SESSION'

export interface AnswerContext {
  operation: Operation
  flow?: string | undefined
  isAllowedRedirect: (dangerousUrl: string) => boolean
}

/** Where 204 is the good answer (recordings 41, 45, 80). */
const MAY_BE_EMPTY = new Set<Operation>(['logout', 'sessions', 'identity'])

/** The members of a refusal that help a client on; everything else of Kratos' error body stays here (H09). */
const KEPT_MEMBERS = ['id', 'ui', 'state', 'use_flow_id', 'expired_at', 'since', 'redirect_browser_to', 'continue_with']

function keptMembers (body: JsonObject, { isAllowedRedirect }: AnswerContext): JsonObject {
  const details = isRecord(body['error']) && isRecord(body['error']['details']) ? body['error']['details'] : {}
  const all: JsonObject = {
    redirect_browser_to: details['redirect_browser_to'],
    continue_with: details['continue_with'],
    ...body,
  }
  const target = all['redirect_browser_to']
  if (typeof target !== 'string' || !isAllowedRedirect(target)) delete all['redirect_browser_to']
  const harmless = withoutSessionToken(all)
  return Object.fromEntries(KEPT_MEMBERS.filter((name) => harmless[name] != null).map((name) => [name, harmless[name]]))
}

/** Codes that make sense where no flow is concerned; any other answers a question that we did not ask. */
const SESSION_CODES = new Set<ErrorCode>([
  'INVALID_SESSION',
  'AAL2_REQUIRED',
  'SESSION_REFRESH_REQUIRED',
  'ADDRESS_NOT_VERIFIED',
  'LOGOUT_TOKEN_INVALID',
  'FORBIDDEN',
])

/** The admin API knows no session: its 401 says nothing about the caller's. */
const isPlausible = (code: ErrorCode, { operation }: AnswerContext): boolean =>
  ['init', 'fetch', 'submit'].includes(operation) || (operation !== 'identity' && SESSION_CODES.has(code))

/** A recovery or verification that was posted once without a method takes no other step any more (tried on v26.2.0). */
const isSpoiled = (body: JsonObject, { operation, flow }: AnswerContext): boolean =>
  operation === 'submit' && (flow === 'recovery' || flow === 'verification') && body['active'] === 'default'

/** The first error message decides; a flow without one is just the next page (recordings 06, 65). */
function classifyFlow (body: JsonObject, answer: UpstreamAnswer, context: AnswerContext): Answer {
  if (isSpoiled(body, context)) {
    return { kind: 'refused', code: 'FLOW_EXPIRED', members: {}, setCookie: answer.setCookie }
  }
  const error = flowError(body)
  if (error === undefined) return { kind: 'ok', next: 'form', body, setCookie: answer.setCookie }
  return {
    kind: 'refused',
    code: error.code,
    text: error.text,
    members: keptMembers(body, context),
    setCookie: answer.setCookie,
  }
}

/** Our own check of the shape (J11); sessions and logout tokens are checked where they are used. */
function isExpected (body: JsonObject, { operation }: AnswerContext): boolean {
  if (operation === 'sessions') return Array.isArray(body['sessions']) || typeof body['count'] === 'number'
  if (operation === 'whoami' || operation === 'logout') return true
  if (isFlow(body) || operation !== 'submit') return isFlow(body)
  const { session, identity } = body
  return (isRecord(session) && typeof session['id'] === 'string') ||
    (isRecord(identity) && isIdentityId(identity['id']))
}

function classifySuccess (body: JsonObject, answer: UpstreamAnswer, context: AnswerContext): Answer {
  if (!isExpected(body, context)) {
    return upstreamFailure('UPSTREAM_ERROR', new Error('200 of another shape'), { setCookie: answer.setCookie })
  }
  // A wrong code comes as 200 with an error message in the flow (docs/kratos-facts.md, section 14).
  if (context.operation === 'submit' && flowError(body) !== undefined) return classifyFlow(body, answer, context)
  return { kind: 'ok', next: 'done', body, setCookie: answer.setCookie, epoch: answer.epoch }
}

function classifyRedirect (body: JsonObject, answer: UpstreamAnswer, context: AnswerContext): Answer {
  const target = body['redirect_browser_to']
  if (typeof target !== 'string' || !context.isAllowedRedirect(target)) {
    return upstreamFailure('UPSTREAM_ERROR', new Error('422 without a redirect target that is allowed'), {
      setCookie: answer.setCookie,
    })
  }
  return {
    kind: 'ok',
    next: 'redirect',
    body: { redirect_browser_to: target, ...continuation(body) },
    setCookie: answer.setCookie,
    epoch: answer.epoch,
  }
}

/** A 422 may carry a session (recovery, settings), whose token is taken out later. */
const continuation = (body: JsonObject): JsonObject =>
  Object.fromEntries(
    ['session', 'session_token', 'continue_with'].filter((name) => body[name] != null).map((
      name,
    ) => [name, body[name]]),
  )

function classifyRefusal (body: JsonObject, answer: UpstreamAnswer, context: AnswerContext): Answer {
  const { error } = body
  const badAnswer = upstreamFailure('UPSTREAM_ERROR', new Error(`status ${answer.status}`), {
    setCookie: answer.setCookie,
  })
  // Not Kratos' error body, or a 400 whose body says 5xx: a hook or Kratos itself failed (recording 72).
  if (!isRecord(error) || (typeof error['code'] === 'number' && error['code'] >= 500)) return badAnswer
  const members = keptMembers(body, context)
  // With use_continue_with_transitions: the flow that replaces a spent recovery flow (tried on v26.2.0).
  const useFlowId = context.operation === 'submit' ? continuedFlow(members, 'show_recovery_ui') : undefined
  if (useFlowId !== undefined) {
    return { kind: 'refused', code: 'FLOW_EXPIRED', members: { use_flow_id: useFlowId }, setCookie: answer.setCookie }
  }
  const code = refusalCode(answer.status, error, context)
  if (code === undefined || !isPlausible(code, context)) return badAnswer
  return { kind: 'refused', code, members, setCookie: answer.setCookie }
}

const isOfFlow = (line: string): boolean => /^(?:csrf_token_|[^=]*_continuity=)/.test(line)

/**
 * A token of a mail's link has one answer, for browsers: a page's address. The right one opens a session and leads to
 * the settings, another one to a new flow, which an API client cannot use (docs/kratos-facts.md, section 14).
 */
function classifySeeOther (answer: UpstreamAnswer, context: AnswerContext): Answer | undefined {
  const { headers: { location }, setCookie } = answer
  const { operation, flow, isAllowedRedirect } = context
  if (operation !== 'submit') return undefined
  const useFlowId = replacementFlowId(location, flow)
  if (useFlowId !== undefined) {
    return { kind: 'refused', code: 'FLOW_EXPIRED', members: { use_flow_id: useFlowId }, setCookie }
  }
  const isOfMail = flow === 'recovery' || flow === 'verification'
  if (!isOfMail || flowOfPage(location) === undefined || !isAllowedRedirect(String(location))) return undefined
  return setCookie.every(isOfFlow)
    ? { kind: 'refused', code: 'FLOW_EXPIRED', members: {}, setCookie }
    : { kind: 'ok', next: 'redirect', body: { redirect_browser_to: location }, setCookie }
}

/** Never throws. What is unknown is a fault (502), never a missing session (docs/security-model.md, section 7). */
export function classify (answer: UpstreamAnswer, context: AnswerContext): Answer {
  const { status, setCookie } = answer
  const body = context.operation === 'sessions' && Array.isArray(answer.body) ? { sessions: answer.body } : answer.body
  const retryAfter = retryAfterSeconds(answer.headers['retry-after'])
  if (status === 429) return upstreamFailure('RATE_LIMITED', undefined, { retryAfter: retryAfter ?? 1, setCookie })
  const seeOther = status === 303 ? classifySeeOther(answer, context) : undefined
  if (seeOther !== undefined) return seeOther
  if (status === 204 && MAY_BE_EMPTY.has(context.operation)) return { kind: 'ok', next: 'done', body: {}, setCookie }
  if (context.operation === 'submit' && isRecord(body) && isRecord(body['error']) && isInputFault(body['error'])) {
    return { kind: 'refused', code: 'FLOW_REJECTED', members: {}, setCookie }
  }
  if (!isRecord(body) || status >= 500) {
    return upstreamFailure('UPSTREAM_ERROR', new Error(`status ${status}`), { retryAfter, setCookie })
  }
  if (status === 200) return classifySuccess(body, answer, context)
  if (status === 400 && isFlow(body)) return classifyFlow(body, answer, context)
  if (status === 422) return classifyRedirect(body, answer, context)
  if (status >= 400) return classifyRefusal(body, answer, context)
  return upstreamFailure('UPSTREAM_ERROR', new Error(`status ${status}`), { setCookie })
}
