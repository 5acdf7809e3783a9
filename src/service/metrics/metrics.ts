import type { Part } from '../../config-schema.js'
import type { ErrorCode } from '../../errors.js'
import type { KratosMetrics } from '../../http/kratos-metrics.js'
import type { ShedClass } from '../../shed-class.js'
import type { PoolLoad, QueryListener } from '../store/driver.js'

/**
 * Every label comes from a list of ours: no secret gets in, no client makes new series. `track…` is called once, with a
 * function that is asked at each collection.
 */
export interface Metrics extends KratosMetrics {
  /** @param route template; undefined: no route */
  recordRequest: (method: string, route: string | undefined, status: number, ms: number) => void
  /** An answer in the envelope, by its code. */
  recordError: (code: ErrorCode) => void
  /** A request that was refused for load, by what is given up together. */
  recordShed: (shedClass: ShedClass) => void
  /** A connection over the limit. */
  recordDrop: () => void
  recordStatement: QueryListener
  trackDatabase: (read: () => PoolLoad) => void
  /** Whether this process is connected to the bus, and how long ago it last heard the replica that it hears least. */
  trackBus: (read: () => { isConnected: boolean, silenceMs: number | undefined }) => void
  /** Whether this process keeps login budgets of its own, because the shared ones are away. */
  recordLocalBudgets: (isLocal: boolean) => void
  /** Events that nobody will ever read. */
  recordLostEvents: (count: number) => void
  /** What one subscriber has not got yet: how long ago the oldest happened, and how many are tried no more. */
  recordSubscriber: (name: string, state: { ageMs: number, dead: number }) => void
  recordAbort: (method: string, route: string | undefined) => void
  /** A user's row that was made at first use, because the webhook never came (F12). */
  recordUserRow: () => void
  /** All that cannot be used from now on, as `/health/ready` sees it. */
  recordDegraded: (parts: readonly Part[]) => void
}

const ignore = (): void => {}

export const NO_METRICS: Metrics = {
  recordRequest: ignore,
  recordError: ignore,
  recordShed: ignore,
  recordDrop: ignore,
  recordStatement: ignore,
  recordLocalBudgets: ignore,
  recordTimes: ignore,
  trackBus: ignore,
  trackDatabase: ignore,
  recordLostEvents: ignore,
  recordSubscriber: ignore,
  recordAbort: ignore,
  recordCall: ignore,
  recordSecurityEvent: ignore,
  recordUserRow: ignore,
  recordWebhook: ignore,
  recordDegraded: ignore,
  trackSessions: ignore,
  trackPools: ignore,
  remove: ignore,
}
