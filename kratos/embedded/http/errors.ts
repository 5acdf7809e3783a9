import { STATUS_CODES } from 'node:http'
import type { Json, JsonObject } from '../json.js'
import type { Answer } from './answer.js'

export interface ApiErrorFields {
  code: number
  message: string
  id?: string
  reason?: string
  debug?: string
  details?: JsonObject
  /** Keys beside `error`, such as `use_flow_id` and `redirect_browser_to`. */
  extra?: JsonObject
  /** HTTP status, if it differs from `error.code` (recordings 62, 72, 86). */
  httpStatus?: number
  /** A Go error without a status: 500, or 400 where an API flow reports it (recordings 72, 86). */
  isPlain?: boolean
}

/** An answer with Kratos' `error` object (docs/kratos-facts.md, section 15). */
export class ApiError extends Error {
  readonly fields: ApiErrorFields

  constructor (fields: ApiErrorFields) {
    super(fields.reason ?? fields.message)
    this.name = 'ApiError'
    this.fields = fields
  }

  /** The same error with some fields changed. */
  with (fields: Partial<ApiErrorFields>): ApiError {
    return new ApiError({ ...this.fields, ...fields })
  }
}

export const badRequest = (reason: string, fields: Partial<ApiErrorFields> = {}): ApiError =>
  new ApiError({ code: 400, message: 'The request was malformed or contained invalid parameters', reason, ...fields })
export const unauthorized = (reason: string): ApiError =>
  new ApiError({ code: 401, message: 'The request could not be authorized', reason })
export const forbidden = (reason: string): ApiError =>
  new ApiError({ code: 403, message: 'The requested action was forbidden', reason })
export const notFound = (reason?: string): ApiError =>
  new ApiError({
    code: 404,
    message: 'The requested resource could not be found',
    ...(reason === undefined ? {} : { reason }),
  })
/** A missing row: flow, identity or session (recordings 14, 80). */
export const noRow = (): ApiError => new ApiError({ code: 404, message: 'Unable to locate the resource' })
export const conflict = (reason: string): ApiError =>
  new ApiError({ code: 409, message: 'The resource could not be created due to a conflict', reason })
export const gone = (id: string | undefined, reason: string, fields: Partial<ApiErrorFields> = {}): ApiError =>
  new ApiError({
    code: 410,
    message: 'The requested resource is no longer available because it has expired or is otherwise invalid.',
    ...(id === undefined ? {} : { id }),
    reason,
    ...fields,
  })
export const internal = (message: string, fields: Partial<ApiErrorFields> = {}): ApiError =>
  new ApiError({
    code: 500,
    message: 'An internal server error occurred, please contact the system administrator',
    reason: message,
    ...fields,
  })
/** A Go error with nothing but a message. */
export const plainError = (message: string): ApiError => new ApiError({ code: 500, message, isPlain: true })
/** A contradiction in the configuration that is only found when it is used. */
export const misconfigured = (reason: string): ApiError =>
  new ApiError({ id: 'invalid_configuration', code: 500, message: 'Invalid configuration', reason })
/** A feature of Kratos that the embedded server does not have. It says so instead of making up an answer. */
export const notEmbedded = (what: string): ApiError =>
  new ApiError({
    code: 501,
    id: 'not_embedded',
    message: 'The embedded development server does not do this',
    reason: what,
  })

/** 422: the browser has to continue at another URL. */
export const browserLocationChangeRequired = (url: string): ApiError =>
  new ApiError({
    id: 'browser_location_change_required',
    code: 422,
    message: 'browser location change required',
    reason: `In order to complete this flow please redirect the browser to: ${url}`,
    extra: { redirect_browser_to: url },
  })

/** A disabled method (recordings 01, 18). */
export const methodDisabled = (): ApiError =>
  notFound(
    'This endpoint was disabled by system administrator. Please check your url or contact the system administrator to enable it.',
  )

/** The `error` object without the parts that depend on the request. */
export function errorObject ({ fields }: ApiError): JsonObject {
  const { id, code, message, reason, debug, details } = fields
  const members: Record<string, Json | undefined> = {
    id,
    code,
    status: STATUS_CODES[code] ?? '',
    reason,
    debug,
    details,
  }
  const given = Object.entries(members).filter((entry): entry is [string, Json] =>
    entry[1] !== undefined && entry[1] !== '')
  return { ...Object.fromEntries(given), message }
}

/**
 * The answer for an error. It always has the header `Ory-Error-Id`, which is empty when the error has no id
 * (docs/kratos-facts.md, section 15).
 * @param requestId the request's `X-Request-Id`, which Kratos repeats as `error.request`
 */
export function errorAnswer (error: ApiError, requestId: string | undefined, status?: number): Answer {
  const { id, code, extra, httpStatus } = error.fields
  const object = errorObject(error)
  if (requestId !== undefined && requestId !== '') object['request'] = requestId
  return {
    status: status ?? httpStatus ?? code,
    headers: { 'Content-Type': 'application/json', 'Ory-Error-Id': id ?? '' },
    body: `${JSON.stringify({ error: object, ...extra })}\n`,
  }
}
