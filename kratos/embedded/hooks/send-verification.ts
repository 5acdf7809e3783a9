import { renewCsrf } from '../http/csrf.js'
import { newCode, newId } from '../random.js'
import type { Hook } from './hook.js'

/** Sends the first address that is not verified yet a code; the address counts as `sent` from then on. */
export const sendVerification: Hook = async ({ ex, flow, identity }) => {
  const { clock, store } = ex.kratos
  const address = identity?.verifiableAddresses.find(({ verified }) => !verified)
  if (identity === undefined || address === undefined) return undefined
  if (flow.type === 'browser') renewCsrf(ex)
  const now = clock.now()
  const code = newCode()
  address.status = 'sent'
  store.identities.update(identity, now)
  identity.updatedAt = identity.createdAt
  store.messages.add({
    id: newId(),
    status: 'queued',
    type: 'email',
    channel: 'email',
    recipient: address.value,
    subject: 'Use code to verify your account',
    body: `Verify your account with the following code:\n\n${code}\n`,
    template: 'verification_code_valid',
    sendCount: 0,
    createdAt: now,
    updatedAt: now
  })
  return undefined
}
