import type { Flow } from '../../flow/flow.js'
import { readForm, validateForm } from '../../flow/form.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { isPrivileged, refreshRequired } from '../../flows/settings/privilege.js'
import { csrfToken } from '../../http/csrf.js'
import { badRequest, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { validateIdentity } from '../../identity/extensions.js'
import { setCredential, type Identity } from '../../identity/identity.js'
import type { JsonObject } from '../../json.js'
import { newUserHandle } from '../../random.js'
import { addMethod } from '../../session/activate.js'
import type { Session } from '../../session/session.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { countFirstFactors } from '../factors.js'
import { done, ensureEnabled, type SettingsMethod } from '../method.js'
import { ceremonyOf, forgetCeremony, rememberCeremony } from '../webauthn/ceremony.js'
import { keyConfig, keysOf } from '../webauthn/credential.js'
import { newKeyQuestion } from '../webauthn/options.js'
import { relyingParty } from '../webauthn/relying-party.js'
import { lastKey, withoutKey } from '../webauthn/removal.js'
import { scriptNode } from '../webauthn/script.js'
import { verifyNewKey } from '../webauthn/verification.js'
import { displayName } from './display-name.js'
import { addNode, answerNode, optionsNode, removeNode } from './nodes.js'

const text = { type: 'string' }

const FORM: JsonObject = {
  type: 'object',
  properties: { csrf_token: text, method: text, passkey_settings_register: text, passkey_remove: text },
}

export const settings: SettingsMethod = {
  populate: (ex, flow, identity) => {
    const { kratos } = ex
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    const isLast = countFirstFactors(kratos, identity) < 2
    flow.ui.nodes.push(...keysOf(identity.credentials['passkey']).map((key) => removeNode(key, isLast)))
    const name = displayName(identity, kratos.schemas.get(identity.schemaId))
    if (name === '') {
      flow.ui.messages.push(MESSAGES.noIdentifier())
      return
    }
    const user = { id: Buffer.from(newUserHandle()).toString('base64url'), name }
    const { options, ceremony } = newKeyQuestion(relyingParty(kratos, 'passkey'), user)
    rememberCeremony(flow, 'passkey', ceremony)
    if (flow.type === 'browser') upsertNode(flow.ui, scriptNode(kratos))
    upsertNode(flow.ui, addNode(flow))
    upsertNode(flow.ui, answerNode('passkey_settings_register'))
    upsertNode(flow.ui, optionsNode('passkey_create_data', options))
  },

  read: (ex) => {
    const form = readForm(ex, FORM, { allowGet: true })
    validateForm(form, FORM)
    if (form['passkey_settings_register'] === undefined && form['passkey_remove'] === undefined) return undefined
    ensureEnabled(ex.kratos, 'passkey')
    return form
  },

  apply: async (ex, flow, session, form) => {
    ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
    if (!isPrivileged(ex.kratos, session)) throw refreshRequired(ex)
    const identity = ex.kratos.store.identities.get(session.identityId)
    if (identity === undefined) throw noRow()
    if (typeof form['passkey_remove'] === 'string') remove(ex, identity, form['passkey_remove'])
    else await add(ex, flow, session, identity, String(form['passkey_settings_register']))
    return done(identity)
  },
}

function remove ({ kratos }: Exchange, identity: Identity, id: string): void {
  const credential = identity.credentials['passkey']
  const { left, removed } = withoutKey(credential, id)
  if (removed === undefined) throw badRequest('You tried to remove a passkey which does not exist.')
  if (countFirstFactors(kratos, identity) < 2) throw lastKey()
  if (left === undefined) delete identity.credentials['passkey']
  else identity.credentials['passkey'] = { ...left, updatedAt: kratos.clock.now() }
}

/** Each passkey has a user handle of its own. All stay identifiers of the credential. */
async function add (
  { kratos }: Exchange,
  flow: Flow,
  session: Session,
  identity: Identity,
  answer: string,
): Promise<void> {
  const ceremony = ceremonyOf(flow, 'passkey')
  const now = kratos.clock.now()
  const key = await verifyNewKey(relyingParty(kratos, 'passkey'), ceremony, answer, { isPasswordless: true, now })
  const { identifiers = [] } = identity.credentials['passkey'] ?? {}
  const handle = Buffer.from(ceremony.userId, 'base64url')
  const keys = [...keysOf(identity.credentials['passkey']), key]
  setCredential(identity, 'passkey', keyConfig(keys, handle.toString('base64')), now, 1)
  identity.credentials['passkey'] = { ...identity.credentials['passkey']!, identifiers: [...identifiers, handle.toString()] }
  validateIdentity(identity, kratos.schemas.get(identity.schemaId), now)
  forgetCeremony(flow, 'passkey')
  saveFlow(kratos, flow)
  addMethod(kratos, session, { method: 'passkey', aal: 'aal1' })
}
