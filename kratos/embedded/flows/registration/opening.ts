import type { Flow } from '../../flow/flow.js'
import { newFlow, saveFlow } from '../../flow/lifecycle.js'
import { badRequest } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { runHooks } from '../../hooks/registry.js'
import { enabledRegistrationMethods } from '../../methods/registry.js'
import { offerExchange } from '../../session/token-exchange.js'
import { isTwoSteps, sortRegistration } from './style.js'

/** @throws ApiError 400 */
export function ensureEnabled ({ kratos }: Exchange): void {
  if (kratos.config.selfservice.flows.registration.enabled) return
  throw badRequest('Registration is not allowed because it was disabled.', {
    id: 'self_service_flow_disabled',
    message: 'registration flow disabled',
  })
}

/** Opens and stores a registration flow. @throws ApiError when registration is disabled or a `before` hook fails */
export async function openRegistration (ex: Exchange, type: 'api' | 'browser'): Promise<Flow> {
  ensureEnabled(ex)
  const flow = newFlow(ex, 'registration', type)
  if (type === 'api' && ex.query.get('return_session_token_exchange_code') === 'true') offerExchange(ex, flow)
  const page = isTwoSteps(ex.kratos) ? 'profile' : 'unified'
  if (flow.organizationId === '') {
    for (const method of enabledRegistrationMethods(ex.kratos)) method.populate(ex, flow, page)
  }
  sortRegistration(ex.kratos, flow)
  await runHooks({ ex, flow, stage: 'before', method: '' })
  saveFlow(ex.kratos, flow)
  return flow
}
