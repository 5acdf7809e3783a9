import type { ErrorCode } from '../errors.js'

export type JsonObject = Record<string, unknown>

export const isRecord = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
export const NIL_UUID = '00000000-0000-0000-0000-000000000000'

/**
 * A UUID in canonical form that names something: the nil UUID is what Kratos sends before an identity is stored
 * (docs/kratos-facts.md, section 17).
 */
export const isIdentityId = (value: unknown): value is string =>
  typeof value === 'string' && UUID.test(value) && value !== NIL_UUID

/** A self-service flow: an id, and where to submit it. Its nodes may be null: an empty choice (recording 12). */
export const isFlow = (body: JsonObject): boolean =>
  typeof body['id'] === 'string' && isRecord(body['ui']) && typeof body['ui']['action'] === 'string'

interface UiMessage {
  id: number
  text: string
}

const errorMessages = (messages: unknown): UiMessage[] =>
  (Array.isArray(messages) ? messages : []).filter((message): message is JsonObject =>
    isRecord(message) && message['type'] === 'error',
  )
    .map(({ id, text }) => ({ id: Number(id), text: String(text) }))

const CODE_OF_MESSAGE_ID: Record<number, ErrorCode> = { 4000006: 'INVALID_CREDENTIALS', 4000007: 'IDENTIFIER_TAKEN' }

/** Error messages of a flow: its own first, then those at its nodes. */
function flowErrors (flow: JsonObject): UiMessage[] {
  const ui = isRecord(flow['ui']) ? flow['ui'] : {}
  const nodes = Array.isArray(ui['nodes']) ? ui['nodes'].filter(isRecord) : []
  return [...errorMessages(ui['messages']), ...nodes.flatMap((node) => errorMessages(node['messages']))]
}

/** Ids of all error messages of a flow. */
export const errorMessageIds = (flow: JsonObject): number[] => flowErrors(flow).map(({ id }) => id)

/**
 * What a flow says went wrong: the first error message of the flow itself, else the first one at a node.
 * Undefined when it has none: then the flow is simply the next page.
 */
export function flowError (flow: JsonObject): { code: ErrorCode, text: string } | undefined {
  const [first] = flowErrors(flow)
  return first && { code: CODE_OF_MESSAGE_ID[first.id] ?? 'FLOW_REJECTED', text: first.text }
}

const REPLACEMENT = /\/self-service\/(recovery|verification)\/flows\?id=([0-9a-f-]{36})$/

/**
 * The flow that replaced an expired recovery or verification flow: Kratos says so by a 303 to it (docs/kratos-facts.md,
 * section 8).
 */
export function replacementFlowId (location: unknown, flow: string | undefined): string | undefined {
  const [, kind, id] = (typeof location === 'string' && REPLACEMENT.exec(location)) || []
  return kind === flow && id !== undefined && UUID.test(id) ? id : undefined
}

/** The flow id of a `continue_with` step such as `show_settings_ui` (recordings 05, 58). */
export function continuedFlow (body: JsonObject, action: string): string | undefined {
  const steps = Array.isArray(body['continue_with']) ? body['continue_with'].filter(isRecord) : []
  const flow = steps.find((step) => step['action'] === action)?.['flow']
  return isRecord(flow) && typeof flow['id'] === 'string' ? flow['id'] : undefined
}

const MAX_RETRY_AFTER_SECONDS = 300

/**
 * Seconds from a `Retry-After` header (RFC 9110, section 10.2.3); dates and nonsense give undefined, large values are
 * clamped.
 */
export function retryAfterSeconds (header: unknown): number | undefined {
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header)) return undefined
  return Math.min(Number(header), MAX_RETRY_AFTER_SECONDS)
}

/** An empty choice has no nodes: a list for a client to walk, where Kratos writes null (recording 12). */
export function withNodes (flow: JsonObject): JsonObject {
  const { ui } = flow
  return isRecord(ui) && ui['nodes'] === null ? { ...flow, ui: { ...ui, nodes: [] } } : flow
}

/**
 * The flow with the origin of `request_url`, which only our own call made, replaced by that of `ui.action`
 * (docs/kratos-facts.md, section 3).
 */
export function withPublicRequestUrl (flow: JsonObject): JsonObject {
  const action = isRecord(flow['ui']) ? flow['ui']['action'] : undefined
  const requestUrl = flow['request_url']
  if (
    typeof action !== 'string' || typeof requestUrl !== 'string' || !URL.canParse(action) || !URL.canParse(requestUrl)
  ) return flow
  const { pathname, search } = new URL(requestUrl)
  return { ...flow, request_url: new URL(action).origin + pathname + search }
}
