import { rfc3339 } from '../../clock.js'
import { readForm, submittedMethod, validateForm } from '../../flow/form.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import type { Identity } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import type { JsonObject } from '../../json.js'
import type { Session } from '../../session/session.js'
import { resetNodes, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode } from '../../ui/node.js'
import { done, ensureEnabled, NOT_RESPONSIBLE, type LoginMethod } from '../method.js'
import { codesOf } from './codes.js'

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    lookup_secret: { type: 'string' },
    transient_payload: { type: 'object' },
  },
  required: ['lookup_secret', 'method'],
}

export const login: LoginMethod = {
  populate: (ex, flow, page) => {
    if (page.kind !== 'second-factor' || page.session.identity.credentials['lookup_secret'] === undefined) return
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    upsertNode(
      flow.ui,
      inputNode('lookup_secret', 'lookup_secret', 'text', { value: '', required: true, label: MESSAGES.lookupLabel() }),
    )
    flow.ui.nodes.push(
      inputNode('lookup_secret', 'method', 'submit', { value: 'lookup_secret', label: MESSAGES.useLookup() }),
    )
  },

  submit: async (ex, flow, session) => {
    if (flow.requestedAal !== 'aal2' || session === undefined || submittedMethod(ex) !== 'lookup_secret') {
      return NOT_RESPONSIBLE
    }
    ensureEnabled(ex.kratos, 'lookup_secret')
    try {
      const form = readForm(ex, FORM)
      validateForm(form, FORM)
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      const identity = useCode(ex, session, String(form['lookup_secret']))
      flow.active = 'lookup_secret'
      saveFlow(ex.kratos, flow)
      return done({ identity, method: { method: 'lookup_secret', aal: 'aal2' as const } })
    } catch (error) {
      resetNodes(flow.ui, 'lookup_secret')
      if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}

/** Marks a code as used; each works once. @throws FormError for an unknown or used one */
function useCode ({ kratos }: Exchange, session: Session, sent: string): Identity {
  const identity = kratos.store.identities.get(session.identityId)
  const credential = identity?.credentials['lookup_secret']
  if (identity === undefined || credential === undefined) throw formError(MESSAGES.noLookup())
  const codes = codesOf(credential)
  const found = codes.find(({ code }) => code === sent)
  if (found === undefined) throw formError(MESSAGES.lookupInvalid())
  if (found.used_at !== undefined) throw formError(MESSAGES.lookupAlreadyUsed())
  found.used_at = rfc3339(Math.round(kratos.clock.now() / 1000) * 1000)
  credential.config = { recovery_codes: codes }
  kratos.store.identities.update(identity, kratos.clock.now())
  return identity
}
