import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import {
  type ErrorCode,
  errorText,
  type FieldError,
  isServiceError,
  serviceError,
  type ServiceError,
} from '../errors.js'
import { isRecord } from '../kratos-client/kratos-body.js'
import { addChallenge } from './challenge.js'
import { logRefusal } from './failure-events.js'
import { hostRefusal } from './host-refusal.js'
import { withNext } from './refusal.js'
import { logCounted } from './log-limits.js'

/** Fastify's other 4xx are `VALIDATION_ERROR`. */
const CODE_OF_FASTIFY_ERROR = new Map<unknown, ErrorCode>([
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'PAYLOAD_TOO_LARGE'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'UNSUPPORTED_MEDIA_TYPE'],
  // Our handlers wait for nothing but Kratos.
  ['FST_ERR_HANDLER_TIMEOUT', 'UPSTREAM_TIMEOUT'],
])

/** For errors neither ours nor Fastify's: a host app's own limiter may guard our routes too. */
const CODE_OF_STATUS = new Map<unknown, ErrorCode>([[403, 'FORBIDDEN'], [429, 'RATE_LIMITED']])

/** More than 20 field errors help nobody, and would let a small body have a large answer. */
const MAX_FIELDS = 20

/** The value is left out: it may be a password (no `data` of Ajv leaves here). */
function fieldErrors (error: FastifyError): FieldError[] | undefined {
  return error.validation?.slice(0, MAX_FIELDS).map(({ instancePath, keyword, params, message }) => ({
    path: keyword === 'required' ? `${instancePath}/${String(params['missingProperty'])}` : instancePath,
    message: message ?? 'is not valid',
  }))
}

/** Node's word for a client that went away before its body was complete: nothing of ours failed. */
const isAbortedUpload = ({ code, message }: FastifyError): boolean => code === 'ECONNRESET' && message === 'aborted'

/** An error of `http-errors`, which many packages throw, and which may be told: a client made it, and knows why. */
const isExposed = (error: FastifyError & { expose?: unknown }): boolean =>
  error.expose === true && Number(error.statusCode) >= 400 && Number(error.statusCode) < 500

const isClientsMistake = (error: FastifyError): boolean =>
  isAbortedUpload(error) || isExposed(error) ||
  (String(error.code).startsWith('FST_ERR_') && Number(error.statusCode ?? 500) < 500)

/** Only its type is told: the value may hold anything. */
const notAnError = (thrown: unknown): Error => new Error(`thrown: ${thrown === null ? 'null' : typeof thrown}`)

/** Ours as they are, Fastify's by the table, those of a host's hooks as they say, everything else a plain 500. */
export function publicError (thrown: unknown, request?: FastifyRequest): ServiceError {
  if (isServiceError(thrown)) return thrown
  if (!(thrown instanceof Error)) {
    const refusal = hostRefusal(thrown, request)
    if (refusal !== undefined) return refusal
    const status = isRecord(thrown) ? thrown['statusCode'] : undefined
    return serviceError(CODE_OF_STATUS.get(status) ?? 'INTERNAL_ERROR', { cause: notAnError(thrown) })
  }
  const error = thrown as FastifyError
  if (Array.isArray(error.validation)) return serviceError('VALIDATION_ERROR', { fields: fieldErrors(error) })
  const code = CODE_OF_FASTIFY_ERROR.get(error.code)
  const refusal = code === undefined ? hostRefusal(error, request) : undefined
  if (refusal !== undefined) return refusal
  const known = code ?? CODE_OF_STATUS.get(error.statusCode) ??
    (isClientsMistake(error) ? 'VALIDATION_ERROR' : 'INTERNAL_ERROR')
  return serviceError(known, { cause: error })
}

/** No stacks of clients' mistakes, no driver parameters (H02). */
function describe (error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return String(depth > 4 ? '…' : typeof error)
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : ''
  const cause = error.cause === undefined ? '' : ` <- ${describe(error.cause, depth + 1)}`
  return `${String(error.name)}${code}: ${String(error.message).slice(0, 200)}${cause}`
}

function log (request: FastifyRequest, { code, statusCode, cause }: ServiceError): void {
  // A client that has gone is told nothing, and what was given up for it is no failure (J24).
  if (statusCode < 500 || request.socket.destroyed) return
  const record = { event: 'request_failed', code, cause: cause === undefined ? undefined : describe(cause) }
  if (code === 'OVERLOADED') logCounted(request, code, (count) => request.log.warn({ ...record, ...count }, errorText(code)))
  else if (code !== 'INTERNAL_ERROR') request.log.warn(record, errorText(code))
  else request.log.error({ ...record, stack: cause instanceof Error ? cause.stack : undefined }, errorText(code))
}

export function envelope ({ code, message, members, fields }: ServiceError): Record<string, unknown> {
  const own = { success: false, error: message, code, ...(fields !== undefined && { fields }) }
  // First for the reader, and last because no member may replace them.
  return { ...own, ...members, ...own }
}

export function renderError (thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = publicError(thrown, request)
  const shown = error.isOfHost === true ? error : withNext(request, error)
  log(request, shown)
  if (shown.isOfHost !== true) logRefusal(request, shown)
  // A host app's own limiter may have said more than we know.
  const isSaid = !isServiceError(thrown) && reply.hasHeader('retry-after')
  if (shown.isOfHost === true) reply.headers(shown.headers ?? {})
  if (shown.retryAfter !== undefined && !isSaid) reply.header('retry-after', String(shown.retryAfter))
  // No hook knew of errors that become ours only here.
  if (shown.statusCode === 401 && !reply.hasHeader('www-authenticate')) addChallenge(request, reply)
  // As text: a host app's serialisers and `preSerialization` hooks have no part in it.
  reply.serializer(null as never)
  reply.code(shown.statusCode).type('application/json; charset=utf-8').send(JSON.stringify(envelope(shown)))
}
