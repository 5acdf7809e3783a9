import { Counter, Histogram, type Registry } from 'prom-client'
import type { Metrics } from './metrics.js'

/** Seconds: from a cached session to the longest deadline of a call to Kratos. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** No route answered: all paths that do not exist are one. */
const UNKNOWN_ROUTE = 'unknown'
const OTHER_METHOD = 'other'
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx']
const ABORTED = 'aborted'

/**
 * One line of the counter; its number is ours until it is collected, because prom-client looks its labels up at each
 * `inc`.
 */
interface Series {
  labels: { method: string, route: string, status_class: string }
  count: number
  observe: (seconds: number) => void
}

/**
 * Series by route, method and status class, made when first needed: a request finds its own without building labels.
 */
type ByRoute = Map<string | undefined, Map<string, Series[]>>

function getOrAdd<K, V> (map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

/** Counts and times the requests of one app. */
export function createRequestSeries (register: Registry): Pick<Metrics, 'recordRequest' | 'recordAbort'> {
  const all: Series[] = []
  const byRoute: ByRoute = new Map()

  // eslint-disable-next-line no-new
  new Counter({
    name: 'http_requests_total',
    help: 'Requests by route template and status class; aborted: the client went away before its answer',
    labelNames: ['method', 'route', 'status_class'],
    registers: [register],
    collect () {
      this.reset()
      for (const { labels, count } of all) this.inc(labels, count)
    },
  })
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request head to the end of the answer',
    labelNames: ['route', 'status_class'],
    buckets: DURATION_BUCKETS,
    registers: [register],
  })

  function addSeries (method: string, route: string | undefined, statusClass: string): Series {
    // Without a route the method is the client's own word.
    const labels = {
      method: METHODS.has(method) ? method : OTHER_METHOD,
      route: route ?? UNKNOWN_ROUTE,
      status_class: statusClass,
    }
    const series = { labels, count: 0, observe: duration.labels(labels.route, statusClass).observe }
    all.push(series)
    return series
  }

  function find (method: string, route: string | undefined, index: number, statusClass: string): Series {
    const byMethod = getOrAdd(byRoute, route, () => new Map<string, Series[]>())
    const classes = getOrAdd(byMethod, METHODS.has(method) ? method : OTHER_METHOD, (): Series[] => [])
    const series = classes[index] ?? addSeries(method, route, statusClass)
    classes[index] = series
    return series
  }

  return {
    recordRequest (method, route, status, ms) {
      const index = Math.trunc(status / 100)
      const series = find(method, route, index, STATUS_CLASSES[index - 1] ?? '5xx')
      series.count++
      series.observe(ms / 1000)
    },
    recordAbort (method, route) {
      find(method, route, 0, ABORTED).count++
    },
  }
}
