import { formSchema } from '../../flow/form-schema.js'
import { readForm, submittedMethod, validateForm } from '../../flow/form.js'
import { ensureCsrf } from '../../flow/submission.js'
import { csrfToken } from '../../http/csrf.js'
import { methodDisabled } from '../../http/errors.js'
import { validateIdentity } from '../../identity/extensions.js'
import { setCredential } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import { asObject, type JsonObject } from '../../json.js'
import { fillTraits, removeNodes, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, nodeId } from '../../ui/node.js'
import { done, NOT_RESPONSIBLE, type RegistrationMethod } from '../method.js'
import { hashPassword } from './hashing.js'
import { passwordNode, submitNode } from './nodes.js'
import { checkPassword } from './policy.js'

const FIELDS: JsonObject = {
  properties: {
    csrf_token: { type: 'string' },
    password: { type: 'string', minLength: 1 },
    method: { type: 'string' },
    transient_payload: { type: 'object' },
  },
  required: ['password'],
}

export const registration: RegistrationMethod = {
  populate: (ex, flow, page) => {
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    if (page === 'profile') {
      removeNodes(flow.ui, (node) => node.group === 'password' && ['password', 'method'].includes(nodeId(node)))
      return
    }
    upsertNode(flow.ui, passwordNode('new-password'))
    upsertNode(flow.ui, submitNode(MESSAGES.signUp()))
  },

  submit: async (ex, flow, identity) => {
    const { kratos } = ex
    if (submittedMethod(ex) !== 'password') return NOT_RESPONSIBLE
    if (kratos.config.selfservice.methods['password']?.enabled !== true) throw methodDisabled()
    const identitySchema = kratos.schemas.get(identity.schemaId)
    const schema = formSchema(FIELDS, identitySchema)
    let form: JsonObject = {}
    try {
      form = readForm(ex, schema)
      validateForm(form, schema)
      flow.transientPayload = asObject(form['transient_payload'])
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      identity.traits = asObject(form['traits'])
      setCredential(identity, 'password', {}, kratos.clock.now())
      validateIdentity(identity, identitySchema, kratos.clock.now())
      const { identifiers = [] } = identity.credentials['password'] ?? {}
      if (identifiers.length === 0) throw formError(MESSAGES.noIdentifier())
      const password = String(form['password'])
      await checkPassword(kratos, identifiers, password)
      setCredential(identity, 'password', { hashed_password: await hashPassword(kratos, password) }, kratos.clock.now())
      return done(identity)
    } catch (error) {
      fillTraits(flow.ui, form['traits'])
      if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}
