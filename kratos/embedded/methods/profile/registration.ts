import { formSchema } from '../../flow/form-schema.js'
import { readForm, validateForm } from '../../flow/form.js'
import type { Flow } from '../../flow/flow.js'
import { ensureCsrf } from '../../flow/submission.js'
import { isTwoSteps } from '../../flows/registration/style.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import { validateIdentity } from '../../identity/extensions.js'
import type { IdentitySchema } from '../../identity/schemas.js'
import { asObject, type JsonObject } from '../../json.js'
import { fillTraits, removeNodes, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode, nodeId } from '../../ui/node.js'
import { traitNodes } from '../../ui/trait-nodes.js'
import { NOT_RESPONSIBLE, type RegistrationMethod } from '../method.js'

const FIELDS: JsonObject = {
  properties: {
    csrf_token: { type: 'string' },
    screen: { type: 'string', enum: ['credential-selection', 'previous'] },
    method: { type: 'string' },
    transient_payload: { type: 'object' },
  },
}

const previousNode = () =>
  inputNode('profile', 'screen', 'submit', { value: 'previous', label: MESSAGES.registrationBack() })
const submitNode = () => inputNode('profile', 'method', 'submit', { value: 'profile', label: MESSAGES.signUp() })

function addTraits (flow: Flow, schema: IdentitySchema): void {
  for (const node of traitNodes(schema, 'default')) upsertNode(flow.ui, node)
}

export const registration: RegistrationMethod = {
  populate: (ex, flow, page) => {
    const schema = ex.kratos.schemas.get(flow.identitySchema)
    if (page === 'credentials') {
      flow.ui.nodes.push(previousNode())
      removeNodes(flow.ui, (node) => node.group === 'profile' && nodeId(node) === 'method')
      for (const node of flow.ui.nodes.filter((node) => node.group === 'default' && node.type === 'input')) {
        node.attributes.type = 'hidden'
      }
      flow.ui.messages.push(MESSAGES.chooseCredential())
      return
    }
    removeNodes(flow.ui, (node) => node.group === 'profile' && nodeId(node) === 'screen')
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    addTraits(flow, schema)
    if (page === 'profile') flow.ui.nodes.push(submitNode())
  },

  submit: async (ex, flow, identity) => {
    if (!isTwoSteps(ex.kratos)) return NOT_RESPONSIBLE
    const identitySchema = ex.kratos.schemas.get(identity.schemaId)
    const schema = formSchema(FIELDS, identitySchema)
    let form: JsonObject = {}
    try {
      form = readForm(ex, schema)
      const { method, screen } = form
      if (method !== 'profile' && method !== 'profile:back' && screen === undefined) return NOT_RESPONSIBLE
      validateForm(form, schema)
      if (method === 'profile:back' || screen === 'previous') {
        return { kind: 'turn-page', page: 'profile', traits: asObject(form['traits']) }
      }
      flow.transientPayload = asObject(form['transient_payload'])
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      identity.traits = asObject(form['traits'])
      validateIdentity(identity, identitySchema, ex.kratos.clock.now())
      return { kind: 'turn-page', page: 'credentials', traits: identity.traits }
    } catch (error) {
      prefill(ex, flow, form)
      throw error
    }
  },
}

function prefill (ex: Exchange, flow: Flow, form: JsonObject): void {
  fillTraits(flow.ui, form['traits'])
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
}
