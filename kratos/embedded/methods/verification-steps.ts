import type { Flow } from '../flow/flow.js'
import { saveFlow } from '../flow/lifecycle.js'
import { csrfToken, renewCsrf } from '../http/csrf.js'
import { ApiError } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { checkedReturnTo } from '../http/return-to.js'
import type { Identity, VerifiableAddress } from '../identity/identity.js'
import { storedAddress } from '../identity/normalization.js'
import { verify } from '../identity/verified-address.js'
import type { Kratos } from '../kratos.js'
import type { OneTimeCode } from '../store/codes.js'
import { newContainer, upsertNode } from '../ui/container.js'
import { MESSAGES } from '../ui/message.js'
import { anchorNode, csrfNode } from '../ui/node.js'
import { emailNode } from './address-nodes.js'

/** Common parts of verification by code and by link. */

/** A verifiable address and its owner. */
export function verifiableAddress (
  { store }: Kratos,
  via: string,
  value: string,
): { identity: Identity, address: VerifiableAddress } | undefined {
  const identity = store.identities.byAddress('verifiable', via, value)
  const address = identity?.verifiableAddresses.find(
    (address) => address.via === via && address.value === storedAddress(value),
  )
  return identity === undefined || address === undefined ? undefined : { identity, address }
}

/** Marks an address as `sent`. */
export function noteSent ({ store }: Kratos, address: VerifiableAddress): void {
  address.status = 'sent'
  store.identities.updateAddress(address)
}

/** Every failure keeps the submitted address in the form, even an unknown one (recording 60). */
export function keepEmail (ex: Exchange, flow: Flow, group: string, email: string): void {
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  upsertNode(flow.ui, emailNode(group, email))
}

/**
 * Verifies the address and replaces the form by a link to where the user goes next.
 * @returns undefined when the address no longer exists
 */
export function passChallenge (ex: Exchange, flow: Flow, group: string, code: OneTimeCode): Identity | undefined {
  const { kratos } = ex
  const identity = kratos.store.identities.get(code.identityId ?? '')
  const address = identity?.verifiableAddresses.find(({ value, via }) => value === code.address && via === code.via)
  if (identity === undefined || address === undefined) return undefined
  kratos.store.identities.updateAddress(verify(address, kratos.clock.now()))
  const url = continueUrl(ex, flow)
  if (flow.type === 'browser' && ex.csrfSecret === null) renewCsrf(ex)
  flow.csrfToken = csrfToken(ex)
  flow.state = 'passed_challenge'
  flow.ui = {
    ...newContainer(url),
    method: 'GET',
    nodes: [csrfNode(flow.csrfToken), anchorNode(group, 'continue', url, MESSAGES.continue())],
    messages: [MESSAGES.verified()],
  }
  saveFlow(kratos, flow)
  return identity
}

/** The flow's return_to if it is allowed, otherwise the configured default. */
function continueUrl (ex: Exchange, flow: Flow): string {
  const { flows, default_browser_return_url: home } = ex.kratos.config.selfservice
  const fallback = flows.verification.after.default_browser_return_url ?? home
  try {
    return checkedReturnTo(ex, { source: flow.requestUrl, fallback })
  } catch (error) {
    if (error instanceof ApiError) return fallback
    throw error
  }
}
