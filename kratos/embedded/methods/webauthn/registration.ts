import type { Flow } from '../../flow/flow.js'
import { formSchema } from '../../flow/form-schema.js'
import { readForm, submittedMethod, validateForm } from '../../flow/form.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { csrfToken } from '../../http/csrf.js'
import { ApiError } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { validateIdentity } from '../../identity/extensions.js'
import { setCredential, type Identity } from '../../identity/identity.js'
import { FormError, formError } from '../../identity/validation.js'
import { asObject, isObject, type JsonObject } from '../../json.js'
import { newId } from '../../random.js'
import { fillTraits, findNode, removeNodes, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, nodeId, setNodeValue } from '../../ui/node.js'
import { done, ensureEnabled, NOT_RESPONSIBLE, type RegistrationMethod } from '../method.js'
import { ceremonyOf, forgetCeremony, rememberCeremony } from './ceremony.js'
import { keyConfig } from './credential.js'
import { nameNode, registerAnswerNode, registerNode } from './nodes.js'
import { newKeyQuestion } from './options.js'
import { isPasswordless, relyingParty } from './relying-party.js'
import { scriptNode } from './script.js'
import { verifyNewKey } from './verification.js'

const FIELDS: JsonObject = {
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    webauthn_register: { type: 'string' },
    webauthn_register_displayname: { type: 'string' },
    transient_payload: { type: 'object' },
  },
}

const NODES = ['webauthn_register_displayname', 'webauthn_register_trigger', 'webauthn_script', 'webauthn_register']

/** Key under which the flow keeps its options, so that both pages of a sign-up show the same. */
const OPTIONS = 'webauthn_session_options'

function signUpOptions ({ kratos }: Exchange, flow: Flow): JsonObject | undefined {
  const kept = flow.context[OPTIONS]
  if (isObject(kept)) return kept
  try {
    const id = Buffer.from(newId().replaceAll('-', ''), 'hex').toString('base64url')
    const { options, ceremony } = newKeyQuestion(relyingParty(kratos, 'webauthn'), { id, name: '' })
    rememberCeremony(flow, 'webauthn', ceremony)
    flow.context[OPTIONS] = options
    return options
  } catch (error) {
    // With an incomplete configuration Kratos shows the form without this method.
    if (error instanceof ApiError) return undefined
    throw error
  }
}

export const registration: RegistrationMethod = {
  populate: (ex, flow, page) => {
    if (flow.type !== 'browser' || !isPasswordless(ex.kratos)) return
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    const options = signUpOptions(ex, flow)
    if (options === undefined) return
    if (page === 'profile') {
      removeNodes(flow.ui, (node) => NODES.includes(nodeId(node)))
      return
    }
    upsertNode(flow.ui, nameNode())
    upsertNode(flow.ui, registerNode(options, MESSAGES.signUpWithSecurityKey()))
    upsertNode(flow.ui, scriptNode(ex.kratos))
    upsertNode(flow.ui, registerAnswerNode())
  },

  /** Reads every submit of a browser that no earlier method accepted, whatever its `method` is. */
  submit: async (ex, flow, identity) => {
    if (flow.type !== 'browser' || !isPasswordless(ex.kratos)) return NOT_RESPONSIBLE
    const schema = formSchema(FIELDS, ex.kratos.schemas.get(identity.schemaId))
    let form: JsonObject = {}
    try {
      form = readForm(ex, schema)
      validateForm(form, schema)
      ensureAnswer(form, submittedMethod(ex))
      flow.transientPayload = asObject(form['transient_payload'])
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      ensureEnabled(ex.kratos, 'webauthn')
      await addKey(ex, flow, identity, form)
      return done(identity)
    } catch (error) {
      fillTraits(flow.ui, form['traits'])
      const node = findNode(flow.ui, 'webauthn_register_displayname')
      if (node !== undefined) setNodeValue(node, form['webauthn_register_displayname'] ?? '')
      upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}

/** Kratos' form wants an answer, or an identifier with a method, which no sign-up has (tried on v26.2.0). */
function ensureAnswer (form: JsonObject, method: string): void {
  if (form['webauthn_register'] !== undefined) return
  const missing = ['webauthn_register', 'identifier', ...(method === '' ? ['method'] : [])]
  throw new FormError(missing.map((path) => ({ path, message: MESSAGES.required(path) })))
}

async function addKey ({ kratos }: Exchange, flow: Flow, identity: Identity, form: JsonObject): Promise<void> {
  identity.traits = asObject(form['traits'])
  const ceremony = ceremonyOf(flow, 'webauthn')
  const now = kratos.clock.now()
  const answer = String(form['webauthn_register'])
  const key = await verifyNewKey(relyingParty(kratos, 'webauthn'), ceremony, answer, { isPasswordless: true, now })
  const named = { ...key, display_name: String(form['webauthn_register_displayname'] ?? '') }
  const handle = Buffer.from(ceremony.userId, 'base64url').toString('base64')
  setCredential(identity, 'webauthn', keyConfig([named], handle), now, 1)
  validateIdentity(identity, kratos.schemas.get(identity.schemaId), now)
  if (identity.credentials['webauthn']?.identifiers.length === 0) throw formError(MESSAGES.noIdentifier())
  forgetCeremony(flow, 'webauthn')
  saveFlow(kratos, flow)
}
