import { flowJson } from '../../flow/flow.js'
import { requestUrl } from '../../http/exchange.js'
import { identityJson } from '../../identity/identity.js'
import type { JsonObject } from '../../json.js'
import { sessionJson } from '../../session/session.js'
import type { HookRun } from '../hook.js'

/** What a template sees as `ctx` (recording 71): headers of the allow-list only, but all cookies. */
export function templateContext ({ ex, flow, identity, session }: HookRun): JsonObject {
  const { header_allowlist: allowed } = ex.kratos.config.clients.web_hook
  const names = allowed.map(name => name.toLowerCase())
  return {
    flow: flowJson(flow) as JsonObject,
    request_headers: Object.fromEntries(ex.headers.entries().filter(([name]) => names.includes(name.toLowerCase()))),
    request_method: ex.method,
    request_url: requestUrl(ex),
    request_cookies: Object.fromEntries(ex.cookies),
    ...(identity === undefined ? {} : { identity: identityJson(ex.kratos, identity) }),
    ...(session === undefined || flow.kind === 'registration' ? {} : { session: sessionJson(ex.kratos, session) })
  }
}
