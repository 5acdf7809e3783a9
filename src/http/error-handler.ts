import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import {
  type ErrorCode,
  errorText,
  type FieldError,
  isServiceError,
  serviceError,
  type ServiceError,
} from '../errors.js'
import { logRefusal } from './failure-events.js'

/** Fastify's own errors that a client can cause and that have a code of ours; its other 4xx are `VALIDATION_ERROR`. */
const CODE_OF_FASTIFY_ERROR: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
}

/** Statuses of errors that are neither ours nor Fastify's: a host app's own limiter may guard our routes too. */
const CODE_OF_STATUS: Record<number, ErrorCode> = { 403: 'FORBIDDEN', 429: 'RATE_LIMITED' }

/** More than 20 help nobody, and a body of wrong members only would get an answer many times its size. */
const MAX_FIELDS = 20

/** Which field and what it should be; never the value, which may be a password (no `data` of Ajv leaves here). */
function fieldErrors (error: FastifyError): FieldError[] | undefined {
  return error.validation?.slice(0, MAX_FIELDS).map(({ instancePath, keyword, params, message }) => ({
    path: keyword === 'required' ? `${instancePath}/${String(params['missingProperty'])}` : instancePath,
    message: message ?? 'is not valid',
  }))
}

/**
 * Node's word for a client that went away before its body was complete: nobody reads the answer, and nothing of ours
 * failed.
 */
const isAbortedUpload = ({ code, message }: FastifyError): boolean => code === 'ECONNRESET' && message === 'aborted'

const isClientsMistake = (error: FastifyError): boolean =>
  isAbortedUpload(error) || (String(error.code).startsWith('FST_ERR_') && (error.statusCode ?? 500) < 500)

/** The error as the client may see it: ours as they are, Fastify's by the table, everything else a plain 500. */
export function publicError (error: FastifyError): ServiceError {
  if (isServiceError(error)) return error
  if (error.validation !== undefined) return serviceError('VALIDATION_ERROR', { fields: fieldErrors(error) })
  const known = CODE_OF_FASTIFY_ERROR[error.code] ?? CODE_OF_STATUS[error.statusCode ?? 500] ??
    (isClientsMistake(error) ? 'VALIDATION_ERROR' : 'INTERNAL_ERROR')
  return serviceError(known, { cause: error })
}

/** Name, code and messages of an error and its causes; no stacks of clients' mistakes, no driver parameters (H02). */
function describe (error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return String(depth > 4 ? '…' : typeof error)
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : ''
  const cause = error.cause === undefined ? '' : ` <- ${describe(error.cause, depth + 1)}`
  return `${error.name}${code}: ${error.message.slice(0, 200)}${cause}`
}

function log (request: FastifyRequest, { code, statusCode, cause }: ServiceError): void {
  // A client that has gone is told nothing, and what was given up for it is no failure (J24).
  if (statusCode < 500 || request.socket.destroyed) return
  const record = { event: 'request_failed', code, cause: cause === undefined ? undefined : describe(cause) }
  if (code !== 'INTERNAL_ERROR') request.log.warn(record, errorText(code))
  else request.log.error({ ...record, stack: cause instanceof Error ? cause.stack : undefined }, errorText(code))
}

/** The body of every answer that is not a success. */
export function envelope ({ code, message, members, fields }: ServiceError): Record<string, unknown> {
  return { ...members, success: false, error: message, code, ...(fields !== undefined && { fields }) }
}

/** The one error handler: every failure leaves in the same envelope. */
export function renderError (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const shown = publicError(error)
  log(request, shown)
  logRefusal(request, shown)
  if (shown.retryAfter !== undefined) reply.header('retry-after', String(shown.retryAfter))
  // As text: a host app's serialisers and `preSerialization` hooks have no part in it.
  reply.code(shown.statusCode).type('application/json; charset=utf-8').send(JSON.stringify(envelope(shown)))
}
