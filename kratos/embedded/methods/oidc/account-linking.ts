import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { rememberAccount } from '../../flows/login/linking.js'
import { openLogin } from '../../flows/login/opening.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { noRow } from '../../http/errors.js'
import { withQuery, type Exchange } from '../../http/exchange.js'
import { acceptsJson } from '../../http/negotiation.js'
import type { Identity } from '../../identity/identity.js'
import type { Kratos } from '../../kratos.js'
import { returnTo } from '../../session/token-exchange.js'
import { findNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { setNodeValue, type UiNode } from '../../ui/node.js'
import type { Provider } from './config.js'
import { linkedAccounts } from './credential.js'
import { removeProvider } from './nodes.js'

/** Continues a flow as another kind of flow; for the user it is the same one. */
export function inheriting ({ store }: Kratos, flow: Flow, from: Flow): Flow {
  store.exchanges.move(from.id, flow.id)
  const { requestUrl, identitySchema, transientPayload, returnTo, context } = from
  return Object.assign(
    flow,
    { active: 'oidc', requestUrl, identitySchema, context },
    returnTo === '' ? {} : { returnTo },
    transientPayload === undefined ? {} : { transientPayload },
  )
}

/**
 * The identifier of a new identity that is already used.
 * @throws ApiError 404 if something else conflicts, such as `external_id`
 */
function takenIdentifier ({ store }: Kratos, identity: Identity): string {
  const { credentials, verifiableAddresses, recoveryAddresses } = identity
  const identifiers = Object.values(credentials).flatMap(({ type, identifiers }) =>
    identifiers.map((identifier) => ({ type, identifier })),
  )
  const taken =
    identifiers.find(({ type, identifier }) => store.identities.byIdentifier(type, identifier) !== undefined)
      ?.identifier ??
      verifiableAddresses.find(({ via, value }) => store.identities.byAddress('verifiable', via, value) !== undefined)
        ?.value ??
      recoveryAddresses.find(({ via, value }) => store.identities.byAddress('recovery', via, value) !== undefined)
        ?.value
  if (taken === undefined) throw noRow()
  return taken
}

/**
 * The visitor's e-mail address is already used: whoever logs in as its owner gets the account linked (recording 68).
 */
export async function offerLinking (
  ex: Exchange,
  registration: Flow,
  identity: Identity,
  provider: Provider,
): Promise<Answer> {
  const { kratos } = ex
  const [account] = linkedAccounts(identity.credentials['oidc'])
  const identifier = takenIdentifier(kratos, identity)
  if (account !== undefined) rememberAccount(registration, { account, identifier })
  const login = inheriting(kratos, await openLogin(ex, registration.type, { isLinking: true }), registration)
  removeProvider(login.ui, provider.id)
  for (const node of login.ui.nodes) relabel(node)
  const node = findNode(login.ui, 'identifier')
  if (node !== undefined) {
    node.attributes.type = 'hidden'
    setNodeValue(node, identifier)
  }
  const label = provider.label === '' ? 'generic' : provider.label
  login.ui.messages = [MESSAGES.linkAccount(identifier, label, kratos.config.selfservice.flows.login.ui_url)]
  saveFlow(kratos, login)
  if (acceptsJson(ex)) return json(400, flowJson(login))
  // An app shows its form itself.
  const page = login.type === 'api' ? withQuery(returnTo(ex, registration), { flow: login.id }) : uiUrl(kratos, login)
  return redirect(ex.method, 303, withQuery(page, { no_org_ui: 'true' }))
}

/** Changes the labels of buttons: they also link. */
function relabel (node: UiNode): void {
  const { label } = node.meta
  if (node.group === 'default' || label === undefined) return
  if (label.id === MESSAGES.signIn().id) node.meta = { label: MESSAGES.signInAndLink() }
  if (label.id === MESSAGES.signInWith('', '').id) {
    node.meta = { label: MESSAGES.confirmWith(String(label.context?.['provider'] ?? '')) }
  }
}
