import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { type ErrorCode, errorText, serviceError, type ServiceError } from '../errors.js'
import { isRecord } from '../kratos-client/kratos-body.js'

/** True while the handler of one of our routes inside a host has not begun: only hooks have run. */
const IS_BEFORE_HANDLER = Symbol('fastify-kratos: the handler has not begun')
type Phase = { [IS_BEFORE_HANDLER]?: boolean }

export function watchHandlers (scope: FastifyInstance): void {
  scope.decorateRequest(IS_BEFORE_HANDLER, true)
}

export function beginHandler (request: FastifyRequest): void {
  ;(request as Phase)[IS_BEFORE_HANDLER] = false
}

const CODE_OF_STATUS: Partial<Record<number, ErrorCode>> = {
  400: 'VALIDATION_ERROR',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'REQUEST_TIMEOUT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
  503: 'OVERLOADED',
}

const statusOf = ({ statusCode, status }: { statusCode?: unknown, status?: unknown }): number | undefined =>
  [statusCode, status].map(Number).find((code) => code >= 400 && code <= 599)

/**
 * What a hook of the host threw, with the status and the headers that Fastify itself would give it. Undefined where our
 * handler has begun: then an error with a status may be anybody's, such as an HTTP client's inside of a callback.
 */
export function hostRefusal (thrown: unknown, request: FastifyRequest | undefined): ServiceError | undefined {
  if ((request as Phase | undefined)?.[IS_BEFORE_HANDLER] !== true || !isRecord(thrown)) return undefined
  const { message, headers, expose } = thrown as Partial<FastifyError> & { headers?: unknown, expose?: unknown }
  const statusCode = statusOf(thrown)
  if (statusCode === undefined) return undefined
  const code = CODE_OF_STATUS[statusCode] ?? (statusCode < 500 ? 'FORBIDDEN' : 'INTERNAL_ERROR')
  // As http-errors says it: for the client to read.
  const text = expose === true && statusCode < 500 && typeof message === 'string' ? message : errorText(code)
  const error = serviceError(code, { text, cause: thrown })
  const given = isRecord(headers) ? headers as Record<string, string> : {}
  return Object.assign(error, { statusCode, headers: { ...error.headers, ...given }, isOfHost: true })
}
