import { readForm, validateForm } from '../../flow/form.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { showIdentity } from '../../flow/owner.js'
import { ensureCsrf } from '../../flow/submission.js'
import { isPrivileged, refreshRequired } from '../../flows/settings/privilege.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { csrfToken } from '../../http/csrf.js'
import { badRequest, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import type { Identity } from '../../identity/identity.js'
import { asObject, type JsonObject } from '../../json.js'
import { addMethod } from '../../session/activate.js'
import type { Session } from '../../session/session.js'
import { removeNodes, upsertNode } from '../../ui/container.js'
import { csrfNode, nodeId, type UiNode } from '../../ui/node.js'
import { ensureFlags } from '../flags.js'
import { answered, done, ensureEnabled, type SettingsMethod } from '../method.js'
import {
  codesIn,
  codesNode,
  codesOf,
  confirmNode,
  disableNode,
  hasCodes,
  newCodes,
  regenerateNode,
  revealNode,
} from './codes.js'

const flag = { type: 'boolean' }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    lookup_secret_disable: flag,
    lookup_secret_reveal: flag,
    lookup_secret_regenerate: flag,
    lookup_secret_confirm: flag,
    transient_payload: { type: 'object' },
  },
}

const NODES = [
  'lookup_secret_regenerate',
  'lookup_secret_reveal',
  'lookup_secret_disable',
  'lookup_secret_codes',
  'lookup_secret_confirm',
]

/** Key under which the flow keeps codes that are not confirmed yet. */
const REGENERATED = 'lookup_secret_regenerated'

export const settings: SettingsMethod = {
  populate: (ex, flow, identity) => {
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    const nodes = hasCodes(identity.credentials['lookup_secret']) ? [revealNode(), disableNode()] : [regenerateNode()]
    for (const node of nodes) upsertNode(flow.ui, node)
  },

  read: (ex, flow) => {
    const form = readForm(ex, FORM)
    ensureFlags(form, FORM, 'updateSettingsFlowWithLookupMethod')
    validateForm(form, FORM)
    if (!['confirm', 'reveal', 'disable', 'regenerate'].some((button) => form[`lookup_secret_${button}`] === true)) {
      return undefined
    }
    ensureEnabled(ex.kratos, 'lookup_secret')
    flow.transientPayload = asObject(form['transient_payload'])
    return form
  },

  apply: async (ex, flow, session, form) => {
    ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
    if (!isPrivileged(ex.kratos, session)) throw refreshRequired(ex)
    const identity = ex.kratos.store.identities.get(session.identityId)
    if (identity === undefined) throw noRow()
    if (form['lookup_secret_confirm'] === true) return done(confirm(ex, flow, session, identity))
    if (form['lookup_secret_reveal'] === true) return answered(reveal(ex, flow, identity))
    if (form['lookup_secret_regenerate'] === true && form['lookup_secret_disable'] !== true) {
      return answered(regenerate(ex, flow))
    }
    delete identity.credentials['lookup_secret']
    return done(identity)
  },
}

/** Activates the codes that were shown. Confirming them counts as passing the second factor (recording 51). */
function confirm ({ kratos }: Exchange, flow: Flow, session: Session, identity: Identity): Identity {
  const codes = codesIn(flow.context[REGENERATED])
  if (codes.length === 0) throw badRequest('You must (re-)generate recovery backup codes before you can save them.')
  const now = kratos.clock.now()
  identity.credentials['lookup_secret'] = {
    type: 'lookup_secret',
    identifiers: [identity.id],
    config: { recovery_codes: codes },
    version: 0,
    createdAt: now,
    updatedAt: now,
  }
  delete flow.context[REGENERATED]
  addMethod(kratos, session, { method: 'lookup_secret', aal: 'aal2' })
  return identity
}

function reveal (ex: Exchange, flow: Flow, identity: Identity): Answer {
  const codes = codesOf(identity.credentials['lookup_secret'])
  if (codes.length === 0) throw badRequest('Can not reveal lookup codes because you have none.')
  return shown(ex, flow, [codesNode(codes), disableNode(), regenerateNode()])
}

function regenerate (ex: Exchange, flow: Flow): Answer {
  const codes = newCodes()
  flow.context[REGENERATED] = codes
  return shown(ex, flow, [codesNode(codes), confirmNode()])
}

/** Shows the flow with other nodes of this method; changes nothing else. */
function shown (ex: Exchange, flow: Flow, nodes: UiNode[]): Answer {
  removeNodes(flow.ui, (node) => NODES.includes(nodeId(node)))
  flow.ui.nodes.push(...nodes)
  saveFlow(ex.kratos, flow)
  showIdentity(ex.kratos, flow)
  if (flow.type === 'api' || isJsonRequest(ex)) return json(200, flowJson(flow))
  return redirect(ex.method, 303, uiUrl(ex.kratos, flow))
}
