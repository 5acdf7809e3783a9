import { forwardError } from '../../flow/answers.js'
import type { Flow } from '../../flow/flow.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { badRequest } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import type { Handler } from '../../http/router.js'
import { runHooks } from '../../hooks/registry.js'
import { configuredMethod, newVerification } from './start.js'

/** Wraps a handler: while the flow is disabled, callers get an error and browsers the error page. */
export const whenOn = (handler: Handler): Handler => async (ex) =>
  ex.kratos.config.selfservice.flows.verification.enabled
    ? await handler(ex)
    : forwardError(ex, badRequest('Verification is not allowed because it was disabled.'))

/** Opens and stores a verification flow. */
export async function openVerification (ex: Exchange, type: 'api' | 'browser'): Promise<Flow> {
  const flow = newVerification(ex, type, configuredMethod(ex))
  await runHooks({ ex, flow, stage: 'before', method: '' })
  saveFlow(ex.kratos, flow)
  return flow
}
