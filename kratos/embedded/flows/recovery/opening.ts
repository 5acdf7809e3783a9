import { forwardError } from '../../flow/answers.js'
import type { Flow } from '../../flow/flow.js'
import { newFlow, saveFlow } from '../../flow/lifecycle.js'
import { badRequest } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import type { Handler } from '../../http/router.js'
import { runHooks } from '../../hooks/registry.js'
import { isEnabled, type Method } from '../../methods/method.js'
import { METHODS } from '../../methods/registry.js'

/** Wraps a handler: while the flow is disabled, callers get an error and browsers the error page. */
export function whenOn (handler: Handler): Handler {
  return async (ex) => {
    if (ex.kratos.config.selfservice.flows.recovery.enabled) return await handler(ex)
    return forwardError(ex, badRequest('Recovery is not allowed because it was disabled.'))
  }
}

/** The method of new flows. @throws ApiError 400 when it is disabled */
export function configuredMethod ({ kratos }: Exchange): Method {
  const { use } = kratos.config.selfservice.flows.recovery
  const method = METHODS.find(({ id, recovery }) => id === use && recovery !== undefined && isEnabled(kratos, id))
  if (method !== undefined) return method
  throw badRequest(
    `You attempted recovery using ${use}, which is not enabled or does not exist. An administrator needs to enable this recovery method.`,
  )
}

/** A recovery flow with the form of one method, not stored yet. */
export function newRecovery (ex: Exchange, type: 'api' | 'browser', method: Method): Flow {
  const flow = newFlow(ex, 'recovery', type)
  if (ex.kratos.config.feature_flags['choose_recovery_address'] === true) flow.state = 'recovery_awaiting_address'
  flow.active = method.group
  method.recovery?.populate(ex, flow)
  return flow
}

/** Stores a flow of `newRecovery` after the `before` hooks. */
export async function openRecovery (ex: Exchange, made: Flow): Promise<Flow> {
  await runHooks({ ex, flow: made, stage: 'before', method: '' })
  saveFlow(ex.kratos, made)
  return made
}
