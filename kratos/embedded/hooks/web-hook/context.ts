import { flowJson } from '../../flow/flow.js'
import { requestUrl } from '../../http/exchange.js'
import { allowedHeaders } from '../../http/headers.js'
import { identityJson } from '../../identity/json.js'
import type { JsonObject } from '../../json.js'
import { sessionJson } from '../../session/json.js'
import type { HookRun } from '../hook.js'

/** What a template gets as `ctx` (recording 71): only the allowed headers, but all cookies. */
export function templateContext (run: HookRun): JsonObject {
  const { ex, flow } = run
  return {
    flow: flowJson(flow) as JsonObject,
    request_headers: allowedHeaders(ex),
    request_method: ex.method,
    request_url: requestUrl(ex),
    request_cookies: Object.fromEntries(ex.cookies),
    ...people(run),
  }
}

/** Before a flow, only settings have an identity. The session is shown if there is one or one is being made. */
function people ({ ex: { kratos }, flow, stage, identity, session }: HookRun): JsonObject {
  const hasSession = session !== undefined && (flow.kind === 'login' || flow.kind === 'settings')
  return {
    ...(identity === undefined || stage === 'before' ? {} : { identity: identityJson(kratos, identity) }),
    ...(hasSession ? { session: sessionJson(kratos, session) } : {}),
  }
}
