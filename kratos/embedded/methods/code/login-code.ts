import { sendMessage } from '../../courier/send.js'
import { TEMPLATES } from '../../courier/templates.js'
import type { Flow } from '../../flow/flow.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import type { Identity } from '../../identity/identity.js'
import { shownIdentifier, typedIdentifier } from '../../identity/normalization.js'
import { findNode, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, nodeId, setNodeValue } from '../../ui/node.js'
import { continueNode } from '../address-nodes.js'
import type { Address } from './addresses.js'
import { codeNode, hiddenMethodNode, resendButton } from './nodes.js'
import { codeMinutes, issueCode } from './one-time-code.js'

/** Sends a code to the given address, or to all, and shows the form for the code. Stores the flow. */
export function sendLoginCode (
  ex: Exchange,
  flow: Flow,
  identifier: string,
  { identity, addresses }: { identity: Identity, addresses: Address[] },
): void {
  const { kratos } = ex
  const asked = addresses.filter(({ to }) => to === typedIdentifier(identifier))
  kratos.store.codes.deleteCodes(flow.id)
  for (const { to, via } of asked.length === 0 ? addresses : asked.slice(0, 1)) {
    const code = issueCode(kratos, flow, { identityId: identity.id, address: to, via })
    sendMessage(kratos, via, to, TEMPLATES.loginCode(code, codeMinutes(kratos)), { flow, identity, ex })
  }
  Object.assign(flow, { active: 'code', state: 'sent_email' })
  askForCode(ex, flow, identifier)
  saveFlow(kratos, flow)
}

function askForCode (ex: Exchange, flow: Flow, identifier: string): void {
  const kept = flow.ui.nodes.filter((node) => ['identifier', 'address'].includes(nodeId(node)))
  for (const node of kept) {
    Object.assign(node.attributes, { type: 'hidden', name: 'identifier' })
    node.messages = []
  }
  flow.ui.nodes = [
    ...kept,
    hiddenMethodNode(),
    codeNode(MESSAGES.loginCodeLabel()),
    continueNode('code'),
    resendButton(),
  ]
  flow.ui.messages = [MESSAGES.loginCodeSent()]
  if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  const node = findNode(flow.ui, 'identifier')
  if (node !== undefined) setNodeValue(node, shownIdentifier(identifier))
}
