import { durationMs, rfc3339 } from '../clock.js'
import { saveFlow, uiUrl } from '../flow/lifecycle.js'
import type { Flow } from '../flow/flow.js'
import { newRecovery } from '../flows/recovery/opening.js'
import { json, type Answer } from '../http/answer.js'
import { badRequest, noRow } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { route, type Route } from '../http/router.js'
import type { Identity } from '../identity/identity.js'
import type { JsonObject } from '../json.js'
import { continueNode } from '../methods/address-nodes.js'
import { code } from '../methods/code/code.js'
import { recoveryCodeNode } from '../methods/code/nodes.js'
import { codeLifespanMs, issueCode } from '../methods/code/one-time-code.js'
import { link } from '../methods/link/link.js'
import { issueLink, linkLifespanMs } from '../methods/link/token.js'
import { ensureEnabled, type Method } from '../methods/method.js'
import { NIL_UUID, parseUuid } from '../random.js'
import { jsonBody, type Members } from './strict-body.js'

const SHAPE: Members = { identity_id: 'uuid', expires_in: 'string' }

/** @returns undefined when there is no such identity */
const identityIn = ({ kratos }: Exchange, body: JsonObject): Identity | undefined =>
  kratos.store.identities.get(parseUuid(String(body['identity_id'] ?? NIL_UUID)) ?? NIL_UUID)

/** Lifetime of the code or link, and of its flow. */
function lifespanIn (body: JsonObject, fallbackMs: number, past: (ms: number, text: string) => string): number {
  const text = String(body['expires_in'] ?? '')
  if (text === '') return fallbackMs
  const ms = goDurationMs(text)
  if (ms === undefined) {
    throw badRequest(
      `Unable to parse "expires_in" whose format should match "[0-9]+(ns|us|ms|s|m|h)" but did not: ${text}`,
    )
  }
  if (ms <= 0) throw badRequest(`Value from "expires_in" must ${past(ms, text)}`)
  return ms
}

/** Unlike in a configuration, a sign is allowed. */
function goDurationMs (text: string): number | undefined {
  try {
    return (text.startsWith('-') ? -1 : 1) * durationMs(text.replace(/^[+-]/, ''))
  } catch {
    return undefined
  }
}

/** A duration as Go prints it, such as -1h0m0s. */
function printed (ms: number): string {
  const seconds = Math.abs(ms) / 1000
  const parts = [[Math.trunc(seconds / 3600), 'h'], [Math.trunc(seconds / 60) % 60, 'm'], [seconds % 60, 's']] as const
  const first = parts.findIndex(([amount]) => amount > 0)
  return `${ms < 0 ? '-' : ''}${
    parts
      .slice(first === -1 ? 2 : first)
      .map(([amount, unit]) => `${amount}${unit}`)
      .join('')
  }`
}

function flowFor (ex: Exchange, type: 'api' | 'browser', method: Method, lifespanMs: number): Flow {
  const flow = newRecovery(ex, type, method)
  flow.expiresAt = flow.issuedAt + lifespanMs
  return flow
}

/** A code that an admin hands over. Its flow already waits for it and belongs to no browser (recording 82). */
function createCode (ex: Exchange): Answer {
  const { kratos } = ex
  ensureEnabled(kratos, 'code')
  const body = jsonBody(ex, 'code.createRecoveryCodeForIdentityBody', { ...SHAPE, flow_type: 'string' })
  const known = identityIn(ex, body)
  const lifespanMs = lifespanIn(body, codeLifespanMs(kratos), (ms) => `result to a future time: ${printed(ms)}`)
  const type = body['flow_type'] ?? 'browser'
  if (type !== 'api' && type !== 'browser') {
    throw badRequest(`Value from "flow_type" is not valid: ${JSON.stringify(type)}`)
  }
  const flow = flowFor(ex, type, code, lifespanMs)
  Object.assign(flow, { isMadeByAdmin: true, state: 'sent_email' })
  flow.ui.nodes = [recoveryCodeNode(), continueNode('code')]
  if (known === undefined) throw noRow().with({ reason: 'could not find identity' })
  saveFlow(kratos, flow)
  const secret = issueCode(kratos, flow, { identityId: known.id, address: '', via: '' }, lifespanMs)
  return json(201, { recovery_link: uiUrl(kratos, flow), recovery_code: secret, expires_at: rfc3339(flow.expiresAt) })
}

/** A link that an admin hands over. */
function createLink (ex: Exchange): Answer {
  const { kratos } = ex
  ensureEnabled(kratos, 'link')
  const body = jsonBody(ex, 'link.createRecoveryLinkForIdentityBody', SHAPE)
  const known = identityIn(ex, body)
  const lifespanMs = lifespanIn(body, linkLifespanMs(kratos), (_, text) => `be result to a future time: ${text}`)
  const flow = flowFor(ex, 'browser', link, lifespanMs)
  if (known === undefined) throw badRequest('The requested identity id does not exist.')
  saveFlow(kratos, flow)
  const url = issueLink(kratos, flow, { identityId: known.id, address: '', via: '' }, lifespanMs)
  return json(200, { recovery_link: url, expires_at: rfc3339(flow.expiresAt) })
}

export const adminRecoveryRoutes: Route[] = [
  route('POST', '/admin/recovery/code', createCode),
  route('POST', '/admin/recovery/link', createLink),
]
