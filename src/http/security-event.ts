import type { FastifyInstance, FastifyRequest } from 'fastify'
import { logCounted } from './log-limits.js'

/** Everything an operator may want to be told of (H08): one log record each, and one count. */
export const SECURITY_EVENTS = [
  'login_succeeded',
  'login_failed',
  'logged_out',
  'access_denied',
  'rate_limited',
  'webhook_refused',
  'metrics_refused',
  'operator_refused',
  'origin_refused',
  'two_session_cookies',
  'account_deleted',
  'upstream_tls_failure',
] as const
export type SecurityEvent = typeof SECURITY_EVENTS[number]

/** Every day's business; the rest is logged as a warning. */
const ROUTINE = new Set<SecurityEvent>([
  'login_succeeded',
  'login_failed',
  'logged_out',
  'access_denied',
  'account_deleted',
])

/** What a client can cause at will: one line a second of one kind and one address, with a count. */
const REFUSALS = new Set<SecurityEvent>([
  'access_denied',
  'rate_limited',
  'webhook_refused',
  'metrics_refused',
  'operator_refused',
  'origin_refused',
  'two_session_cookies',
])

const LISTENER = Symbol('security event listener')
interface Listening {
  [LISTENER]?: (event: SecurityEvent) => void
}

/** One listener per app. */
export function onSecurityEvent (app: FastifyInstance, listener: (event: SecurityEvent) => void): void {
  app.decorate(LISTENER, listener)
}

/** @param details further members of the record: words of ours, or a client's cut short; never a secret */
export function logSecurityEvent (
  request: FastifyRequest,
  event: SecurityEvent,
  details: Record<string, string | undefined>,
  text: string,
): void {
  const { log } = request
  const level = ROUTINE.has(event) ? 'info' : 'warn'
  const kind = [event, details['code'], details['budget'], request.method, request.routeOptions.url].join()
  if (!REFUSALS.has(event)) log[level]({ event, ...details }, text)
  else logCounted(request, kind, (count) => log[level]({ event, ...details, ...count }, text))
  const { [LISTENER]: listener } = request.server as Listening
  listener?.(event)
}
