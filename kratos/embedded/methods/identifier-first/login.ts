import { readForm, validateForm } from '../../flow/form.js'
import { ensureCsrf } from '../../flow/submission.js'
import { identifierLabel } from '../../flows/login/identifier-label.js'
import { csrfToken } from '../../http/csrf.js'
import { asObject, type JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import { findNode, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode, setNodeValue } from '../../ui/node.js'
import { NOT_RESPONSIBLE, type LoginMethod } from '../method.js'

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: { type: 'string' },
    identifier: { type: 'string', minLength: 1 },
    method: { type: 'string' },
    transient_payload: { type: 'object' },
  },
}

const isOn = ({ config }: Kratos): boolean => config.selfservice.flows.login.style === 'identifier_first'

export const login: LoginMethod = {
  populate: (ex, flow, page) => {
    if (page.kind !== 'identifier') return
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    upsertNode(
      flow.ui,
      inputNode('identifier_first', 'identifier', 'text', {
        value: '',
        required: true,
        autocomplete: 'username webauthn',
        label: identifierLabel(ex.kratos.schemas.get(flow.identitySchema)),
      }),
    )
    flow.ui.nodes.push(
      inputNode('identifier_first', 'method', 'submit', { value: 'identifier_first', label: MESSAGES.continueWith() }),
    )
  },

  /** Accepts every submit that no other method accepted, whatever its `method` is. It is Kratos' last strategy. */
  submit: async (ex, flow) => {
    if (!isOn(ex.kratos) || flow.requestedAal !== 'aal1') return NOT_RESPONSIBLE
    let form: JsonObject = {}
    try {
      form = readForm(ex, FORM)
      validateForm(form, FORM)
      flow.transientPayload = asObject(form['transient_payload'])
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      const { identities } = ex.kratos.store
      const [id] = identities.idsWithIdentifier(String(form['identifier'] ?? ''), false)
      return {
        kind: 'turn-page',
        identifier: String(form['identifier'] ?? ''),
        identity: id === undefined ? undefined : identities.get(id),
      }
    } catch (error) {
      const node = findNode(flow.ui, 'identifier')
      if (node !== undefined) setNodeValue(node, String(form['identifier'] ?? ''))
      if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}
