import { writeError } from '../../flow/answers.js'
import type { Flow } from '../../flow/flow.js'
import { redirect, type Answer } from '../../http/answer.js'
import { browserLocationChangeRequired, plainError } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { asObject, isObject, type Json, type JsonObject } from '../../json.js'
import { pause, resumeAgain } from '../../session/continuity.js'
import type { Provider } from './config.js'
import { authorizationUrl, pkceVerifier } from './provider.js'
import { sealState } from './state.js'

const NAME = 'ory_kratos_oidc_auth_code_session'
const PAUSE_MS = 30 * 60_000
/** Key of the payload in the flow, for native apps, whose browser returns without the cookie. */
const PAYLOAD = 'transient_payload'
/** How long the provider's answer can be used again (recording 68). */
const REPEAT_MS = 60_000

/** Stored while the browser is at the provider. */
export interface Waiting {
  state: string
  flowId: string
  traits: JsonObject
  transientPayload: JsonObject | null
  identitySchema: string
}

/** What the user submitted. */
export interface Sent {
  traits: JsonObject
  transientPayload: JsonObject | null
  /** `upstream_parameters` as they were sent. */
  upstream: Json | undefined
}

const goKind = (value: Json): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value

/** @throws ApiError in the words of Go's decoder for anything but texts by name (tried on v26.2.0) */
function upstreamParameters (sent: Json | undefined): JsonObject {
  const refuse = (value: Json, wanted: string): never => {
    throw plainError(`json: cannot unmarshal ${goKind(value)} into Go value of type ${wanted}`)
  }
  if (sent === undefined || sent === null) return {}
  if (!isObject(sent)) return refuse(sent, 'map[string]string')
  const odd = Object.values(sent).find((value) => value !== null && typeof value !== 'string')
  return odd === undefined ? sent : refuse(odd, 'string')
}

/**
 * Sends the browser to the provider, by 422 for an SPA. The continuity cookie identifies it when it returns (recording
 * 68).
 */
export async function toProvider (
  ex: Exchange,
  flow: Flow,
  provider: Provider,
  { traits, transientPayload, upstream }: Sent,
): Promise<Answer> {
  const { kratos } = ex
  const parameters = upstreamParameters(upstream)
  const verifier = await pkceVerifier(kratos, provider)
  const state = sealState(kratos, flow, provider.id, verifier)
  const waiting: Waiting = { state, flowId: flow.id, traits, transientPayload, identitySchema: flow.identitySchema }
  if (flow.type === 'api') flow.context[PAYLOAD] = transientPayload
  pause(ex, NAME, { payload: { ...waiting }, lifespanMs: PAUSE_MS })
  const url = await authorizationUrl(kratos, provider, {
    state,
    verifier,
    isForced: flow.kind === 'login' && flow.refresh,
    upstream: parameters,
  })
  if (!isJsonRequest(ex)) return redirect(ex.method, 303, url)
  return writeError(ex, browserLocationChangeRequired(url))
}

/**
 * What was stored for a browser that returns. For a native app another browser returns than the one that left.
 * @throws ApiError 400 for any other browser
 */
export function waitingFor (ex: Exchange, flow: Flow, state: string): Waiting {
  if (flow.type === 'api' && ex.kratos.store.exchanges.ofFlow(flow.id) !== undefined) {
    return { state, flowId: flow.id, traits: {}, transientPayload: asObject(flow.context[PAYLOAD]), identitySchema: '' }
  }
  const payload = resumeAgain(ex, NAME, REPEAT_MS)
  return {
    state: String(payload['state']),
    flowId: String(payload['flowId']),
    traits: isObject(payload['traits']) ? payload['traits'] : {},
    transientPayload: isObject(payload['transientPayload']) ? payload['transientPayload'] : null,
    identitySchema: String(payload['identitySchema']),
  }
}
