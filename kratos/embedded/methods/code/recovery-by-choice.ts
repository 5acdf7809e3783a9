import { createHash } from 'node:crypto'
import type { Flow } from '../../flow/flow.js'
import { requiredError } from '../../flow/form.js'
import { loadFlow, saveFlow } from '../../flow/lifecycle.js'
import { csrfToken } from '../../http/csrf.js'
import { badRequest, plainError } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import type { JsonObject } from '../../json.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode, type UiNode } from '../../ui/node.js'
import { continueNode, resendNode } from '../address-nodes.js'
import type { ProofOutcome, RecoveredIdentity } from '../method.js'
import { hiddenMethodNode, recoveryCodeNode } from './nodes.js'
import { sendRecoveryCode, useRecoveryCode } from './recovery-code.js'

/**
 * Recovery with `feature_flags.choose_recovery_address`: any address of an account is asked for, then people choose one
 * of its addresses, and give it in full if it is another than the first. The form repeats what was given before,
 * because the flow does not keep it.
 */
type Outcome = ProofOutcome<RecoveredIdentity>
type Step = (ex: Exchange, flow: Flow, form: JsonObject) => Outcome

const SHOWN: Outcome = { kind: 'shown' }

export const isByChoice = ({ state }: Flow): boolean => state.startsWith('recovery_')

/** The first page. */
export function askForAddress (ex: Exchange, flow: Flow): void {
  flow.ui.messages = []
  flow.ui.nodes = [
    csrfNode(csrfToken(ex)),
    inputNode('code', 'recovery_address', 'text', { required: true, label: MESSAGES.recoveryAddressLabel() }),
    continueNode('code'),
  ]
}

function showPage (ex: Exchange, flow: Flow, message: Flow['ui']['messages'][number], ...nodes: UiNode[]): Outcome {
  flow.ui.messages = [message]
  flow.ui.nodes = [csrfNode(flow.csrfToken), ...nodes]
  saveFlow(ex.kratos, flow)
  return SHOWN
}

/** @throws FormError for a field that is missing or empty */
function wanted (form: JsonObject, name: string): string {
  const { [name]: value } = form
  if (value === undefined) throw requiredError(MESSAGES.required(name), name)
  return String(value)
}

const repeated = (name: string, value: string): UiNode => inputNode('code', name, 'hidden', { value })
const backNode = (): UiNode =>
  inputNode('code', 'screen', 'submit', { value: 'previous', label: MESSAGES.recoveryBack() })

const hashOf = (address: string): string => createHash('sha256').update(address).digest('base64')

/** Two letters and the domain of a mail address; the ends of a phone number. */
function masked (address: string): string {
  const at = address.indexOf('@')
  const bytes = Buffer.from(at < 0 ? address : address.slice(0, at))
  if (at >= 0) return bytes.length < 2 ? address : `${bytes.subarray(0, 2).toString()}****${address.slice(at)}`
  return bytes.length < 6 ? address : `${bytes.subarray(0, 3).toString()}****${bytes.subarray(-2).toString()}`
}

/** An address that nobody has is treated as one that is alone. */
function chooseAddress (ex: Exchange, flow: Flow, form: JsonObject): Outcome {
  const given = wanted(form, 'recovery_address')
  const known = ex.kratos.store.identities.recoveryAddressesBeside(given)
  const addresses = known.length === 0 ? [given] : known
  if (addresses.length === 1 && addresses[0] === given) {
    flow.state = 'recovery_confirming_address'
    saveFlow(ex.kratos, flow)
    return sendCode(ex, flow, { ...form, recovery_confirm_address: given })
  }
  flow.state = 'recovery_awaiting_address_choice'
  const sorted = addresses.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
  const choices = sorted.map((address) =>
    inputNode('code', 'recovery_select_address', 'submit', {
      value: hashOf(address),
      label: MESSAGES.plainLabel(masked(address)),
    }))
  return showPage(
    ex,
    flow,
    MESSAGES.chooseRecoveryAddress(),
    ...choices,
    hiddenMethodNode(),
    repeated('recovery_address', given),
  )
}

