import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { SECURITY_EVENTS } from '../../http/security-event.js'
import type { PoolState, Metrics, SessionCounts } from './metrics.js'
import { createRequestSeries, DURATION_BUCKETS } from './request-series.js'

export interface PrometheusMetrics extends Metrics {
  /** Media type of `text`. */
  contentType: string
  /** Everything that was counted, in Prometheus' text format. */
  text: () => Promise<string>
}

function createUpstreamSeries (registers: Registry[]): Pick<Metrics, 'recordUpstream' | 'trackPool' | 'trackSessions'> {
  const pools = new Map<string, () => PoolState>()
  const sessions: Array<() => SessionCounts> = []
  const duration = new Histogram({
    name: 'kratos_call_duration_seconds',
    help: 'Calls to Kratos, waiting included, by operation and outcome: ok, refused, or the code of the fault',
    labelNames: ['operation', 'outcome'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  const gauge = (name: string, help: string, read: (state: PoolState) => number): void => {
    // eslint-disable-next-line no-new
    new Gauge({
      name,
      help,
      labelNames: ['pool'],
      registers,
      collect () {
        for (const [pool, state] of pools) this.set({ pool }, read(state()))
      },
    })
  }
  gauge('kratos_calls_in_flight', 'Calls that hold a connection to Kratos', ({ inFlight }) => inFlight)
  gauge('kratos_calls_waiting', 'Calls that wait for a connection to Kratos', ({ waiting }) => waiting)

  // The resolver counts for itself; what it says is taken over at each collection.
  const counter = (name: string, help: string, read: (counts: SessionCounts) => Record<string, number>): void => {
    // eslint-disable-next-line no-new
    new Counter({
      name,
      help,
      labelNames: ['result'],
      registers,
      collect () {
        this.reset()
        for (const counts of sessions) {
          for (const [result, count] of Object.entries(read(counts()))) this.inc({ result }, count)
        }
      },
    })
  }
  counter(
    'session_lookups_total',
    'Sessions from the cache, shared with a call in flight, or asked for at Kratos',
    ({ hits, shared, misses }) => ({ hit: hits, shared, miss: misses }),
  )
  counter(
    'session_purges_total',
    'Sessions that were taken out of the cache before their time',
    ({ purges }) => ({ purged: purges }),
  )

  return {
    recordUpstream: (operation, outcome, ms) => duration.labels(operation, outcome).observe(ms / 1000),
    trackPool: (name, read) => {
      pools.set(name, read)
    },
    trackSessions: (read) => {
      sessions.push(read)
    },
  }
}

/** Counters by event; every series is there from the start, so that a first event shows as a rise. */
function createEventSeries (
  registers: Registry[],
): Pick<Metrics, 'recordSecurityEvent' | 'recordUserRow' | 'recordWebhook'> {
  const events = new Counter({
    name: 'security_events_total',
    help: 'Security events by name; each has a line in the log',
    labelNames: ['event'],
    registers,
  })
  for (const event of SECURITY_EVENTS) events.inc({ event }, 0)
  const rows = new Counter({
    name: 'user_rows_created_total',
    help: 'Users whose row was made at first use, because the webhook never came',
    registers,
  })
  const deliveries = new Counter({
    name: 'webhook_deliveries_total',
    help: "Deliveries of Kratos' webhook by outcome",
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of ['accepted', 'refused', 'invalid', 'failed']) deliveries.inc({ outcome }, 0)
  return {
    recordSecurityEvent: (event) => events.inc({ event }),
    recordUserRow: () => rows.inc(),
    recordWebhook: (outcome) => deliveries.inc({ outcome }),
  }
}

/**
 * Metrics in a registry of their own, so that two apps in a process count apart; the figures of the process are in
 * both.
 */
export function createPrometheusMetrics (): PrometheusMetrics {
  const register = new Registry()
  collectDefaultMetrics({ register })
  return {
    ...createRequestSeries(register),
    ...createUpstreamSeries([register]),
    ...createEventSeries([register]),
    contentType: register.contentType,
    text: () => register.metrics(),
  }
}
