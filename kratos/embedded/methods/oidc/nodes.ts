import type { Exchange } from '../../http/exchange.js'
import { csrfToken } from '../../http/csrf.js'
import { removeNodes, upsertNode, type UiContainer } from '../../ui/container.js'
import type { UiMessage } from '../../ui/message.js'
import { csrfNode, inputNode, nodeId, type UiNode } from '../../ui/node.js'
import { labelOf, type Provider } from './config.js'

const isProvider = (node: UiNode, id: string): boolean =>
  node.group === 'oidc' && nodeId(node) === 'provider' && node.attributes.value === id

/** Adds the button of a provider; there is only one for each. */
export function addProvider (ui: UiContainer, id: string, label: UiMessage): void {
  removeProvider(ui, id)
  ui.nodes.push(inputNode('oidc', 'provider', 'submit', { value: id, label }))
}

export const removeProvider = (ui: UiContainer, id: string): void => removeNodes(ui, (node) => isProvider(node, id))

/** The CSRF token and a button per provider. */
export function addProviders (
  ex: Exchange,
  ui: UiContainer,
  providers: Provider[],
  label: (provider: string, providerId: string) => UiMessage,
): void {
  upsertNode(ui, csrfNode(csrfToken(ex)))
  for (const provider of providers) addProvider(ui, provider.id, label(labelOf(provider), provider.id))
}