function confirmAddress (ex: Exchange, flow: Flow, form: JsonObject): Outcome {
  const chosen = wanted(form, 'recovery_select_address')
  const given = wanted(form, 'recovery_address')
  if (hashOf(given) === chosen) return sendCode(ex, flow, { ...form, recovery_confirm_address: given })
  const address = ex.kratos.store.identities.recoveryAddressesBeside(given).find((known) => hashOf(known) === chosen)
  if (address === undefined) throw badRequest('The selected recovery address is not valid.')
  flow.state = 'recovery_confirming_address'
  const [type, label] = address.includes('@')
    ? ['email', MESSAGES.emailLabel()] as const
    : ['tel', MESSAGES.phoneLabel()] as const
  const value = String(form['recovery_confirm_address'] ?? '')
  return showPage(
    ex,
    flow,
    MESSAGES.giveRecoveryAddress(),
    inputNode('code', 'recovery_confirm_address', type, { value, required: true, label }),
    repeated('recovery_address', given),
    continueNode('code'),
    hiddenMethodNode(),
    backNode(),
  )
}

function sendCode (ex: Exchange, flow: Flow, form: JsonObject): Outcome {
  const address = wanted(form, 'recovery_confirm_address')
  sendRecoveryCode(ex, flow, address.includes('@') ? 'email' : 'sms', address)
  flow.state = 'recovery_awaiting_code'
  return showPage(
    ex,
    flow,
    MESSAGES.maskedRecoveryCodeSent(masked(address)),
    recoveryCodeNode(),
    continueNode('code'),
    hiddenMethodNode(),
    resendNode('recovery_confirm_address', address),
    repeated('recovery_address', String(form['recovery_address'] ?? '')),
    backNode(),
  )
}

const STEPS: Record<string, Step> = {
  recovery_awaiting_address: chooseAddress,
  recovery_awaiting_address_choice: confirmAddress,
  recovery_confirming_address: sendCode,
  recovery_awaiting_code: (ex, flow, form) =>
    form['code'] === undefined ? sendCode(ex, flow, form) : useRecoveryCode(ex, flow, String(form['code'])),
}

const canChooseAgain = ({ state }: Flow): boolean =>
  state === 'recovery_confirming_address' || state === 'recovery_awaiting_code'

/** To the choice, if there was one, else to the first page. */
function goBack (ex: Exchange, flow: Flow, form: JsonObject): Outcome {
  const given = String(form['recovery_address'] ?? '')
  if (ex.kratos.store.identities.recoveryAddressesBeside(given).length <= 1) {
    flow.state = 'recovery_awaiting_address'
    askForAddress(ex, flow)
    saveFlow(ex.kratos, flow)
    return SHOWN
  }
  if (flow.state === 'recovery_awaiting_address_choice') throw plainError(`unreachable state: ${flow.state}`)
  if (!canChooseAgain(flow)) return SHOWN
  flow.state = 'recovery_awaiting_address'
  return chooseAddress(ex, flow, form)
}

/** A step works on the stored flow: an error is shown in the form that there was. */
export function submitChoice (ex: Exchange, flow: Flow, form: JsonObject): Outcome {
  const { kratos } = ex
  const stored = loadFlow(kratos, 'recovery', flow.id)
  const step: Step | undefined = form['screen'] === 'previous' ? goBack : STEPS[stored.state]
  if (step === undefined) return { kind: 'replaced', type: flow.type, cause: MESSAGES.recoveryStateFailure() }
  if (stored.state === 'recovery_awaiting_code' && form['code'] !== undefined) delete flow.transientPayload
  const outcome = step(ex, stored, form)
  Object.assign(flow, outcome.kind === 'shown' ? loadFlow(kratos, 'recovery', flow.id) : stored)
  return outcome
}
