import type { KratosMetrics } from '../../http/kratos-metrics.js'

/**
 * What the service counts. Every label comes from a list of ours, a route template, a status class, an operation, an
 * event, never from a request: so no secret gets in, and no client can make new series. `record…` is called when
 * something happened; `track…` once, with a function that is asked at each collection.
 */
export interface Metrics extends KratosMetrics {
  /** An answer that was sent. @param route template; undefined: no route */
  recordRequest: (method: string, route: string | undefined, status: number, ms: number) => void
  /** A request whose client went away before the answer. */
  recordAbort: (method: string, route: string | undefined) => void
  /** A user's row that was made at first use, because the webhook never came (F12). */
  recordUserRow: () => void
}

const ignore = (): void => {}

/** Counts nothing: for a service without METRICS_TOKEN. */
export const NO_METRICS: Metrics = {
  recordRequest: ignore,
  recordAbort: ignore,
  recordCall: ignore,
  recordSecurityEvent: ignore,
  recordUserRow: ignore,
  recordWebhook: ignore,
  trackSessions: ignore,
  trackPools: ignore,
}
