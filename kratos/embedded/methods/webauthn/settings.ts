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
import { formError } from '../../identity/validation.js'
import { asObject, type JsonObject } from '../../json.js'
import { addMethod } from '../../session/activate.js'
import type { Session } from '../../session/session.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { countFirstFactors } from '../factors.js'
import { done, ensureEnabled, type SettingsMethod } from '../method.js'
import { ceremonyOf, forgetCeremony, rememberCeremony } from './ceremony.js'
import { keyConfig, keysOf } from './credential.js'
import { nameNode, registerAnswerNode, registerNode, removeNode } from './nodes.js'
import { newKeyQuestion } from './options.js'
import { isPasswordless, relyingParty } from './relying-party.js'
import { lastKey, withoutKey } from './removal.js'
import { scriptNode } from './script.js'
import { verifyNewKey } from './verification.js'

const text = { type: 'string' }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: text,
    method: text,
    webauthn_register: text,
    webauthn_register_displayname: text,
    webauthn_remove: text,
    transient_payload: { type: 'object' },
  },
  if: { required: ['webauthn_register'] },
  then: { required: ['webauthn_register_displayname'] },
}

/** The user handle of all keys of an identity is its id. */
const handleOf = ({ id }: Identity): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')

export const settings: SettingsMethod = {
  populate: (ex, flow, identity) => {
    const { kratos } = ex
    if (flow.type !== 'browser') return
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    const isLast = countFirstFactors(kratos, identity) < 2
    flow.ui.nodes.push(...keysOf(identity.credentials['webauthn']).map((key) => removeNode(key, isLast)))
    const user = { id: handleOf(identity).toString('base64url'), name: '' }
    const { options, ceremony } = newKeyQuestion(relyingParty(kratos, 'webauthn'), user)
    rememberCeremony(flow, 'webauthn', ceremony)
    upsertNode(flow.ui, scriptNode(kratos))
    upsertNode(flow.ui, nameNode())
    upsertNode(flow.ui, registerNode(options, MESSAGES.addSecurityKey()))
    upsertNode(flow.ui, registerAnswerNode())
  },

  read: (ex, flow) => {
    if (flow.type !== 'browser') return undefined
    const form = readForm(ex, FORM, { allowGet: true })
    validateForm(form, FORM)
    if (form['webauthn_register'] === undefined && form['webauthn_remove'] === undefined) return undefined
    ensureEnabled(ex.kratos, 'webauthn')
    flow.transientPayload = asObject(form['transient_payload'])
    return form
  },

  apply: async (ex, flow, session, form) => {
    ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
    if (!isPrivileged(ex.kratos, session)) throw refreshRequired(ex)
    const identity = ex.kratos.store.identities.get(session.identityId)
    if (identity === undefined) throw noRow()
    if (typeof form['webauthn_register'] === 'string') await add(ex, flow, session, identity, form)
    else remove(ex, identity, String(form['webauthn_remove']))
    return done(identity)
  },
}

function remove ({ kratos }: Exchange, identity: Identity, id: string): void {
  const { left, removed } = withoutKey(identity.credentials['webauthn'], id)
  if (removed === undefined) throw badRequest('You tried to remove a WebAuthn credential which does not exist.')
  if (removed.is_passwordless && countFirstFactors(kratos, identity) < 2) throw lastKey()
  if (left === undefined) delete identity.credentials['webauthn']
  else identity.credentials['webauthn'] = { ...left, updatedAt: kratos.clock.now() }
}

/** Setting up a key counts as using it. */
async function add (
  { kratos }: Exchange,
  flow: Flow,
  session: Session,
  identity: Identity,
  form: JsonObject,
): Promise<void> {
  const ceremony = ceremonyOf(flow, 'webauthn')
  const now = kratos.clock.now()
  const isFirst = isPasswordless(kratos)
  const answer = String(form['webauthn_register'])
  const key = await verifyNewKey(relyingParty(kratos, 'webauthn'), ceremony, answer, { isPasswordless: isFirst, now })
  const named = { ...key, display_name: String(form['webauthn_register_displayname'] ?? '') }
  const keys = [...keysOf(identity.credentials['webauthn']), named]
  setCredential(identity, 'webauthn', keyConfig(keys, handleOf(identity).toString('base64')), now, 1)
  validateIdentity(identity, kratos.schemas.get(identity.schemaId), now)
  if (identity.credentials['webauthn']?.identifiers.length === 0) throw formError(MESSAGES.noIdentifier())
  forgetCeremony(flow, 'webauthn')
  saveFlow(kratos, flow)
  addMethod(kratos, session, { method: 'webauthn', aal: isFirst ? 'aal1' : 'aal2' })
}
