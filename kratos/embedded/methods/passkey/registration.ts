import type { Flow } from '../../flow/flow.js'
import { formSchema } from '../../flow/form-schema.js'
import { readForm, validateForm } from '../../flow/form.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import { validateIdentity } from '../../identity/extensions.js'
import { setCredential } from '../../identity/identity.js'
import { asObject, isObject, type JsonObject } from '../../json.js'
import { newUserHandle } from '../../random.js'
import { fillTraits, removeNodes, upsertNode } from '../../ui/container.js'
import { csrfNode, nodeId } from '../../ui/node.js'
import { done, ensureEnabled, NOT_RESPONSIBLE, type RegistrationMethod } from '../method.js'
import { ceremonyOf, rememberCeremony } from '../webauthn/ceremony.js'
import { keyConfig } from '../webauthn/credential.js'
import { newKeyQuestion } from '../webauthn/options.js'
import { relyingParty } from '../webauthn/relying-party.js'
import { scriptNode } from '../webauthn/script.js'
import { verifyNewKey } from '../webauthn/verification.js'
import { displayNameField } from './display-name.js'
import { answerNode, optionsNode, signUpNode } from './nodes.js'

const FIELDS: JsonObject = {
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    passkey_register: { type: 'string' },
    transient_payload: { type: 'object' },
  },
}

const NODES = ['passkey_create_data', 'passkey_register_trigger', 'webauthn_script', 'passkey_register']

/** Key under which the flow keeps its options, so that both pages of a sign-up show the same. */
const OPTIONS = 'passkey_session_options'

function signUpOptions ({ kratos }: Exchange, flow: Flow): JsonObject {
  const kept = flow.context[OPTIONS]
  if (isObject(kept)) return kept
  const field = displayNameField(kratos.schemas.get(flow.identitySchema))
  const user = { id: Buffer.from(newUserHandle()).toString('base64url'), name: '' }
  const { options, ceremony } = newKeyQuestion(relyingParty(kratos, 'passkey'), user)
  rememberCeremony(flow, 'passkey', ceremony)
  const made = { credentialOptions: options, displayNameFieldName: field }
  flow.context[OPTIONS] = made
  return made
}

export const registration: RegistrationMethod = {
  populate: (ex, flow, page) => {
    const options = signUpOptions(ex, flow)
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    if (page === 'profile') {
      removeNodes(flow.ui, (node) => NODES.includes(nodeId(node)))
      return
    }
    upsertNode(flow.ui, optionsNode('passkey_create_data', options))
    upsertNode(flow.ui, signUpNode(flow))
    if (flow.type === 'browser') upsertNode(flow.ui, scriptNode(ex.kratos))
    upsertNode(flow.ui, answerNode('passkey_register'))
  },

  /**
   * Kratos checks passkeys whatever `method` is, even while they are disabled. So a sign-up that no earlier method
   * accepted fails at its traits first (tried on v26.2.0).
   */
  submit: async (ex, flow, identity) => {
    const { kratos } = ex
    const identitySchema = kratos.schemas.get(identity.schemaId)
    const schema = formSchema(FIELDS, identitySchema)
    let form: JsonObject = {}
    try {
      form = readForm(ex, schema)
      validateForm(form, schema)
      flow.transientPayload = asObject(form['transient_payload'])
      const answer = String(form['passkey_register'] ?? '')
      // The React SDK sends "true" for an empty field.
      if (answer === '' || answer === 'true') return NOT_RESPONSIBLE
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      ensureEnabled(kratos, 'passkey')
      identity.traits = asObject(form['traits'])
      const ceremony = ceremonyOf(flow, 'passkey')
      const now = kratos.clock.now()
      const key = await verifyNewKey(relyingParty(kratos, 'passkey'), ceremony, answer, { isPasswordless: true, now })
      const handle = Buffer.from(ceremony.userId, 'base64url')
      setCredential(identity, 'passkey', keyConfig([key], handle.toString('base64')), now, 1)
      identity.credentials['passkey'] = { ...identity.credentials['passkey']!, identifiers: [handle.toString()] }
      validateIdentity(identity, identitySchema, now)
      saveFlow(kratos, flow)
      return done(identity)
    } catch (error) {
      fillTraits(flow.ui, form['traits'])
      if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}
