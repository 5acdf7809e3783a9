import { sendMessage } from '../../courier/send.js'
import { TEMPLATES } from '../../courier/templates.js'
import type { Flow } from '../../flow/flow.js'
import { readForm, requiredError, validateForm } from '../../flow/form.js'
import { ExpiredError, saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import type { Identity } from '../../identity/identity.js'
import { asObject, type JsonObject } from '../../json.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { continueNode, emailNode } from '../address-nodes.js'
import { ensureEnabled, NOT_RESPONSIBLE, type ProofOutcome, type VerificationMethod } from '../method.js'
import { keepEmail, noteSent, passChallenge, verifiableAddress } from '../verification-steps.js'
import { issueLink, linkMinutes, redeemToken } from './token.js'

type Verified = ProofOutcome<{ identity: Identity }>

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
export const verification: VerificationMethod = {
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
    try {
      if (form['method'] !== 'link') return notForLink(ex, flow, form)
      ensureEnabled(ex.kratos, 'link')
      if (flow.state === 'passed_challenge') {
        return { kind: 'replaced', type: flow.type, cause: MESSAGES.verificationRetried() }
      }
      return sendLink(ex, flow, form)
    } catch (error) {
      keepEmail(ex, flow, 'link', String(form['email'] ?? ''))
      throw error
    }
  },

  send: (kratos, flow, identity, address) => {
    const url = issueLink(kratos, flow, { identityId: identity.id, address: address.value, via: address.via })
    sendMessage(kratos, address.via, address.value, TEMPLATES.verificationLink(url, linkMinutes(kratos)), {
      flow,
      identity,
    })
    noteSent(kratos, address)
  },
}

function notForLink (ex: Exchange, flow: Flow, form: JsonObject): Verified {
  keepEmail(ex, flow, 'link', String(form['email'] ?? ''))
  return NOT_RESPONSIBLE
}

function useToken (ex: Exchange, flow: Flow, token: string): Verified {
  const link = redeemToken(ex.kratos, flow, token)
  if (link === undefined) return { kind: 'replaced', type: 'browser', cause: MESSAGES.verificationTokenInvalid() }
  if (link.expiresAt < ex.kratos.clock.now()) {
    return { kind: 'replaced', type: 'browser', cause: new ExpiredError(link.expiresAt) }
  }
  const identity = passChallenge(ex, flow, 'link', link)
  if (identity === undefined) return { kind: 'replaced', type: 'browser', cause: MESSAGES.verificationTokenInvalid() }
  return { kind: 'proven', value: { identity } }
}

function sendLink (ex: Exchange, flow: Flow, form: JsonObject): Verified {
  const { kratos } = ex
  if (form['email'] === undefined) throw requiredError(MESSAGES.required('email'), 'email')
  const email = String(form['email'])
  ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
  // No answer shows whether the address is known; only the mail does.
  const found = verifiableAddress(kratos, 'email', email)
  if (found !== undefined) verification.send(kratos, flow, found.identity, found.address)
  else if (kratos.config.selfservice.flows.verification.notify_unknown_recipients) {
    sendMessage(kratos, 'email', email, TEMPLATES.verificationUnknown('verification_invalid'), { flow })
  }
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  upsertNode(flow.ui, emailNode('link', email))
  flow.active = 'link'
  flow.state = 'sent_email'
  flow.ui.messages = [MESSAGES.verificationLinkSent()]
  saveFlow(kratos, flow)
  return { kind: 'shown' }
}
