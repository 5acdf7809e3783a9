import { writeError } from '../flow/answers.js'
import { empty, redirect } from '../http/answer.js'
import { badRequest, misconfigured } from '../http/errors.js'
import { isHtmlRequest, isJsonRequest } from '../http/negotiation.js'
import { formError } from '../identity/validation.js'
import { asObject } from '../json.js'
import { MESSAGES } from '../ui/message.js'
import type { Hook } from './hook.js'
import { beginVerification } from './send-verification.js'

const notVerified = () =>
  badRequest(
    "Your account's email or phone address are not verified yet. Please check your email or phone inbox or re-request verification.",
    {
      id: 'session_verified_address_required',
      message: 'your email or phone address is not yet verified',
    },
  )

/**
 * `require_verified_address`: refuses a login without a verified address and sends a verification message (recordings
 * 17, 62).
 */
export const requireVerifiedAddress: Hook = async ({ ex, flow, identity }) => {
  if (flow.kind !== 'login' || identity === undefined) return undefined
  const isLegacy = ex.kratos.config.feature_flags['legacy_require_verified_login_error'] === true
  if (isLegacy && flow.active !== 'password') return undefined
  const [first] = identity.verifiableAddresses
  if (first === undefined) {
    throw misconfigured(
      'A misconfiguration prevents login. Expected to find a verification address but this identity does not have one assigned.',
    )
  }
  if (identity.verifiableAddresses.some(({ verified }) => verified)) return undefined
  if (isLegacy) throw formError(MESSAGES.addressNotVerified())
  const next = beginVerification(ex, flow, identity, first, true)
  if (isJsonRequest(ex)) return writeError(ex, notVerified().with({ details: { continue_with: [next] } }), 403)
  return isHtmlRequest(ex) ? redirect(ex.method, 303, String(asObject(next['flow'])['url'])) : empty(200)
}
