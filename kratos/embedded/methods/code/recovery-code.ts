import { sendMessage } from '../../courier/send.js'
import { TEMPLATES } from '../../courier/templates.js'
import type { Flow } from '../../flow/flow.js'
import { ExpiredError, saveFlow } from '../../flow/lifecycle.js'
import { ApiError, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { storedAddress } from '../../identity/normalization.js'
import { verifyByValue } from '../../identity/verified-address.js'
import { MESSAGES } from '../../ui/message.js'
import type { ProofOutcome, RecoveredIdentity } from '../method.js'
import { codeMinutes, issueCode, redeemCode } from './one-time-code.js'

/** Replaces the codes of a flow. No answer shows whether the address is known; only the message does. */
export function sendRecoveryCode (ex: Exchange, flow: Flow, via: 'email' | 'sms', given: string): void {
  const { kratos } = ex
  kratos.store.codes.deleteCodes(flow.id)
  const address = storedAddress(given)
  const identity = kratos.store.identities.byAddress('recovery', via, address)
  if (identity !== undefined) {
    const code = issueCode(kratos, flow, { identityId: identity.id, address, via })
    sendMessage(kratos, via, address, TEMPLATES.recoveryCode(code, codeMinutes(kratos)), { flow, identity, ex })
  } else if (via === 'email' && kratos.config.selfservice.flows.recovery.notify_unknown_recipients) {
    sendMessage(kratos, via, given, TEMPLATES.recoveryUnknown('recovery_code_invalid'), { flow })
  }
}

export function useRecoveryCode (ex: Exchange, flow: Flow, secret: string): ProofOutcome<RecoveredIdentity> {
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
