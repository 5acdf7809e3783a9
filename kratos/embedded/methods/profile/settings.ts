import { formSchema } from '../../flow/form-schema.js'
import { readForm, submittedMethod, validateForm } from '../../flow/form.js'
import { ensureCsrf } from '../../flow/submission.js'
import type { Flow } from '../../flow/flow.js'
import { ensureAllowed } from '../../flows/settings/privilege.js'
import { csrfToken } from '../../http/csrf.js'
import { noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { validateIdentity } from '../../identity/extensions.js'
import type { Identity } from '../../identity/identity.js'
import { asObject, type Json, type JsonObject } from '../../json.js'
import { resetNodes, upsertNode, upsertTraits } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode, nodeId } from '../../ui/node.js'
import { traitNodes } from '../../ui/trait-nodes.js'
import { done, ensureEnabled, type SettingsMethod } from '../method.js'

const FIELDS: JsonObject = {
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    action: { type: 'string' },
    transient_payload: { type: 'object' },
  },
  required: ['traits'],
}

export const settings: SettingsMethod = {
  pausesApiFlows: true,

  populate: (ex, flow, identity) => {
    for (const node of traitNodes(ex.kratos.schemas.get(identity.schemaId), 'profile')) upsertNode(flow.ui, node)
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    upsertTraits(flow.ui, identity.traits, 'profile')
    flow.ui.nodes.push(inputNode('profile', 'method', 'submit', { value: 'profile', label: MESSAGES.save() }))
  },

  read: (ex, flow, session) => {
    if (submittedMethod(ex) !== 'profile') return undefined
    ensureEnabled(ex.kratos, 'profile')
    const schema = formSchema(FIELDS, ex.kratos.schemas.get(session.identity.schemaId))
    let form: JsonObject = {}
    try {
      form = readForm(ex, schema, { allowGet: true })
      validateForm(form, schema)
      return form
    } catch (error) {
      prefill(ex, flow, form['traits'])
      throw error
    }
  },

  apply: async (ex, flow, session, form) => {
    const { clock, schemas, store } = ex.kratos
    prefill(ex, flow, form['traits'])
    ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
    const stored = store.identities.get(session.identityId)
    if (stored === undefined) throw noRow()
    const updated = withTraits(stored, asObject(form['traits']))
    validateIdentity(updated, schemas.get(updated.schemaId), clock.now())
    ensureAllowed(ex, session, updated)
    return done(updated)
  },
}

const withTraits = (stored: Identity, traits: JsonObject): Identity => ({
  ...structuredClone(stored),
  traits,
  lost: ['state_changed_at', 'verified_at'],
})

function prefill (ex: Exchange, flow: Flow, traits: Json | undefined): void {
  if (traits !== undefined) {
    resetNodes(flow.ui, ...flow.ui.nodes.map(nodeId).filter((id) => id.startsWith('traits.')))
    upsertTraits(flow.ui, traits, 'profile')
  }
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
}
