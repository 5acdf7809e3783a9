import { rfc3339, timeJson } from '../clock.js'
import type { JsonObject } from '../json.js'
import { containerJson, type UiContainer } from '../ui/container.js'

export type FlowKind = 'registration' | 'login' | 'settings' | 'recovery' | 'verification'

/** `show_form` and `success` are settings' own states. */
export type FlowState = 'choose_method' | 'sent_email' | 'passed_challenge' | 'show_form' | 'success'

export type ContinueWith = JsonObject & { action: string }

/** A self-service flow as it is stored. Times are milliseconds. */
export interface FlowData {
  kind: FlowKind
  id: string
  type: 'api' | 'browser'
  issuedAt: number
  expiresAt: number
  requestUrl: string
  /** Where to go at the end, from the init request. */
  returnTo: string
  /** The method in use, once known. */
  active: string
  state: FlowState
  ui: UiContainer
  /** Masked CSRF token of the caller that opened it; empty for API flows. */
  csrfToken: string
  /** What methods and hooks remember between steps, by their own key; never shown. */
  context: JsonObject
  /** Schema asked for at init. */
  identitySchema: string
  /** Login only. */
  refresh: boolean
  /** Login only. */
  requestedAal: 'aal1' | 'aal2'
  /** Settings and recovery only: whose flow it is. */
  identityId: string
  /** Recovery only: opened by an admin for somebody whose CSRF cookie nobody knows. */
  isMadeByAdmin: boolean
  createdAt: number
  updatedAt: number
}

/** A flow in the course of one request. */
export interface Flow extends FlowData {
  /** From the request, for web hooks; not kept. */
  transientPayload?: JsonObject | null
  /** For a native app that opened it with social login in mind; not kept. */
  exchangeCode?: string
  /** What the client should do next; not kept. */
  continueWith: ContinueWith[]
  /** Settings only: whose it is, as the flow shows it; not kept. */
  identity?: JsonObject
  /** html only: the page that a hook wants to be seen before return_to; not kept. */
  returnToVerification?: string
}

/** The stored part of a flow. */
export function flowData (flow: Flow): FlowData {
  const { transientPayload, exchangeCode, continueWith, identity, returnToVerification, ...data } = flow
  return data
}

const optional = (key: string, value: string): JsonObject => value === '' ? {} : { [key]: value }

/** Fields that every flow shows. */
const common = (flow: Flow): object => ({
  id: flow.id,
  type: flow.type,
  expires_at: rfc3339(flow.expiresAt),
  issued_at: rfc3339(flow.issuedAt),
  request_url: flow.requestUrl,
  ...optional('return_to', flow.returnTo),
  ...optional('active', flow.active),
  ui: containerJson(flow.ui),
  state: flow.state,
  ...optional('identity_schema', flow.identitySchema),
  ...optional('session_token_exchange_code', flow.exchangeCode ?? ''),
  ...(flow.transientPayload === undefined ? {} : { transient_payload: flow.transientPayload })
})

function continueWith (flow: Flow): object {
  return flow.continueWith.length === 0 ? {} : { continue_with: flow.continueWith }
}

/** What one kind of flow shows besides. */
const OWN_FIELDS: Record<FlowKind, (flow: Flow) => object> = {
  registration: () => ({ organization_id: null }),
  login: (flow) => ({
    organization_id: null,
    // Never set until the flow is stored, which a hook before a login sees.
    created_at: timeJson(flow.createdAt),
    updated_at: timeJson(flow.updatedAt),
    refresh: flow.refresh,
    requested_aal: flow.requestedAal
  }),
  settings: (flow) => ({ identity: flow.identity ?? null, ...continueWith(flow) }),
  recovery: continueWith,
  verification: () => ({})
}

/** A flow as Kratos serves it. */
export const flowJson = (flow: Flow): object => ({ ...common(flow), ...OWN_FIELDS[flow.kind](flow) })
