import type { Flow } from '../../flow/flow.js'
import { newFlow, saveFlow } from '../../flow/lifecycle.js'
import { badRequest } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import type { Identity, VerifiableAddress } from '../../identity/identity.js'
import { resendNode } from '../../methods/address-nodes.js'
import { isEnabled, type Method } from '../../methods/method.js'
import { METHODS } from '../../methods/registry.js'

/** The method of new flows. @throws ApiError 400 when it is disabled */
export function configuredMethod ({ kratos }: Exchange): Method {
  const { use } = kratos.config.selfservice.flows.verification
  const method = METHODS.find(
    ({ id, verification }) => id === use && verification !== undefined && isEnabled(kratos, id),
  )
  if (method !== undefined) return method
  throw badRequest(`The active verification strategy ${use} is not enabled. Please enable it in the configuration.`)
}

/** A verification flow with the form of one method, not stored yet. */
export function newVerification (ex: Exchange, type: 'api' | 'browser', method: Method): Flow {
  const flow = newFlow(ex, 'verification', type)
  flow.active = method.group
  method.verification?.populate(ex, flow)
  return flow
}

/** A verification that another flow starts. Its message is already sent (recordings 05, 60). */
export function startVerification (ex: Exchange, original: Flow, identity: Identity, address: VerifiableAddress): Flow {
  const method = configuredMethod(ex)
  const flow = newVerification(ex, original.type, method)
  Object.assign(flow, { ...requestAfter(original.requestUrl), state: 'sent_email' })
  method.verification?.populate(ex, flow)
  flow.ui.nodes.push(resendNode(address.via, address.value))
  saveFlow(ex.kratos, flow)
  method.verification?.send(ex.kratos, flow, identity, address)
  return flow
}

/** The original request; `after_verification_return_to` replaces `return_to`. */
function requestAfter (requestUrl: string): { requestUrl: string, returnTo: string } {
  const [path = '', rest = ''] = requestUrl.split(/\?(.*)/s)
  const query = new URLSearchParams(rest)
  const after = query.get('after_verification_return_to') ?? ''
  if (after !== '') query.set('return_to', after)
  query.delete('after_verification_return_to')
  query.sort()
  // Go keeps a question mark that nothing follows.
  const isBare = query.size === 0 && !requestUrl.endsWith('?')
  return { requestUrl: isBare ? path : `${path}?${query.toString()}`, returnTo: query.get('return_to') ?? '' }
}
