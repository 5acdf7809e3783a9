import { sendMessage } from '../../courier/send.js'
import { TEMPLATES } from '../../courier/templates.js'
import type { Flow } from '../../flow/flow.js'
import { readForm, requiredError, validateForm } from '../../flow/form.js'
import { ExpiredError, saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { answerLoggedIn } from '../../flows/recovery/logged-in.js'
import { csrfToken } from '../../http/csrf.js'
import { ApiError, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { storedAddress } from '../../identity/normalization.js'
import { verifyByValue } from '../../identity/verified-address.js'
import { asObject, type JsonObject } from '../../json.js'
import { findSession } from '../../session/credentials.js'
import { resetMessages, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { continueNode, emailNode, resendNode } from '../address-nodes.js'
import {
  answered,
  ensureEnabled,
  NOT_RESPONSIBLE,
  type ProofOutcome,
  type RecoveredIdentity,
  type RecoveryMethod,
} from '../method.js'
import { hiddenMethodNode, recoveryCodeNode } from './nodes.js'
import { codeMinutes, issueCode, redeemCode } from './one-time-code.js'

const text = { type: 'string' }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    method: text,
    code: text,
    email: { type: 'string', format: 'email' },
    csrf_token: text,
    transient_payload: { type: 'object' },
  },
}

/** States: choose_method (address), sent_email (code, or the address again for another code), passed_challenge. */
export const recovery: RecoveryMethod = {
  populate: (ex, flow) => {
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    upsertNode(flow.ui, emailNode('code'))
    flow.ui.nodes.push(continueNode('code'))
  },

  submit: (ex, flow) => {
    if (flow.active !== 'code') return NOT_RESPONSIBLE
    const form = readForm(ex, FORM, { methods: ['POST'], withQuery: true })
    validateForm(form, FORM)
    flow.transientPayload = asObject(form['transient_payload'])
    const violation = flow.isMadeByAdmin ? undefined : csrfViolationOf(ex, flow, form)
    if (violation !== undefined) return { kind: 'replaced', type: 'browser', cause: violation }
    resetMessages(flow.ui)
    if (flow.state !== 'choose_method' && form['email'] === undefined) {
      ensureEnabled(ex.kratos, 'code')
      return useCode(ex, flow, String(form['code'] ?? ''))
    }
    if (findSession(ex) !== undefined) return answered(answerLoggedIn(ex))
    if (form['method'] !== 'code') return NOT_RESPONSIBLE
    ensureEnabled(ex.kratos, 'code')
    if (flow.state === 'passed_challenge') {
      return { kind: 'replaced', type: flow.type, cause: MESSAGES.recoveryRetried() }
    }
    return sendCode(ex, flow, form)
  },
}

/** A CSRF violation leads to a new flow here, not to an error (docs/kratos-facts.md, section 1, row iii). */
function csrfViolationOf (ex: Exchange, flow: Flow, form: JsonObject): Error | undefined {
  try {
    ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
    return undefined
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
}

function useCode (ex: Exchange, flow: Flow, secret: string): ProofOutcome<RecoveredIdentity> {
  const { kratos } = ex
  try {
    const code = redeemCode(kratos, flow, secret)
    if (code === undefined) return wrongCode(ex, flow)
    const identity = kratos.store.identities.get(code.identityId ?? '')
    if (identity === undefined) throw noRow()
    // A code of an admin has no address.
    if (code.address !== '') verifyByValue(kratos, identity, code.address)
    return { kind: 'proven', value: { identity, method: 'code_recovery' } }
  } catch (error) {
    // Only verification distinguishes an expired code from a wrong one (recording 59).
    if (error instanceof ExpiredError) return wrongCode(ex, flow)
    if (error instanceof ApiError) return { kind: 'replaced', type: flow.type, cause: error }
    throw error
  }
}

function wrongCode (ex: Exchange, flow: Flow): ProofOutcome<RecoveredIdentity> {
  flow.ui.messages = [MESSAGES.recoveryCodeInvalid()]
  saveFlow(ex.kratos, flow)
  return { kind: 'shown' }
}

function sendCode (ex: Exchange, flow: Flow, form: JsonObject): ProofOutcome<RecoveredIdentity> {
  if (form['email'] === undefined) throw requiredError(MESSAGES.required('email'), 'email')
  const email = String(form['email'])
  ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
  ex.kratos.store.codes.deleteCodes(flow.id)
  notify(ex, flow, email)
  flow.active = 'code'
  flow.state = 'sent_email'
  flow.ui.messages = [MESSAGES.recoveryCodeSent()]
  flow.ui.nodes = [
    csrfNode(csrfToken(ex)),
    recoveryCodeNode(),
    hiddenMethodNode(),
    continueNode('code'),
    resendNode('email', email),
  ]
  saveFlow(ex.kratos, flow)
  return { kind: 'shown' }
}

/** No answer shows whether the address is known; only the mail does. */
function notify (ex: Exchange, flow: Flow, email: string): void {
  const { kratos } = ex
  const address = storedAddress(email)
  const identity = kratos.store.identities.byAddress('recovery', 'email', address)
  if (identity !== undefined) {
    const code = issueCode(kratos, flow, { identityId: identity.id, address, via: 'email' })
    sendMessage(kratos, 'email', address, TEMPLATES.recoveryCode(code, codeMinutes(kratos)), { flow, identity, ex })
  } else if (kratos.config.selfservice.flows.recovery.notify_unknown_recipients) {
    sendMessage(kratos, 'email', email, TEMPLATES.recoveryUnknown('recovery_code_invalid'), { flow })
  }
}
