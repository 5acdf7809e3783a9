import type { FastifyRequest } from 'fastify'
import type { ErrorCode, ServiceError } from '../errors.js'
import { TOO_MANY_FAILING } from '../kratos-client/confirm.js'
import { isTlsCode } from '../kratos-client/tls-codes.js'
import { logSecurityEvent } from './security-event.js'
import { kratosCredential } from './own-names.js'

const DENIALS = new Set<ErrorCode>([
  'INVALID_SESSION',
  'AAL2_REQUIRED',
  'SESSION_REFRESH_REQUIRED',
  'ADDRESS_NOT_VERIFIED',
  'FORBIDDEN',
  'LOGOUT_TOKEN_INVALID',
])

/** TLS can break before a call is on its way, or later. */
const OF_CONNECTION = new Set<ErrorCode>(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_ERROR'])

/** Looks at causes and at the members of an AggregateError too. */
function tlsFailure (error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 4) return undefined
  if ('code' in error && typeof error.code === 'string' && isTlsCode(error.code)) return error.code
  const members: unknown[] = error instanceof AggregateError ? error.errors : []
  return [error.cause, ...members].map((member) => tlsFailure(member, depth + 1)).find((code) => code !== undefined)
}

/** A conflict of cookies has an event of its own. */
const hasCredential = (request: FastifyRequest): boolean =>
  ['token', 'cookie'].includes(request[kratosCredential]().kind)

/** A credential that was refused, a Kratos that cannot be trusted (H08). */
export function logRefusal (request: FastifyRequest, { code, cause }: ServiceError): void {
  if (DENIALS.has(code) && hasCredential(request)) { logSecurityEvent(request, 'access_denied', { code, route: request.routeOptions.url }, 'A session was refused') }
  if (cause === TOO_MANY_FAILING) {
    const details = { budget: 'credentials', route: request.routeOptions.url }
    logSecurityEvent(request, 'rate_limited', details, 'Too many credentials without a session from one address')
  }
  const reason = OF_CONNECTION.has(code) ? tlsFailure(cause) : undefined
  if (reason !== undefined) {
    logSecurityEvent(
      request,
      'upstream_tls_failure',
      { reason },
      'The connection to the identity server cannot be trusted',
    )
  }
}
