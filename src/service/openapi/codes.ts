import { ERROR_CODES, type ErrorCode, errorStatus } from '../../errors.js'

/** Of an operation, what decides which errors it can have. */
export interface Traits {
  operationId: string
  /** Names of its security schemes. */
  schemes: string[]
  hasBody: boolean
  hasInput: boolean
}

type Rule = (operation: Traits) => boolean

const named = (pattern: RegExp): Rule => ({ operationId }) => pattern.test(operationId)
const FLOW = /^(?:start|get|submit)\w+Flow$/
const wantsSession: Rule = ({ schemes }) => schemes.includes('sessionCookie')
const hasBody: Rule = (operation) => operation.hasBody
const usesDatabase = /Document$|Documents$|^receive|^deleteAccount$|^listEvents$|DeadLetters$/
/** Logout, health, metrics and the receivers are never refused for load. */
const isShed = /^(?!logout$|completeLogout$|getLogoutUrl$|is|receive|purge|getMetrics|listEvents|\w+DeadLetters)/
const never: Rule = () => false

/** Which operations an error can come from; what any request may meet (405, 408, 431, 500) is said once for all. */
const RAISED_BY: Record<ErrorCode, Rule> = {
  VALIDATION_ERROR: ({ hasInput }) => hasInput,
  FLOW_TYPE_MISMATCH: named(FLOW),
  INVALID_CREDENTIALS: named(/^submitLoginFlow$/),
  IDENTIFIER_TAKEN: named(/^submit(?:Registration|Settings)Flow$/),
  FLOW_REJECTED: named(FLOW),
  METHOD_NOT_OFFERED: named(/^submit\w+Flow$/),
  SESSION_ALREADY_AVAILABLE: named(/^(?:start|submit)(?:Login|Registration|Recovery)Flow$/),
  RETURN_TO_FORBIDDEN: named(/^start/),
  INVALID_SESSION: wantsSession,
  ACCOUNT_DISABLED: named(/^submitLoginFlow$/),
  INVALID_WEBHOOK_KEY: ({ schemes }) => schemes.includes('webhookKey'),
  INVALID_METRICS_TOKEN: ({ schemes }) => schemes.includes('metricsToken'),
  INVALID_OPERATOR_KEY: ({ schemes }) => schemes.includes('operatorKey'),
  ORIGIN_FORBIDDEN: named(/^(?:submit|exchange|completeLogout|logout|revoke|delete|create|change|receive|purge)/),
  CSRF_VIOLATION: named(/^(?:submit|get)\w+Flow$/),
  LOGOUT_TOKEN_INVALID: named(/^completeLogout$/),
  AAL2_REQUIRED: wantsSession,
  SESSION_REFRESH_REQUIRED: named(/^submitSettingsFlow$|^deleteAccount$/),
  ADDRESS_NOT_VERIFIED: wantsSession,
  FORBIDDEN: wantsSession,
  NOT_FOUND: named(/^(?:get|change|delete)Document$|^revokeSession$/),
  FLOW_NOT_FOUND: named(/^(?:get|submit)\w+Flow$|^exchangeToken$/),
  FLOW_DISABLED: named(FLOW),
  METHOD_NOT_ALLOWED: never,
  REQUEST_TIMEOUT: never,
  QUOTA_EXCEEDED: named(/^(?:create|change)Document$/),
  FLOW_EXPIRED: named(/^(?:get|submit)\w+Flow$|^exchangeToken$/),
  PAYLOAD_TOO_LARGE: hasBody,
  UNSUPPORTED_MEDIA_TYPE: hasBody,
  RATE_LIMITED: (operation) => wantsSession(operation) || /^(?:start|submit)/.test(operation.operationId),
  HEADERS_TOO_LARGE: never,
  INTERNAL_ERROR: never,
  UPSTREAM_ERROR: wantsSession,
  UPSTREAM_UNAVAILABLE: wantsSession,
  DATABASE_UNAVAILABLE: named(usesDatabase),
  OVERLOADED: named(isShed),
  NOT_READY: named(/^isReady$/),
  UPSTREAM_TIMEOUT: wantsSession,
}

export const codesAt = (status: string, operation: Traits): ErrorCode[] =>
  ERROR_CODES.filter((code) => String(errorStatus(code)) === status && RAISED_BY[code](operation))
