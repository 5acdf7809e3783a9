import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { formError } from '../../identity/validation.js'
import type { ShowCredentials } from '../../methods/method.js'
import { enabledLoginMethods } from '../../methods/registry.js'
import { findNode, removeNodes, resetMessages } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { nodeId, setNodeValue } from '../../ui/node.js'

/**
 * The second page of an identifier-first login: the methods of this identity. Kratos answers a next page with 400
 * (recording 08).
 * @throws FormError 4000037 when there is none, unless account enumeration is mitigated
 */
export function showCredentials (ex: Exchange, flow: Flow, { identifier, identity }: ShowCredentials): Answer {
  resetMessages(flow.ui)
  const node = findNode(flow.ui, 'identifier')
  if (node !== undefined) setNodeValue(node, identifier)
  const before = new Set(flow.ui.nodes)
  const page = { kind: 'credentials' as const, identity }
  for (const method of enabledLoginMethods(ex.kratos)) method.populate(ex, flow, page)
  const isAnyWay = flow.ui.nodes.some((other) => !before.has(other) && nodeId(other) !== 'csrf_token')
  if (!isAnyWay && !ex.kratos.config.security.account_enumeration.mitigate) {
    throw formError(MESSAGES.noLoginMethod(), 'identifier')
  }
  if (enabledLoginMethods(ex.kratos).some((method) => method.anticipate?.(ex, flow, page, identifier))) {
    return nextPage(ex, flow)
  }
  removeNodes(flow.ui, (other) => other.group === 'identifier_first' && nodeId(other) === 'method')
  if (node !== undefined) node.attributes.type = 'hidden'
  flow.active = 'identifier_first'
  saveFlow(ex.kratos, flow)
  return nextPage(ex, flow)
}

const nextPage = (ex: Exchange, flow: Flow): Answer =>
  isJsonRequest(ex) ? json(400, flowJson(flow)) : redirect(ex.method, 303, uiUrl(ex.kratos, flow))
