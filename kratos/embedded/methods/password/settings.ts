import { readForm, submittedMethod, validateForm } from '../../flow/form.js'
import { ensureCsrf } from '../../flow/submission.js'
import { isPrivileged, refreshRequired } from '../../flows/settings/privilege.js'
import { csrfToken } from '../../http/csrf.js'
import { noRow } from '../../http/errors.js'
import { validateIdentity } from '../../identity/extensions.js'
import { setCredential } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import type { JsonObject } from '../../json.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { done, ensureEnabled, type SettingsMethod } from '../method.js'
import { hashPassword, isPassword } from './hashing.js'
import { passwordNode, submitNode } from './nodes.js'
import { checkPassword } from './policy.js'

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    password: { type: 'string', minLength: 1 },
    transient_payload: { type: 'object' },
  },
  required: ['password'],
}

export const settings: SettingsMethod = {
  populate: (ex, flow) => {
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    upsertNode(flow.ui, passwordNode('new-password'))
    flow.ui.nodes.push(submitNode(MESSAGES.save()))
  },

  read: (ex) => {
    if (submittedMethod(ex) !== 'password') return undefined
    ensureEnabled(ex.kratos, 'password')
    const form = readForm(ex, FORM, { allowGet: true })
    validateForm(form, FORM)
    return form
  },

  apply: async (ex, flow, session, form) => {
    const { kratos } = ex
    ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
    if (!isPrivileged(kratos, session)) throw refreshRequired(ex)
    const identity = kratos.store.identities.get(session.identityId)
    if (identity === undefined) throw noRow()
    const password = String(form['password'])
    const old = identity.credentials['password']?.config['hashed_password']
    setCredential(identity, 'password', {}, kratos.clock.now())
    validateIdentity(identity, kratos.schemas.get(identity.schemaId), kratos.clock.now())
    const { identifiers = [] } = identity.credentials['password'] ?? {}
    if (identifiers.length === 0) throw formError(MESSAGES.noIdentifier())
    await checkPassword(kratos, identifiers, password)
    const hashed = await hashPassword(kratos, password)
    if (typeof old === 'string' && (await isPassword(password, old))) {
      throw formError(MESSAGES.passwordUnchanged(), 'password')
    }
    setCredential(identity, 'password', { hashed_password: hashed }, kratos.clock.now())
    return done(identity)
  },
}
