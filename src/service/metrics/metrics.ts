import type { Part } from '../../config-schema.js'
import type { KratosMetrics } from '../../http/kratos-metrics.js'

/**
 * Every label comes from a list of ours: no secret gets in, no client makes new series. `track…` is called once, with a
 * function that is asked at each collection.
 */
export interface Metrics extends KratosMetrics {
  /** @param route template; undefined: no route */
  recordRequest: (method: string, route: string | undefined, status: number, ms: number) => void
  recordAbort: (method: string, route: string | undefined) => void
  /** A user's row that was made at first use, because the webhook never came (F12). */
  recordUserRow: () => void
  /** All that cannot be used from now on, as `/health/ready` sees it. */
  recordDegraded: (parts: readonly Part[]) => void
}

const ignore = (): void => {}

export const NO_METRICS: Metrics = {
  recordRequest: ignore,
  recordAbort: ignore,
  recordCall: ignore,
  recordSecurityEvent: ignore,
  recordUserRow: ignore,
  recordWebhook: ignore,
  recordDegraded: ignore,
  trackSessions: ignore,
  trackPools: ignore,
}
