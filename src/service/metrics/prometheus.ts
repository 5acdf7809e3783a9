import client, { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type Part, PARTS } from '../../config-schema.js'
import { createKratosMetrics, DURATION_BUCKETS } from '../../http/kratos-metrics.js'
import { createEventSeries } from './event-series.js'
import { createBuildSeries, createDatabaseSeries, createRefusalSeries } from './more-series.js'
import type { Metrics } from './metrics.js'

export interface PrometheusMetrics extends Metrics {
  contentType: string
  text: () => Promise<string>
}

/** All paths that do not exist are one. */
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
    labelNames: ['method', 'route', 'status_class'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  return {
    recordRequest: (method, route = UNKNOWN_ROUTE, status, ms) => {
      const statusClass = `${Math.trunc(status / 100)}xx`
      requests.labels(methodLabel(method), route, statusClass).inc()
      duration.labels(methodLabel(method), route, statusClass).observe(ms / 1000)
    },
    recordAbort: (method, route = UNKNOWN_ROUTE) => requests.labels(methodLabel(method), route, 'aborted').inc(),
  }
}

function createRowSeries (registers: Registry[]): Pick<Metrics, 'recordUserRow'> {
  const rows = new Counter({
    name: 'user_rows_created_total',
    help: 'Users whose row was made at first use, because the webhook never came',
    registers,
  })
  return { recordUserRow: () => rows.inc() }
}

function createPartSeries (registers: Registry[]): Pick<Metrics, 'recordDegraded'> {
  const gauge = new Gauge({
    name: 'part_degraded',
    help: '1 while a part cannot be used, as /health/ready sees it',
    labelNames: ['part'],
    registers,
  })
  const record = (parts: readonly Part[]): void =>
    PARTS.forEach((part) => gauge.set({ part }, parts.includes(part) ? 1 : 0))
  record([])
  return { recordDegraded: record }
}

/** In a registry of their own, so that two apps in a process count apart; the figures of the process are in both. */
export function createPrometheusMetrics (): PrometheusMetrics {
  const register = new Registry()
  collectDefaultMetrics({ register })
  createBuildSeries([register])
  return {
    ...createRequestSeries([register]),
    ...createRefusalSeries([register]),
    ...createDatabaseSeries([register]),
    ...createKratosMetrics(client, register),
    ...createRowSeries([register]),
    ...createPartSeries([register]),
    ...createEventSeries([register]),
    contentType: register.contentType,
    text: () => register.metrics(),
  }
}
