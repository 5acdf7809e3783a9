import type { Flow } from '../../flow/flow.js'
import { readForm, requiredError, validateForm } from '../../flow/form.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { answerLoggedIn } from '../../flows/recovery/logged-in.js'
import { csrfToken } from '../../http/csrf.js'
import { ApiError } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
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
import { askForAddress, isByChoice, submitChoice } from './recovery-by-choice.js'
import { sendRecoveryCode, useRecoveryCode } from './recovery-code.js'

const text = { type: 'string' }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    method: text,
    code: text,
    email: { type: 'string', format: 'email' },
    recovery_address: text,
    recovery_select_address: text,
    recovery_confirm_address: text,
    screen: text,
    csrf_token: text,
    transient_payload: { type: 'object' },
  },
}

/**
 * States: choose_method (address), sent_email (code, or the address again for another code), passed_challenge. Those of
 * a recovery by a choice of addresses are in `recovery-by-choice.ts`.
 */
export const recovery: RecoveryMethod = {
  populate: (ex, flow) => {
    if (isByChoice(flow)) return askForAddress(ex, flow)
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
    if (!isByChoice(flow) && flow.state !== 'choose_method' && form['email'] === undefined) {
      ensureEnabled(ex.kratos, 'code')
      return useRecoveryCode(ex, flow, String(form['code'] ?? ''))
    }
    if (findSession(ex) !== undefined) return answered(answerLoggedIn(ex))
    if (!isByChoice(flow)) {
      if (form['method'] !== 'code') return NOT_RESPONSIBLE
      ensureEnabled(ex.kratos, 'code')
    }
    if (isByChoice(flow) || form['screen'] === 'previous') return submitChoice(ex, flow, form)
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

function sendCode (ex: Exchange, flow: Flow, form: JsonObject): ProofOutcome<RecoveredIdentity> {
  if (form['email'] === undefined) throw requiredError(MESSAGES.required('email'), 'email')
  const email = String(form['email'])
  ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
  sendRecoveryCode(ex, flow, 'email', email)
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
