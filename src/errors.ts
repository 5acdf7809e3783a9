import createError, { type FastifyError } from '@fastify/error'

/** Code → HTTP status and public text. The codes are part of the API. */
const ERRORS = {
  VALIDATION_ERROR: [400, 'The request is not valid'],
  FLOW_TYPE_MISMATCH: [400, 'A browser session cannot use a flow of type api'],
  INVALID_CREDENTIALS: [400, 'The provided credentials are invalid'],
  IDENTIFIER_TAKEN: [400, 'An account with the same identifier exists already'],
  FLOW_REJECTED: [400, 'The identity server rejected the input'],
  METHOD_NOT_OFFERED: [400, 'This method or provider is not offered here'],
  SESSION_ALREADY_AVAILABLE: [400, 'You are already logged in'],
  RETURN_TO_FORBIDDEN: [400, 'The return_to address is not allowed'],
  INVALID_SESSION: [401, 'Invalid session'],
  ACCOUNT_DISABLED: [401, 'This account is disabled'],
  INVALID_WEBHOOK_KEY: [401, 'Invalid webhook key'],
  INVALID_METRICS_TOKEN: [401, 'Invalid metrics token'],
  INVALID_OPERATOR_KEY: [401, 'Invalid operator key'],
  ORIGIN_FORBIDDEN: [403, 'Requests from this origin are not allowed'],
  CSRF_VIOLATION: [403, 'The CSRF token is missing or invalid'],
  LOGOUT_TOKEN_INVALID: [403, 'The logout token does not belong to this session'],
  AAL2_REQUIRED: [403, 'A second factor is required'],
  SESSION_REFRESH_REQUIRED: [403, 'A recent login is required'],
  ADDRESS_NOT_VERIFIED: [403, 'The address has to be verified first'],
  FORBIDDEN: [403, 'Forbidden'],
  NOT_FOUND: [404, 'Not found'],
  FLOW_NOT_FOUND: [404, 'The flow does not exist'],
  FLOW_DISABLED: [404, 'This flow is switched off'],
  METHOD_NOT_ALLOWED: [405, 'Method not allowed'],
  REQUEST_TIMEOUT: [408, 'The request took too long to arrive'],
  QUOTA_EXCEEDED: [409, 'There is no more room for your documents'],
  FLOW_EXPIRED: [410, 'The flow has expired'],
  PAYLOAD_TOO_LARGE: [413, 'The request body is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'The request body must be application/json'],
  RATE_LIMITED: [429, 'Too many requests'],
  HEADERS_TOO_LARGE: [431, 'The request headers are too large'],
  INTERNAL_ERROR: [500, 'Internal error'],
  UPSTREAM_ERROR: [502, 'The identity server gave an unusable answer'],
  UPSTREAM_UNAVAILABLE: [503, 'The identity server cannot be reached'],
  DATABASE_UNAVAILABLE: [503, 'The database cannot be used at the moment'],
  OVERLOADED: [503, 'The service is overloaded'],
  NOT_READY: [503, 'Not ready'],
  UPSTREAM_TIMEOUT: [504, 'The identity server did not answer in time'],
} as const satisfies Record<string, readonly [number, string]>

export type ErrorCode = keyof typeof ERRORS
export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[]

/** `path` is a JSON pointer; the rejected value is never echoed. */
export interface FieldError {
  path: string
  message: string
}

export interface ErrorExtras {
  /** Replaces the fixed text; only for words that Kratos' flow says to the user. */
  text?: string | undefined
  /** Stand at top level beside `error` and `code` (Kratos' `id`, `ui`, `use_flow_id`, …). */
  members?: Record<string, unknown> | undefined
  fields?: FieldError[] | undefined
  /** Whole seconds. */
  retryAfter?: number | undefined
  cause?: unknown
}

export interface ServiceError extends FastifyError {
  code: ErrorCode
  statusCode: number
  members?: Record<string, unknown> | undefined
  fields?: FieldError[] | undefined
  retryAfter?: number | undefined
  headers?: Record<string, string> | undefined
  /** A hook of a host app refused the request, whose words these are. */
  isOfHost?: boolean | undefined
}

// Without a stack: walking it takes an eighth of the time of a refusal, of which a flood wants many. What went wrong
// unexpectedly is their `cause`, with its own.
const constructors = Object.fromEntries(
  Object.entries(ERRORS).map(([code, [status, text]]) => [code, createError(code, text, status, Error, false)]),
) as Record<ErrorCode, ReturnType<typeof createError>>

/** Default of every 429 and 503. */
const RETRY_AFTER_SECONDS = 1

/** Ready to throw; the extras are its members, and 429 and 503 always carry `retryAfter`. */
export function serviceError (code: ErrorCode, extras: ErrorExtras = {}): ServiceError {
  const { text, members, fields, cause } = extras
  const error = new constructors[code]() as ServiceError
  if (text !== undefined) error.message = text
  if (cause !== undefined) error.cause = cause
  const isTemporary = error.statusCode === 503 || error.statusCode === 429
  const retryAfter = extras.retryAfter ?? (isTemporary ? RETRY_AFTER_SECONDS : undefined)
  // Fastify's own error handler, which a host app may have, sends the headers of an error.
  const headers = retryAfter === undefined ? undefined : { 'retry-after': String(retryAfter) }
  return Object.assign(error, { members, fields, retryAfter, ...(headers !== undefined && { headers }) })
}

export const errorStatus = (code: ErrorCode): number => ERRORS[code][0]
export const errorText = (code: ErrorCode): string => ERRORS[code][1]

/** Made by `serviceError`, so it may be shown to a client as it is. */
export function isServiceError (error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' &&
    Object.hasOwn(ERRORS, error.code) &&
    error instanceof constructors[error.code as ErrorCode]
}
