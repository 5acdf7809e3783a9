import type { FastifyRequest } from 'fastify'
import type { ErrorCode, ServiceError } from '../errors.js'
import { TOO_MANY_FAILING } from '../kratos-client/confirm.js'
import { logSecurityEvent } from './security-event.js'
import { kratosCredential } from './own-names.js'

/** Refusals of a session: there is none behind the credential, or it is not enough. */
const DENIALS = new Set<ErrorCode>([
  'INVALID_SESSION',
  'AAL2_REQUIRED',
  'SESSION_REFRESH_REQUIRED',
  'ADDRESS_NOT_VERIFIED',
  'FORBIDDEN',
  'LOGOUT_TOKEN_INVALID',
])

/** Codes of Node and OpenSSL for a certificate or a handshake that cannot be trusted (J21). */
const TLS_FAILURE =
  /^(?:CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_)/

/** The TLS error code among an error, its causes and the members of an AggregateError. */
function tlsFailure (error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 4) return undefined
  if ('code' in error && typeof error.code === 'string' && TLS_FAILURE.test(error.code)) return error.code
  const members: unknown[] = error instanceof AggregateError ? error.errors : []
  return [error.cause, ...members].map((member) => tlsFailure(member, depth + 1)).find((code) => code !== undefined)
}

/** Two different cookies have an event of their own. */
const hasCredential = (request: FastifyRequest): boolean =>
  ['token', 'cookie'].includes(request[kratosCredential]().kind)

/**
 * Notes what a failed request says about the safety of the service: a credential that was refused, a Kratos that cannot
 * be trusted (H08).
 */
export function logRefusal (request: FastifyRequest, { code, cause }: ServiceError): void {
  if (DENIALS.has(code) && hasCredential(request)) { logSecurityEvent(request, 'access_denied', { code, route: request.routeOptions.url }, 'A session was refused') }
  if (cause === TOO_MANY_FAILING) {
    const details = { budget: 'credentials', route: request.routeOptions.url }
    logSecurityEvent(request, 'rate_limited', details, 'Too many credentials without a session from one address')
  }
  const reason = code === 'UPSTREAM_UNAVAILABLE' ? tlsFailure(cause) : undefined
  if (reason !== undefined) {
    logSecurityEvent(
      request,
      'upstream_tls_failure',
      { reason },
      'The connection to the identity server cannot be trusted',
    )
  }
}
