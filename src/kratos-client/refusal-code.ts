import type { ErrorCode } from '../errors.js'
import type { JsonObject } from './kratos-body.js'

/** Kratos' stable error ids (docs/kratos-facts.md, section 15); a map, because an id could be `__proto__`. */
const CODE_OF_ERROR_ID = new Map<string, ErrorCode>(Object.entries({
  session_already_available: 'SESSION_ALREADY_AVAILABLE',
  self_service_flow_return_to_forbidden: 'RETURN_TO_FORBIDDEN',
  session_inactive: 'INVALID_SESSION',
  session_aal1_required: 'INVALID_SESSION',
  session_aal2_required: 'AAL2_REQUIRED',
  session_refresh_required: 'SESSION_REFRESH_REQUIRED',
  session_verified_address_required: 'ADDRESS_NOT_VERIFIED',
  security_csrf_violation: 'CSRF_VIOLATION',
  self_service_flow_expired: 'FLOW_EXPIRED',
  self_service_flow_replaced: 'FLOW_EXPIRED',
  self_service_flow_disabled: 'FLOW_DISABLED',
}))

/** For answers without a known id: the HTTP status may differ from `error.code` (docs/kratos-facts.md, section 15). */
const CODE_OF_STATUS: Record<number, ErrorCode> = {
  400: 'FLOW_REJECTED',
  401: 'INVALID_SESSION',
  403: 'FORBIDDEN',
  404: 'FLOW_NOT_FOUND',
  410: 'FLOW_EXPIRED',
}

/** Only registration has an id for it; the others say so in words. */
const SWITCHED_OFF = /not allowed because it was disabled/

/** The 404 of a submit is not always one of its flow: a method is off, or a provider is not configured. */
const NOT_OFFERED = /^This endpoint was disabled by|^OpenID Connect Provider .* is unknown|^SAML Provider .* is unknown/

/** What Kratos calls a failure of its own and is one of the input (docs/kratos-facts.md, section 15). */
const INPUT_FAULTS: Array<[member: 'message' | 'reason', said: RegExp]> = [
  ['message', /^(?:json: cannot unmarshal |invalid character )/],
  ['reason', /^Unable to create identity credentials with missing or empty identifier/],
  ['reason', /^The provider .* does not support id_token verification/],
]

/** @param error `error` of Kratos' body, in an answer to a submit whose code is 500 or more */
export const isInputFault = (error: JsonObject): boolean =>
  INPUT_FAULTS.some(([member, said]) => said.test(String(error[member])))

/** Undefined for a refusal that means nothing to our client. @param error `error` of Kratos' body */
export function refusalCode (
  status: number,
  error: JsonObject,
  { operation, flow }: { operation: string, flow?: string | undefined },
): ErrorCode | undefined {
  const known = CODE_OF_ERROR_ID.get(String(error['id']))
  if (known !== undefined) return known
  if (status === 400 && SWITCHED_OFF.test(String(error['reason']))) return 'FLOW_DISABLED'
  if (operation === 'submit' && status === 404 && NOT_OFFERED.test(String(error['reason']))) return 'METHOD_NOT_OFFERED'
  // The 401 of a deactivated identity has no error id, and no other flow has such a 401 (recording 32).
  if (operation === 'submit' && flow === 'login' && status === 401) return 'ACCOUNT_DISABLED'
  if (operation === 'logout' && status === 403) return 'LOGOUT_TOKEN_INVALID'
  return CODE_OF_STATUS[status]
}
