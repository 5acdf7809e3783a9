import type * as prometheus from 'prom-client'
import type { CallObserver } from '../kratos-client/observed-client.js'
import type { PoolTimes } from '../kratos-client/pools.js'
import type { Load } from '../kratos-client/transport.js'
import type { SessionCounters } from '../sessions/resolver.js'
import { WEBHOOK_OUTCOMES, type WebhookOutcome } from '../webhook/receiver.js'
import type { PromClient, PromRegistry } from './prom-client.js'
import { SECURITY_EVENTS, type SecurityEvent } from './security-event.js'

export interface KratosMetrics {
  recordCall: CallObserver
  recordTimes: PoolTimes
  recordSecurityEvent: (event: SecurityEvent) => void
  recordWebhook: (outcome: WebhookOutcome) => void
  trackSessions: (read: () => SessionCounters) => void
  /** Calls that hold a connection or wait for one, by pool. */
  trackPools: (read: () => Record<string, Load>) => void
  /** Takes the series out of the registry: tests and reloads start one app after the other in a process. */
  remove: () => void
}

/** Seconds: from a cached session to the longest deadline of a call to Kratos. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

type Client = Pick<typeof prometheus, 'Counter' | 'Gauge' | 'Histogram'>
type Registers = prometheus.Registry[]

function createCallSeries (
  { Gauge, Histogram }: Client,
  registers: Registers,
): Pick<KratosMetrics, 'recordCall' | 'recordTimes' | 'trackPools'> {
  const duration = new Histogram({
    name: 'kratos_call_duration_seconds',
    help: 'Calls to Kratos, waiting included, by operation and outcome: ok, refused, or the code of the failure',
    labelNames: ['operation', 'outcome'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  const timesOf = (name: string, help: string) =>
    new Histogram({ name, help, labelNames: ['pool'], buckets: DURATION_BUCKETS, registers })
  const wait = timesOf('kratos_wait_seconds', 'Time that calls waited for a connection to Kratos, by pool')
  const answer = timesOf('kratos_answer_seconds', 'Time that Kratos took, waiting not included, by pool')
  const trackLoad = (name: string, help: string, read: () => Record<string, Load>, member: keyof Load) =>
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
    recordTimes: (pool, waitMs, answerMs) => {
      wait.labels(pool).observe(waitMs / 1000)
      if (answerMs !== undefined) answer.labels(pool).observe(answerMs / 1000)
    },
    trackPools: (read) => {
      trackLoad('kratos_calls_in_flight', 'Calls that hold a connection to Kratos', read, 'inside')
      trackLoad('kratos_calls_waiting', 'Calls that wait for a connection to Kratos', read, 'waiting')
    },
  }
}

/** By its one label. Every series is there from the start, so that a first event shows as a rise. */
export function countBy<Value extends string> (
  counter: prometheus.Counter,
  values: readonly Value[],
): (value: Value) => void {
  for (const value of values) counter.labels(value).inc(0)
  return (value) => counter.labels(value).inc()
}

/** The resolver counts for itself; its totals are taken over at each collection. */
function createSessionSeries ({ Counter }: Client, registers: Registers): Pick<KratosMetrics, 'trackSessions'> {
  const trackTotals = (name: string, help: string, read: () => Record<string, number>) =>
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

function createEventSeries (
  { Counter }: Client,
  registers: Registers,
): Pick<KratosMetrics, 'recordSecurityEvent' | 'recordWebhook'> {
  return {
    recordSecurityEvent: countBy(new Counter({
      name: 'security_events_total',
      help: 'Security events by name; each has a line in the log',
      labelNames: ['event'],
      registers,
    }), SECURITY_EVENTS),
    recordWebhook: countBy(new Counter({
      name: 'webhook_deliveries_total',
      help: "Deliveries of Kratos' webhook by outcome",
      labelNames: ['outcome'],
      registers,
    }), WEBHOOK_OUTCOMES),
  }
}

/** @param client prom-client, which whoever wants metrics brings */
export function createKratosMetrics (client: PromClient, registry: PromRegistry): KratosMetrics {
  const names: string[] = []
  const registers = [{
    registerMetric: (metric: { name: string }) => {
      registry.registerMetric(metric as never)
      names.push(metric.name)
    },
  } as unknown as prometheus.Registry]
  const library = client as unknown as Client
  return {
    remove: () => names.forEach((name) => registry.removeSingleMetric(name)),
    ...createCallSeries(library, registers),
    ...createSessionSeries(library, registers),
    ...createEventSeries(library, registers),
  }
}
