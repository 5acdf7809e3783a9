import type { Flow } from '../../flow/flow.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import type { JsonObject } from '../../json.js'
import { fillTraits, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { traitNodes } from '../../ui/trait-nodes.js'
import { addProvider } from './nodes.js'

/** The form of a sign-up that a provider has begun: what the provider did not tell, and the provider's button. */
export function askForTraits (ex: Exchange, flow: Flow, providerId: string, traits: JsonObject | undefined): void {
  const { kratos } = ex
  flow.ui.nodes = []
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  addProvider(flow.ui, providerId, MESSAGES.continueRegistration())
  if (traits === undefined) return
  const group = kratos.config.feature_flags['legacy_oidc_registration_node_group'] === true ? 'oidc' : 'default'
  flow.ui.nodes.push(...traitNodes(kratos.schemas.get(flow.identitySchema), group))
  fillTraits(flow.ui, traits)
}
