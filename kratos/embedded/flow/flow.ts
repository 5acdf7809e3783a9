import { rfc3339, timeJson } from '../clock.js'
import type { JsonObject } from '../json.js'
import { containerJson, type UiContainer } from '../ui/container.js'

export type FlowKind = 'registration' | 'login' | 'settings' | 'recovery' | 'verification'

/** `show_form` and `success` are used by settings only, `recovery_…` by a recovery with a choice of addresses. */
export type FlowState =
  | 'choose_method'
  | 'sent_email'
  | 'passed_challenge'
  | 'show_form'
  | 'success'
  | 'recovery_awaiting_address'
  | 'recovery_awaiting_address_choice'
  | 'recovery_confirming_address'
  | 'recovery_awaiting_code'

export type ContinueWith = JsonObject & { action: string }

/** A stored self-service flow. Times are in milliseconds. */
export interface FlowData {
  kind: FlowKind
  id: string
  type: 'api' | 'browser'
  issuedAt: number
  expiresAt: number
  requestUrl: string
  /** The return_to of the init request. */
  returnTo: string
  /** The current method, once known. */
  active: string
  state: FlowState
  ui: UiContainer
  /** Masked CSRF token of the caller that opened the flow; empty for API flows. */
  csrfToken: string
  /** What methods and hooks store between steps, each under its own key. Never shown. */
  context: JsonObject
  /** Schema id from the init request. */
  identitySchema: string
  /** Login and registration only; empty for none. */
  organizationId: string
  /** Login and registration only: the challenge of an OAuth2 login; empty for none. */
  loginChallenge: string
  /** Login only. */
  refresh: boolean
  /** Login only. */
  requestedAal: 'aal1' | 'aal2'
  /** Settings and recovery only: whose flow it is. */
  identityId: string
  /** Recovery only: created by an admin, so it is not bound to the CSRF cookie of a browser. */
  isMadeByAdmin: boolean
  createdAt: number
  updatedAt: number
}

/** A flow during one request. */
export interface Flow extends FlowData {
  /** What the OAuth2 provider asks for. Not stored. */
  loginRequest?: JsonObject
  /** From the request, for web hooks. Not stored. */
  transientPayload?: JsonObject | null
  /** For a native app that wants to use social login. Not stored. */
  exchangeCode?: string
  /** What the client should do next. Not stored. */
  continueWith: ContinueWith[]
  /** Settings only: the owner as the flow shows it. Not stored. */
  identity?: JsonObject
  /** HTML only: the page that a hook wants to show before return_to. Not stored. */
  returnToVerification?: string
}

/** The stored part of a flow. */
export function flowData (flow: Flow): FlowData {
  const { transientPayload, loginRequest, exchangeCode, continueWith, identity, returnToVerification, ...data } = flow
  return data
}

const optional = (key: string, value: string): JsonObject => value === '' ? {} : { [key]: value }

/** Fields of every flow. */
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
  ...(flow.transientPayload === undefined ? {} : { transient_payload: flow.transientPayload }),
})

function continueWith (flow: Flow): object {
  return flow.continueWith.length === 0 ? {} : { continue_with: flow.continueWith }
}

/** An organization offers no method, so that its form is empty. */
const oauth2 = (flow: Flow): object => ({
  organization_id: flow.organizationId === '' ? null : flow.organizationId,
  ...optional('oauth2_login_challenge', flow.loginChallenge),
  ...(flow.loginRequest === undefined ? {} : { oauth2_login_request: flow.loginRequest }),
  ...(flow.organizationId === '' || flow.ui.nodes.length > 0 ? {} : { ui: { ...containerJson(flow.ui), nodes: null } }),
})

/** Further fields of each kind of flow. */
const OWN_FIELDS: Record<FlowKind, (flow: Flow) => object> = {
  registration: oauth2,
  login: (flow) => ({
    ...oauth2(flow),
    // Zero until the flow is stored, as a hook before a login sees it.
    created_at: timeJson(flow.createdAt),
    updated_at: timeJson(flow.updatedAt),
    refresh: flow.refresh,
    requested_aal: flow.requestedAal,
  }),
  settings: (flow) => ({ identity: flow.identity ?? null, ...continueWith(flow) }),
  recovery: continueWith,
  verification: () => ({}),
}

/** A flow as Kratos serves it. */
export const flowJson = (flow: Flow): object => ({ ...common(flow), ...OWN_FIELDS[flow.kind](flow) })
