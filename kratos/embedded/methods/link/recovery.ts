import { sendMessage } from '../../courier/send.js'
import { TEMPLATES } from '../../courier/templates.js'
import type { Flow } from '../../flow/flow.js'
import { readForm, requiredError, validateForm } from '../../flow/form.js'
import { ExpiredError, saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { answerLoggedIn } from '../../flows/recovery/logged-in.js'
import { csrfToken } from '../../http/csrf.js'
import { noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { storedAddress } from '../../identity/normalization.js'
import { verifyByValue } from '../../identity/verified-address.js'
import { asObject, type JsonObject } from '../../json.js'
import { findSession } from '../../session/credentials.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { continueNode, emailNode } from '../address-nodes.js'
import {
  answered,
  ensureEnabled,
  NOT_RESPONSIBLE,
  type ProofOutcome,
  type RecoveredIdentity,
  type RecoveryMethod,
} from '../method.js'
import { issueLink, linkMinutes, redeemToken } from './token.js'

const text = { type: 'string' }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    method: text,
    token: text,
    email: { type: 'string', format: 'email' },
    csrf_token: text,
    transient_payload: { type: 'object' },
  },
}

/** States: choose_method (address), sent_email (the link is opened in any browser), passed_challenge. */
export const recovery: RecoveryMethod = {
  populate: (ex, flow) => {
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    upsertNode(flow.ui, emailNode('link'))
    flow.ui.nodes.push(continueNode('link'))
  },

  submit: (ex, flow) => {
    const form = readForm(ex, FORM, { allowGet: true, withQuery: true })
    validateForm(form, FORM)
    flow.transientPayload = asObject(form['transient_payload'])
    if (form['token'] !== undefined) {
      ensureEnabled(ex.kratos, 'link')
      return useToken(ex, flow, String(form['token']))
    }
    if (findSession(ex) !== undefined) return answered(answerLoggedIn(ex))
    if (form['method'] !== 'link') return NOT_RESPONSIBLE
    ensureEnabled(ex.kratos, 'link')
    if (flow.state === 'passed_challenge') {
      return { kind: 'replaced', type: flow.type, cause: MESSAGES.recoveryRetried() }
    }
    // Links do not know the states of a recovery by a choice of addresses.
    if (flow.state !== 'choose_method' && flow.state !== 'sent_email') {
      return { kind: 'replaced', type: flow.type, cause: MESSAGES.recoveryStateFailure() }
    }
    return sendLink(ex, flow, form)
  },
}

function useToken ({ kratos }: Exchange, flow: Flow, token: string): ProofOutcome<RecoveredIdentity> {
  const link = redeemToken(kratos, flow, token)
  if (link === undefined) return { kind: 'replaced', type: 'browser', cause: MESSAGES.recoveryTokenInvalid() }
  if (link.expiresAt < kratos.clock.now()) {
    return { kind: 'replaced', type: 'browser', cause: new ExpiredError(link.expiresAt) }
  }
  const identity = kratos.store.identities.get(link.identityId ?? '')
  if (identity === undefined) throw noRow()
  // A link of an admin has no address.
  if (link.address !== '') verifyByValue(kratos, identity, link.address)
  return { kind: 'proven', value: { identity, method: 'link_recovery' } }
}

function sendLink (ex: Exchange, flow: Flow, form: JsonObject): ProofOutcome<RecoveredIdentity> {
  if (form['email'] === undefined) throw requiredError(MESSAGES.required('email'), 'email')
  const email = String(form['email'])
  ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
  notify(ex, flow, email)
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  upsertNode(flow.ui, emailNode('link', email))
  flow.active = 'link'
  flow.state = 'sent_email'
  flow.ui.messages = [MESSAGES.recoveryLinkSent()]
  saveFlow(ex.kratos, flow)
  return { kind: 'shown' }
}

/** No answer shows whether the address is known; only the mail does. */
function notify ({ kratos }: Exchange, flow: Flow, email: string): void {
  const address = storedAddress(email)
  const identity = kratos.store.identities.byAddress('recovery', 'email', address)
  if (identity !== undefined) {
    const url = issueLink(kratos, flow, { identityId: identity.id, address, via: 'email' })
    sendMessage(kratos, 'email', address, TEMPLATES.recoveryLink(url, linkMinutes(kratos)), { flow, identity })
  } else if (kratos.config.selfservice.flows.recovery.notify_unknown_recipients) {
    sendMessage(kratos, 'email', email, TEMPLATES.recoveryUnknown('recovery_invalid'), { flow })
  }
}
