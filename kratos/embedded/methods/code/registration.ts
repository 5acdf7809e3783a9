import { sendMessage } from '../../courier/send.js'
import { TEMPLATES } from '../../courier/templates.js'
import { formSchema } from '../../flow/form-schema.js'
import { readForm, requiredError, submittedMethod, validateForm } from '../../flow/form.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { isTwoSteps } from '../../flows/registration/style.js'
import { json, redirect } from '../../http/answer.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { validateIdentity } from '../../identity/extensions.js'
import type { Identity } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import { verify } from '../../identity/verified-address.js'
import { asObject, leaves, type Json, type JsonObject } from '../../json.js'
import { fillTraits, findNode, removeNodes, resetMessages, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode, nodeId } from '../../ui/node.js'
import { continueNode } from '../address-nodes.js'
import { answered, done, ensureEnabled, NOT_RESPONSIBLE, type Outcome, type RegistrationMethod } from '../method.js'
import { addressesOf } from './addresses.js'
import { codeNode, hiddenMethodNode, resendButton, sendRegistrationCodeNode } from './nodes.js'
import { codeMinutes, issueCode, redeemCode } from './one-time-code.js'
import { isPasswordless } from './role.js'

const text = { type: 'string' }

const FIELDS: JsonObject = {
  properties: {
    method: text,
    csrf_token: text,
    code: text,
    resend: { type: 'string', enum: ['code'] },
    transient_payload: { type: 'object' },
  },
}

const backNode = () =>
  inputNode('profile', 'screen', 'submit', { value: 'credential-selection', label: MESSAGES.registrationBack() })

/** States: choose_method (traits), sent_email (code and the same traits), passed_challenge. */
export const registration: RegistrationMethod = {
  populate: (ex, flow, page) => {
    if (!isPasswordless(ex.kratos)) return
    removeNodes(
      flow.ui,
      (node) =>
        node.group === 'code' || (nodeId(node) === 'screen' && node.attributes.value === 'credential-selection'),
    )
    if (page !== 'profile') flow.ui.nodes.push(sendRegistrationCodeNode())
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  },

  submit: async (ex, flow, identity) => {
    if (submittedMethod(ex) !== 'code') return NOT_RESPONSIBLE
    ensureEnabled(ex.kratos, 'code')
    const schema = formSchema(FIELDS, ex.kratos.schemas.get(identity.schemaId))
    let form: JsonObject = {}
    try {
      form = readForm(ex, schema)
      validateForm(form, schema)
      flow.transientPayload = asObject(form['transient_payload'])
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      if (form['resend'] === 'code') flow.state = 'choose_method'
      identity.traits = asObject(form['traits'])
      return flow.state === 'sent_email' ? useCode(ex, flow, identity, form) : sendCode(ex, flow, identity)
    } catch (error) {
      // Traits that differ from those of the code stay in the form, so that later submits fail too (recording 65).
      fillTraits(flow.ui, form['traits'])
      upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}

/** @throws FormError for traits that are invalid or have no address for a code */
function ensureAddress ({ kratos }: Exchange, identity: Identity): string[] {
  validateIdentity(identity, kratos.schemas.get(identity.schemaId), kratos.clock.now())
  const { identifiers = [] } = identity.credentials['code'] ?? {}
  if (identifiers.length === 0) throw formError(MESSAGES.noIdentifier())
  return identifiers
}

/** Kratos answers a next page with 400 (recording 65). */
function sendCode (ex: Exchange, flow: Flow, identity: Identity): Outcome<Identity> {
  const { kratos } = ex
  if (flow.state === 'passed_challenge') throw formError(MESSAGES.noRegistrationStrategy())
  ensureAddress(ex, identity)
  kratos.store.codes.deleteCodes(flow.id)
  for (const { to, via } of addressesOf(identity.credentials['code'])) {
    sendMessage(
      kratos,
      via,
      to,
      TEMPLATES.registrationCode(issueCode(kratos, flow, { address: to, via }), codeMinutes(kratos)),
      { flow, traits: identity.traits, ex },
    )
  }
  Object.assign(flow, { active: 'code', state: 'sent_email' })
  // Kratos sends a code even if passwordless is disabled, but then does not ask for it (recording 01).
  if (isPasswordless(kratos)) askForCode(ex, flow)
  fillTraits(flow.ui, identity.traits)
  saveFlow(kratos, flow)
  return answered(isJsonRequest(ex) ? json(400, flowJson(flow)) : redirect(ex.method, 303, uiUrl(kratos, flow)))
}

function askForCode (ex: Exchange, flow: Flow): void {
  resetMessages(flow.ui)
  const kept = flow.ui.nodes.filter(({ group, attributes }) => group === 'default' && attributes.type !== 'submit')
  for (const { attributes } of kept) attributes.type = 'hidden'
  flow.ui.nodes = [
    ...kept,
    hiddenMethodNode(),
    codeNode(MESSAGES.registrationCodeLabel()),
    continueNode('code'),
    resendButton(),
  ]
  if (isTwoSteps(ex.kratos)) flow.ui.nodes.push(backNode())
  flow.ui.messages = [MESSAGES.registrationCodeSent()]
  if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
}

function useCode (ex: Exchange, flow: Flow, identity: Identity, form: JsonObject): Outcome<Identity> {
  const { kratos } = ex
  if (form['code'] === undefined) throw requiredError(MESSAGES.required('code'), 'code')
  const identifiers = ensureAddress(ex, identity)
  if (!isAsSent(flow, identity.traits)) throw formError(MESSAGES.traitsMismatch())
  const code = redeemCode(kratos, flow, String(form['code']))
  if (code === undefined || !identifiers.includes(code.address)) throw formError(MESSAGES.registrationCodeInvalid())
  const address = identity.verifiableAddresses.find(
    ({ value, via, verified }) => value === code.address && via === code.via && !verified,
  )
  if (address !== undefined) verify(address, kratos.clock.now())
  flow.state = 'passed_challenge'
  saveFlow(kratos, flow)
  return done(identity)
}

/** Whether the traits are those that the code was sent for. */
const isAsSent = (flow: Flow, traits: Json): boolean =>
  leaves(traits).every(([path, value]) => {
    const node = findNode(flow.ui, `traits.${path}`)
    return node === undefined || node.attributes.value === value
  })
