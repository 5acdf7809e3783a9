import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { SECURITY_EVENTS } from '../../http/security-event.js'
import type { Load } from '../../kratos-client/transport.js'
import type { SessionCounters } from '../../sessions/resolver.js'
import type { Metrics } from './metrics.js'

export interface PrometheusMetrics extends Metrics {
  /** Media type of `text`. */
  contentType: string
  /** Everything that was counted, in Prometheus' text format. */
  text: () => Promise<string>
}

/** Seconds: from a cached session to the longest deadline of a call to Kratos. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** No route answered: all paths that do not exist are one. */
const UNKNOWN_ROUTE = 'unknown'
/** Without a route the method is the client's own word. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const methodLabel = (method: string): string => METHODS.has(method) ? method : 'other'

function createRequestSeries (registers: Registry[]): Pick<Metrics, 'recordRequest' | 'recordAbort'> {
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests by route template and status class; aborted: the client went away before its answer',
    labelNames: ['method', 'route', 'status_class'],
    registers,
  })
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request head to the end of the answer',
    labelNames: ['route', 'status_class'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  return {
    recordRequest: (method, route = UNKNOWN_ROUTE, status, ms) => {
      const statusClass = `${Math.trunc(status / 100)}xx`
      requests.labels(methodLabel(method), route, statusClass).inc()
      duration.labels(route, statusClass).observe(ms / 1000)
    },
    recordAbort: (method, route = UNKNOWN_ROUTE) => requests.labels(methodLabel(method), route, 'aborted').inc(),
  }
}

function createCallSeries (registers: Registry[]): Pick<Metrics, 'recordCall' | 'trackPools'> {
  const duration = new Histogram({
    name: 'kratos_call_duration_seconds',
    help: 'Calls to Kratos, waiting included, by operation and outcome: ok, refused, or the code of the failure',
    labelNames: ['operation', 'outcome'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  const trackLoad = (name: string, help: string, read: () => Record<string, Load>, member: keyof Load): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['pool'],
      registers,
      collect () {
        for (const [pool, load] of Object.entries(read())) this.set({ pool }, load[member])
      },
    })
  return {
    recordCall: (operation, outcome, ms) => duration.labels(operation, outcome).observe(ms / 1000),
    trackPools: (read) => {
      trackLoad('kratos_calls_in_flight', 'Calls that hold a connection to Kratos', read, 'inside')
      trackLoad('kratos_calls_waiting', 'Calls that wait for a connection to Kratos', read, 'waiting')
    },
  }
}

/** The resolver counts for itself; what it says is taken over at each collection. */
function createSessionSeries (registers: Registry[]): Pick<Metrics, 'trackSessions'> {
  const trackTotals = (name: string, help: string, read: () => Record<string, number>): Counter =>
    new Counter({
      name,
      help,
      labelNames: ['result'],
      registers,
      collect () {
        this.reset()
        for (const [result, count] of Object.entries(read())) this.inc({ result }, count)
      },
    })
  const lookUps = ({ hits, shared, misses }: SessionCounters) => ({ hit: hits, shared, miss: misses })
  return {
    trackSessions: (read) => {
      trackTotals(
        'session_lookups_total',
        'Sessions from the cache, shared with a call in flight, or asked for at Kratos',
        () => lookUps(read()),
      )
      trackTotals(
        'session_purges_total',
        'Sessions that were taken out of the cache before their time',
        () => ({ purged: read().purges }),
      )
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
    ...createRequestSeries([register]),
    ...createCallSeries([register]),
    ...createSessionSeries([register]),
    ...createEventSeries([register]),
    contentType: register.contentType,
    text: () => register.metrics(),
  }
}
