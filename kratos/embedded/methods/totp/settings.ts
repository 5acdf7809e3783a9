import { readForm, submittedMethod, validateForm } from '../../flow/form.js'
import type { Flow } from '../../flow/flow.js'
import { ensureCsrf } from '../../flow/submission.js'
import { isPrivileged, refreshRequired } from '../../flows/settings/privilege.js'
import { csrfToken } from '../../http/csrf.js'
import { internal, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import type { Identity } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import { asObject, type JsonObject } from '../../json.js'
import { addMethod } from '../../session/activate.js'
import type { Session } from '../../session/session.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { ensureFlags } from '../flags.js'
import { done, ensureEnabled, type SettingsMethod } from '../method.js'
import { hasTotp, isTotpCode, newTotpUrl } from './key.js'
import { linkNodes, unlinkNode } from './nodes.js'

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    totp_code: { type: 'string' },
    totp_unlink: { type: 'boolean' },
    transient_payload: { type: 'object' },
  },
}

/** Key under which the flow keeps the offered TOTP key. */
const KEY = 'totp_url'

export const settings: SettingsMethod = {
  populate: (ex, flow, identity) => {
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    if (hasTotp(identity.credentials['totp'])) {
      upsertNode(flow.ui, unlinkNode())
      return
    }
    const url = newTotpUrl(ex.kratos, identity)
    flow.context[KEY] = url
    flow.ui.nodes.push(...linkNodes(url))
  },

  read: (ex, flow) => {
    const form = readForm(ex, FORM, { allowGet: true })
    ensureFlags(form, FORM, 'updateSettingsFlowWithTotpMethod')
    validateForm(form, FORM)
    if (form['totp_unlink'] !== true && submittedMethod(ex) !== 'totp') return undefined
    ensureEnabled(ex.kratos, 'totp')
    flow.transientPayload = asObject(form['transient_payload'])
    return form
  },

  apply: async (ex, flow, session, form) => {
    ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
    if (!isPrivileged(ex.kratos, session)) throw refreshRequired(ex)
    const identity = ex.kratos.store.identities.get(session.identityId)
    if (identity === undefined) throw noRow()
    if (!hasTotp(identity.credentials['totp'])) link(ex, flow, session, identity, form)
    else if (form['totp_unlink'] === true) delete identity.credentials['totp']
    return done(identity)
  },
}

/** The code proves the key, which counts as passing the second factor (recording 51). */
function link ({ kratos }: Exchange, flow: Flow, session: Session, identity: Identity, form: JsonObject): void {
  const url = flow.context[KEY]
  if (typeof url !== 'string') throw internal('Could not find the TOTP key in the internal context.')
  const code = String(form['totp_code'] ?? '')
  if (code === '') throw formError(MESSAGES.required('totp_code'), 'totp_code')
  if (!isTotpCode(kratos, url, code)) throw formError(MESSAGES.totpWrong(), 'totp_code')
  const now = kratos.clock.now()
  identity.credentials['totp'] = {
    type: 'totp',
    identifiers: [identity.id],
    config: { totp_url: url },
    version: 0,
    createdAt: now,
    updatedAt: now,
  }
  delete flow.context[KEY]
  addMethod(kratos, session, { method: 'totp', aal: 'aal2' })
}
