import type { ErrorCode } from '../errors.js'
import type { Accepted, Answer, Refusal } from '../kratos-client/answer.js'
import type { FlowName } from '../kratos-client/caller.js'
import { continuedFlow, hasNodesOf, isFlow, isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import { isUuid } from '../patterns.js'

/** What a client does next. Every answer to a flow step carries exactly one. */
export const NEXT = [
  'done',
  'form',
  'restart',
  'redirect',
  'step_up',
  'reauthenticate',
  'verify',
  'settings',
  'already_logged_in',
] as const
export type Next = typeof NEXT[number]

export interface Outcome {
  next: Next
  /** The flow that Kratos itself named to go on with. */
  flowId?: string | undefined
}

/** Kratos has nothing more to ask in a flow (docs/kratos-facts.md, sections 13 and 14). */
const FINAL_STATES = new Set<unknown>(['success', 'passed_challenge'])

/** API logins do not say that a second factor is missing, but leave out whose session it is (recording 34). */
const lacksSecondFactor = ({ session }: JsonObject): boolean => isRecord(session) && session['identity'] === null

const nodesOf = ({ ui }: JsonObject): JsonObject[] =>
  isRecord(ui) && Array.isArray(ui['nodes']) ? ui['nodes'].filter(isRecord) : []

/** The form of somebody who has no second factor has no fields; settings is where to add one. */
export const wantsMissingFactor = (body: JsonObject): boolean =>
  body['requested_aal'] === 'aal2' && isFlow(body) && nodesOf(body).every(({ group }) => group === 'default')

/** Where Kratos' 422 sends a browser tells what is asked of the user (recordings 34, 55, 68). */
function outcomeOfRedirect (target: string, flow: FlowName): Outcome {
  const { pathname, searchParams } = new URL(target)
  if (pathname.endsWith('/self-service/login/browser') && searchParams.get('aal') === 'aal2') return { next: 'step_up' }
  const flowId = searchParams.get('flow') ?? ''
  return flow === 'recovery' && isUuid(flowId) ? { next: 'settings', flowId } : { next: 'redirect' }
}

function outcomeOfSuccess ({ next, body }: Accepted, flow: FlowName): Outcome {
  if (next === 'redirect') return outcomeOfRedirect(String(body['redirect_browser_to']), flow)
  if (next === 'form') return { next }
  if (lacksSecondFactor(body)) return { next: 'step_up' }
  if (wantsMissingFactor(body)) return { next: 'settings' }
  const settings = continuedFlow(body, 'show_settings_ui')
  if (settings !== undefined) return { next: 'settings', flowId: settings }
  const verification = continuedFlow(body, 'show_verification_ui')
  if (verification !== undefined) return { next: 'verify', flowId: verification }
  return { next: isFlow(body) && !FINAL_STATES.has(body['state']) ? 'form' : 'done' }
}

/** A code that is not here leaves the form as it is. */
const NEXT_OF_CODE: Partial<Record<ErrorCode, Next>> = {
  FLOW_EXPIRED: 'restart',
  FLOW_NOT_FOUND: 'restart',
  FLOW_DISABLED: 'restart',
  FLOW_TYPE_MISMATCH: 'restart',
  CSRF_VIOLATION: 'restart',
  RETURN_TO_FORBIDDEN: 'restart',
  FORBIDDEN: 'restart',
  ACCOUNT_DISABLED: 'restart',
  INVALID_SESSION: 'reauthenticate',
  SESSION_REFRESH_REQUIRED: 'reauthenticate',
  AAL2_REQUIRED: 'step_up',
  ADDRESS_NOT_VERIFIED: 'verify',
  SESSION_ALREADY_AVAILABLE: 'already_logged_in',
}

/** Also for failures that Kratos had no part in. */
export const nextOfCode = (code: ErrorCode): Next => NEXT_OF_CODE[code] ?? 'form'

function outcomeOfRefusal ({ code, members }: Refusal): Outcome {
  const named = code === 'ADDRESS_NOT_VERIFIED'
    ? continuedFlow(members, 'show_verification_ui')
    : members['use_flow_id']
  return { next: nextOfCode(code), flowId: typeof named === 'string' ? named : undefined }
}

/** Pure; docs/outcomes.md has a row per case. A fault of Kratos decides nothing: the form stays. */
export function outcomeOf (answer: Answer, flow: FlowName): Outcome {
  if (answer.kind === 'unavailable') return { next: nextOfCode(answer.code) }
  return answer.kind === 'ok' ? outcomeOfSuccess(answer, flow) : outcomeOfRefusal(answer)
}

const texts = (messages: unknown): string[] =>
  (Array.isArray(messages) ? messages.filter(isRecord) : []).filter(({ type }) => type === 'error').map(({ text }) =>
    String(text),
  )

/** By the name of the node they belong to; those of the whole form are in `ui.messages`. */
export function fieldErrors (flow: JsonObject): Record<string, string[]> {
  const byName = new Map<string, string[]>()
  for (const { attributes, messages } of nodesOf(flow)) {
    const name = isRecord(attributes) ? attributes['name'] : undefined
    const found = texts(messages)
    if (typeof name === 'string' && found.length > 0) byName.set(name, [...byName.get(name) ?? [], ...found])
  }
  return Object.fromEntries(byName)
}

/** Kratos' states while a code or link is awaited; the second with `feature_flags.choose_recovery_address`. */
const SENT_STATES = new Set<unknown>(['sent_email', 'recovery_awaiting_code'])
/** Kratos also says so of a sign-up by code where that is off, in a form that takes none. */
export const hasSentMessage = (flow: JsonObject): boolean =>
  SENT_STATES.has(flow['state']) && ['code', 'link'].some((group) => hasNodesOf(flow, group))
