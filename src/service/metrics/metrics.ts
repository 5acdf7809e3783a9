import type { UpstreamFailure } from '../../kratos-client/upstream-failure.js'
import type { SecurityEvent } from '../../http/security-event.js'

/** What became of a call to Kratos: it answered, it said no, or the code of the fault. */
export type UpstreamOutcome = 'ok' | 'refused' | UpstreamFailure['code']

/** How a delivery of Kratos' webhook ended: stored, turned away for its key or origin, not valid, or not stored. */
export type WebhookOutcome = 'accepted' | 'refused' | 'invalid' | 'failed'

/** Totals since the start. */
export interface SessionCounts {
  hits: number
  shared: number
  misses: number
  purges: number
}

/** Calls at this moment. */
export interface PoolState {
  inFlight: number
  waiting: number
}

/**
 * What the service counts. Every label comes from a list of ours, a route template, a status class, an operation, an
 * event, never from a request: so no secret gets in, and no client can make new series. `record…` is called when
 * something happened; `track…` once, with a function that is asked at each collection.
 */
export interface Metrics {
  /** An answer that was sent. @param route template; undefined: no route */
  recordRequest: (method: string, route: string | undefined, status: number, ms: number) => void
  /** A request whose client went away before the answer. */
  recordAbort: (method: string, route: string | undefined) => void
  /** A call to Kratos, waiting included. @param operation one of the client's, in snake case */
  recordUpstream: (operation: string, outcome: UpstreamOutcome, ms: number) => void
  recordSecurityEvent: (event: SecurityEvent) => void
  /** A user's row that was made at first use, because the webhook never came (F12). */
  recordUserRow: () => void
  recordWebhook: (outcome: WebhookOutcome) => void
  /** The session resolver's totals. */
  trackSessions: (read: () => SessionCounts) => void
  /** The gate in front of one pool of connections. @param name such as `whoami` */
  trackPool: (name: string, read: () => PoolState) => void
}

const ignore = (): void => {}

/** Counts nothing: for a service without METRICS_TOKEN. */
export const NO_METRICS: Metrics = {
  recordRequest: ignore,
  recordAbort: ignore,
  recordUpstream: ignore,
  recordSecurityEvent: ignore,
  recordUserRow: ignore,
  recordWebhook: ignore,
  trackSessions: ignore,
  trackPool: ignore,
}
