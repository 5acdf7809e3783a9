import { readForm, requiredError, submittedField, submittedMethod, validateForm } from '../../flow/form.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { identifierLabel } from '../../flows/login/identifier-label.js'
import { json, redirect } from '../../http/answer.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { formError } from '../../identity/validation.js'
import { verifyByValue } from '../../identity/verified-address.js'
import { asObject, type JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import type { Session } from '../../session/session.js'
import { findNode, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode, setNodeValue } from '../../ui/node.js'
import {
  answered,
  done,
  ensureEnabled,
  NOT_RESPONSIBLE,
  type LoginMethod,
  type Outcome,
  type ProvenIdentity,
} from '../method.js'
import { ownerOf, secondFactorAddresses } from './addresses.js'
import { anticipate } from './anticipation.js'
import { sendLoginCode } from './login-code.js'
import { sendLoginCodeNode } from './nodes.js'
import { redeemCode } from './one-time-code.js'
import { isPasswordless, isSecondFactor } from './role.js'

const text = { type: 'string' }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    method: text,
    code: text,
    identifier: text,
    address: text,
    resend: { type: 'string', enum: ['code'] },
    csrf_token: text,
    transient_payload: { type: 'object' },
  },
}

/** The method is used on one level only: the first if it is passwordless, otherwise the second. */
const isItsLevel = (kratos: Kratos, flow: Flow): boolean =>
  isPasswordless(kratos) ? flow.requestedAal === 'aal1' : isSecondFactor(kratos) && flow.requestedAal === 'aal2'

/** States: choose_method (identifier or address), sent_email (code), passed_challenge. */
export const login: LoginMethod = {
  populate: (ex, flow, page) => {
    if (page.kind === 'second-factor') {
      if (isSecondFactor(ex.kratos)) addAddresses(ex, flow, page.session)
      return
    }
    if (!isPasswordless(ex.kratos) || page.kind === 'identifier') return
    if (page.kind === 'credentials') {
      if (page.identity !== undefined || ex.kratos.config.security.account_enumeration.mitigate) {
        flow.ui.nodes.push(sendLoginCodeNode())
      }
      return
    }
    const label = identifierLabel(ex.kratos.schemas.get(flow.identitySchema))
    upsertNode(flow.ui, inputNode('default', 'identifier', 'text', { value: '', required: true, label }))
    flow.ui.nodes.push(sendLoginCodeNode())
    if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  },

  anticipate,

  submit: async (ex, flow, session) => {
    if (!isItsLevel(ex.kratos, flow)) return NOT_RESPONSIBLE
    // A second factor can be selected by its address alone.
    const isChosen = submittedMethod(ex) === 'code' ||
      (isSecondFactor(ex.kratos) && submittedField(ex, 'address') !== '')
    if (!isChosen) return NOT_RESPONSIBLE
    ensureEnabled(ex.kratos, 'code')
    let form: JsonObject = {}
    try {
      form = readForm(ex, FORM)
      validateForm(form, FORM)
      flow.transientPayload = asObject(form['transient_payload'])
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      if (form['resend'] === 'code') flow.state = 'choose_method'
      return flow.state === 'sent_email' ? useCode(ex, flow, form, session) : sendCode(ex, flow, form, session)
    } catch (error) {
      keepIdentifier(ex, flow, form)
      throw error
    }
  },
}

/** One button per address (recording 67). */
function addAddresses (ex: Exchange, flow: Flow, session: Session): void {
  for (const { to, via } of secondFactorAddresses(ex.kratos, session, ex.query.get('via') ?? '')) {
    flow.ui.nodes.push(inputNode('code', 'address', 'submit', { value: to, label: MESSAGES.sendLoginCodeTo(via, to) }))
  }
  if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
}

const sentIdentifier = (form: JsonObject): string => String(form['address'] ?? form['identifier'] ?? '')

/** The form keeps the submitted identifier, hidden while it waits for a code. */
function keepIdentifier (ex: Exchange, flow: Flow, form: JsonObject): void {
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  if (flow.state === 'sent_email') {
    upsertNode(flow.ui, inputNode('default', 'identifier', 'hidden', { value: sentIdentifier(form) }))
  }
  const node = findNode(flow.ui, 'identifier')
  if (node !== undefined) setNodeValue(node, sentIdentifier(form))
}

/** Kratos answers a next page with 400 (recording 65). */
function sendCode (ex: Exchange, flow: Flow, form: JsonObject, session: Session | undefined): Outcome<ProvenIdentity> {
  if (flow.state === 'passed_challenge') throw formError(MESSAGES.noLoginStrategy())
  const identifier = String(form['identifier'] ?? form['address'] ?? '')
  sendLoginCode(
    ex,
    flow,
    identifier,
    ownerOf(ex.kratos, identifier, flow.requestedAal === 'aal2' ? session : undefined),
  )
  return answered(isJsonRequest(ex) ? json(400, flowJson(flow)) : redirect(ex.method, 303, uiUrl(ex.kratos, flow)))
}

function useCode (ex: Exchange, flow: Flow, form: JsonObject, session: Session | undefined): Outcome<ProvenIdentity> {
  const { kratos } = ex
  if (form['code'] === undefined) throw requiredError(MESSAGES.required('code'), 'code')
  const isSecond = flow.requestedAal === 'aal2' && session !== undefined
  const claimed = isSecond ? session.identity : ownerOf(kratos, sentIdentifier(form)).identity
  const code = redeemCode(kratos, flow, String(form['code']), claimed.id)
  const identity = kratos.store.identities.get(claimed.id)
  if (code === undefined || identity === undefined) throw formError(MESSAGES.loginCodeInvalid())
  Object.assign(flow, { active: 'code', state: 'passed_challenge' })
  saveFlow(kratos, flow)
  verifyByValue(kratos, identity, code.address, { onlyNew: true })
  return done({ identity, method: { method: 'code', aal: isSecondFactor(kratos) ? 'aal2' : 'aal1' } })
}
