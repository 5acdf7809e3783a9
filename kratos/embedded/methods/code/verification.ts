import { sendMessage } from '../../courier/send.js'
import { TEMPLATES } from '../../courier/templates.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { readForm, requiredError, validateForm } from '../../flow/form.js'
import { ExpiredError, saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { json, redirect } from '../../http/answer.js'
import { csrfToken, renewCsrf } from '../../http/csrf.js'
import { ApiError } from '../../http/errors.js'
import { publicUrl, withQuery, type Exchange } from '../../http/exchange.js'
import { isHtmlRequest } from '../../http/negotiation.js'
import type { Identity } from '../../identity/identity.js'
import { asObject, type JsonObject } from '../../json.js'
import { findNode, resetMessages, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, setNodeValue } from '../../ui/node.js'
import { continueNode, emailNode, resendNode } from '../address-nodes.js'
import { answered, ensureEnabled, NOT_RESPONSIBLE, type ProofOutcome, type VerificationMethod } from '../method.js'
import { keepEmail, noteSent, passChallenge, verifiableAddress } from '../verification-steps.js'
import { codeNode, hiddenMethodNode } from './nodes.js'
import { codeMinutes, issueCode, redeemCode } from './one-time-code.js'

type Verified = ProofOutcome<{ identity: Identity }>

const text = { type: 'string' }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    method: { type: 'string', enum: ['code', 'link'] },
    code: text,
    email: { type: 'string', format: 'email' },
    csrf_token: text,
    transient_payload: { type: 'object' },
  },
}

/** States: choose_method (address), sent_email (code, or the mail's link, which fills it in), passed_challenge. */
export const verification: VerificationMethod = {
  populate: (ex, flow) => {
    resetMessages(flow.ui)
    if (flow.state === 'choose_method') {
      flow.ui.nodes.push(emailNode('code'), continueNode('code'))
    } else {
      flow.ui.nodes = [hiddenMethodNode(), codeNode(MESSAGES.verificationCodeLabel()), continueNode('code')]
      flow.ui.messages = [MESSAGES.verificationCodeSent()]
    }
    if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  },

  submit: (ex, flow) => {
    const form = readForm(ex, FORM, { allowGet: true, withQuery: true })
    validateForm(form, FORM)
    flow.transientPayload = asObject(form['transient_payload'])
    const code = String(form['code'] ?? '')
    try {
      // The link in a mail has no method.
      if ((form['method'] ?? (code === '' ? '' : 'code')) !== 'code') return notForCode(ex, flow, form)
      ensureEnabled(ex.kratos, 'code')
      if (flow.state === 'passed_challenge') {
        return { kind: 'replaced', type: flow.type, cause: MESSAGES.verificationRetried() }
      }
      if (code === '') return sendCode(ex, flow, form)
      return ex.method === 'GET' ? openLink(ex, flow, code) : useCode(ex, flow, code)
    } catch (error) {
      keepEmail(ex, flow, 'code', String(form['email'] ?? ''))
      throw error
    }
  },

  send: (kratos, flow, identity, address) => {
    const code = issueCode(kratos, flow, { identityId: identity.id, address: address.value, via: address.via })
    const link = withQuery(publicUrl(kratos, '/self-service/verification'), { code, flow: flow.id })
    sendMessage(kratos, address.via, address.value, TEMPLATES.verificationCode(code, link, codeMinutes(kratos)), {
      flow,
      identity,
    })
    noteSent(kratos, address)
  },
}

function notForCode (ex: Exchange, flow: Flow, form: JsonObject): Verified {
  keepEmail(ex, flow, 'code', String(form['email'] ?? ''))
  return NOT_RESPONSIBLE
}

function sendCode (ex: Exchange, flow: Flow, form: JsonObject): Verified {
  const { kratos } = ex
  if (form['email'] === undefined) throw requiredError(MESSAGES.required('email'), 'email')
  const email = String(form['email'])
  ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
  kratos.store.codes.deleteCodes(flow.id)
  // No answer shows whether the address is known; only the mail does.
  const found = verifiableAddress(kratos, 'email', email)
  if (found !== undefined) verification.send(kratos, flow, found.identity, found.address)
  else if (kratos.config.selfservice.flows.verification.notify_unknown_recipients) {
    sendMessage(kratos, 'email', email, TEMPLATES.verificationUnknown('verification_code_invalid'), { flow })
  }
  flow.state = 'sent_email'
  verification.populate(ex, flow)
  flow.ui.nodes.push(resendNode('email', email))
  saveFlow(kratos, flow)
  return { kind: 'shown' }
}

/** The mail's link only fills in the code, because its browser may not have the flow's CSRF cookie (recording 61). */
function openLink (ex: Exchange, flow: Flow, code: string): Verified {
  const node = findNode(flow.ui, 'code')
  if (node !== undefined) setNodeValue(node, code)
  renewCsrf(ex)
  flow.csrfToken = csrfToken(ex)
  upsertNode(flow.ui, csrfNode(flow.csrfToken))
  saveFlow(ex.kratos, flow)
  return answered(redirect(ex.method, 303, uiUrl(ex.kratos, flow)))
}

function useCode (ex: Exchange, flow: Flow, secret: string): Verified {
  const { kratos } = ex
  try {
    const code = redeemCode(kratos, flow, secret)
    const identity = code === undefined ? undefined : passChallenge(ex, flow, 'code', code)
    if (identity !== undefined) return { kind: 'proven', value: { identity } }
  } catch (error) {
    if (error instanceof ApiError || error instanceof ExpiredError) {
      return { kind: 'replaced', type: flow.type, cause: error }
    }
    throw error
  }
  flow.ui.messages = [MESSAGES.verificationCodeInvalid()]
  saveFlow(kratos, flow)
  return answered(isHtmlRequest(ex) ? redirect(ex.method, 303, uiUrl(kratos, flow)) : json(200, flowJson(flow)))
}
