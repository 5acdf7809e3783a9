import { readForm, submittedMethod, validateForm } from '../../flow/form.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { csrfToken } from '../../http/csrf.js'
import { formError } from '../../identity/validation.js'
import { asObject, type JsonObject } from '../../json.js'
import { resetNodes, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { done, ensureEnabled, NOT_RESPONSIBLE, type LoginMethod } from '../method.js'
import { isTotpCode } from './key.js'
import { loginNodes } from './nodes.js'

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    totp_code: { type: 'string', minLength: 6 },
    transient_payload: { type: 'object' },
  },
  required: ['totp_code', 'method'],
}

export const login: LoginMethod = {
  populate: (ex, flow, page) => {
    if (page.kind !== 'second-factor' || page.session.identity.credentials['totp'] === undefined) return
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    flow.ui.nodes.push(...loginNodes())
  },

  submit: async (ex, flow, session) => {
    if (flow.requestedAal !== 'aal2' || session === undefined || submittedMethod(ex) !== 'totp') return NOT_RESPONSIBLE
    ensureEnabled(ex.kratos, 'totp')
    try {
      const form = readForm(ex, FORM)
      validateForm(form, FORM)
      flow.transientPayload = asObject(form['transient_payload'])
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      const credential = session.identity.credentials['totp']
      if (credential === undefined) throw formError(MESSAGES.noTotpDevice())
      if (!isTotpCode(ex.kratos, credential.config['totp_url'], String(form['totp_code']))) {
        throw formError(MESSAGES.totpWrong())
      }
      flow.active = 'totp'
      saveFlow(ex.kratos, flow)
      return done({ identity: session.identity, method: { method: 'totp', aal: 'aal2' as const } })
    } catch (error) {
      resetNodes(flow.ui, 'totp_code')
      if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}
