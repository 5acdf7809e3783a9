import type { ErrorCode } from '../errors.js'
import { isTlsCode } from './tls-codes.js'

/** Kratos is ill, or we are too busy to ask it: nothing is known about the session, never to be read as logged out. */
export interface UpstreamFailure {
  kind: 'unavailable'
  code: Extract<
    ErrorCode,
    'UPSTREAM_ERROR' | 'UPSTREAM_UNAVAILABLE' | 'UPSTREAM_TIMEOUT' | 'OVERLOADED' | 'RATE_LIMITED'
  >
  /** Seconds. */
  retryAfter?: number | undefined
  cause?: unknown
  /** The failure is this client's alone: others who wait for the same answer ask for themselves. */
  isAboutClient?: boolean | undefined
  setCookie: string[]
}

export const upstreamFailure = (
  code: UpstreamFailure['code'],
  cause?: unknown,
  rest: { retryAfter?: number | undefined, setCookie?: string[] } = {},
): UpstreamFailure => ({
  kind: 'unavailable',
  code,
  cause,
  retryAfter: rest.retryAfter,
  setCookie: rest.setCookie ?? [],
})

/** Certificate and handshake failures count too (J01, J03, J21). */
const CANNOT_CONNECT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'ENOENT',
  'EMFILE',
  'ENFILE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])
const TIMED_OUT = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** Where several addresses were tried Node reports an AggregateError, whose members carry the codes. */
const errorCodes = (
  error: unknown,
): string[] => [errorCode(error), ...(error instanceof AggregateError ? error.errors.map(errorCode) : [])]

/**
 * Anything unknown is a bad answer, never a missing session. @param isSent the connection was there and the call on its
 * way: Kratos may have done what was asked, whatever broke then (a time out and TLS can break a connection later too)
 */
export function failureOfException (error: unknown, { isSent = false } = {}): UpstreamFailure {
  const codes = errorCodes(error)
  const isUnconnected = !isSent && codes.some((code) => CANNOT_CONNECT.has(code) || isTlsCode(code))
  if (isUnconnected) return upstreamFailure('UPSTREAM_UNAVAILABLE', error)
  return upstreamFailure(codes.some((code) => TIMED_OUT.has(code)) ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_ERROR', error)
}

/** Kratos closed the socket while it was idle: nothing reached it, so a GET may be sent once more (J06). */
export const isBrokenIdleSocket = (error: unknown): boolean =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(errorCode(error))
