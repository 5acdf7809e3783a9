import type { ErrorCode } from '../errors.js'

export type JsonObject = Record<string, unknown>

export const isRecord = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
export const NIL_UUID = '00000000-0000-0000-0000-000000000000'

/** Kratos sends the nil UUID before an identity is stored (docs/kratos-facts.md, section 17). */
export const isIdentityId = (value: unknown): value is string =>
  typeof value === 'string' && UUID.test(value) && value !== NIL_UUID

/** The nodes of an empty choice are null (recording 12). */
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

function flowErrors (flow: JsonObject): UiMessage[] {
  const ui = isRecord(flow['ui']) ? flow['ui'] : {}
  const nodes = Array.isArray(ui['nodes']) ? ui['nodes'].filter(isRecord) : []
  return [...errorMessages(ui['messages']), ...nodes.flatMap((node) => errorMessages(node['messages']))]
}

/** Whether the form of a flow has something for a method. */
export const hasNodesOf = ({ ui }: JsonObject, group: string): boolean =>
  isRecord(ui) && Array.isArray(ui['nodes']) && ui['nodes'].some((node) => isRecord(node) && node['group'] === group)

export const errorMessageIds = (flow: JsonObject): number[] => flowErrors(flow).map(({ id }) => id)

/** The first error message of the flow itself, else of a node; undefined: the flow is simply the next page. */
export function flowError (flow: JsonObject): { code: ErrorCode, text: string } | undefined {
  const [first] = flowErrors(flow)
  return first && { code: CODE_OF_MESSAGE_ID[first.id] ?? 'FLOW_REJECTED', text: first.text }
}

const REPLACEMENT = /\/self-service\/(recovery|verification)\/flows\?id=([0-9a-f-]{36})$/

/** A 303 to the flow that replaced an expired recovery or verification flow (docs/kratos-facts.md, section 8). */
export function replacementFlowId (location: unknown, flow: string | undefined): string | undefined {
  const [, kind, id] = (typeof location === 'string' && REPLACEMENT.exec(location)) || []
  return kind === flow && id !== undefined && UUID.test(id) ? id : undefined
}

/** The flow of a page that Kratos leads to, by a 303. */
export function flowOfPage (location: unknown): string | undefined {
  const flow = typeof location === 'string' && URL.canParse(location) ? new URL(location).searchParams.get('flow') : null
  return flow !== null && UUID.test(flow) ? flow : undefined
}

/** The flow id of a `continue_with` step such as `show_settings_ui` (recordings 05, 58). */
export function continuedFlow (body: JsonObject, action: string): string | undefined {
  const steps = Array.isArray(body['continue_with']) ? body['continue_with'].filter(isRecord) : []
  const flow = steps.find((step) => step['action'] === action)?.['flow']
  return isRecord(flow) && typeof flow['id'] === 'string' ? flow['id'] : undefined
}

const MAX_RETRY_AFTER_SECONDS = 300

/** Seconds (RFC 9110, section 10.2.3), large values clamped; dates and nonsense give undefined. */
export function retryAfterSeconds (header: unknown): number | undefined {
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header)) return undefined
  return Math.min(Number(header), MAX_RETRY_AFTER_SECONDS)
}

/** An empty choice is null in Kratos' answer (recording 12): clients get a list to walk. */
export function withNodes (flow: JsonObject): JsonObject {
  const { ui } = flow
  return isRecord(ui) && ui['nodes'] === null ? { ...flow, ui: { ...ui, nodes: [] } } : flow
}

/** `request_url` names our own call: its origin becomes that of `ui.action` (docs/kratos-facts.md, section 3). */
export function withPublicRequestUrl (flow: JsonObject): JsonObject {
  const action = isRecord(flow['ui']) ? flow['ui']['action'] : undefined
  const requestUrl = flow['request_url']
  if (
    typeof action !== 'string' || typeof requestUrl !== 'string' || !URL.canParse(action) || !URL.canParse(requestUrl)
  ) return flow
  const { pathname, search } = new URL(requestUrl)
  return { ...flow, request_url: new URL(action).origin + pathname + search }
}
