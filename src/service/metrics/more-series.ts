import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { ERROR_CODES } from '../../errors.js'
import { countBy, DURATION_BUCKETS } from '../../http/kratos-metrics.js'
import { SHED_AT } from '../pressure.js'
import type { ShedClass } from '../../shed-class.js'
import { API_VERSION } from '../openapi/document.js'
import type { PoolLoad } from '../store/driver.js'
import type { Metrics } from './metrics.js'

/** What was refused, and why. */
export function createRefusalSeries (
  registers: Registry[],
): Pick<Metrics, 'recordError' | 'recordShed' | 'recordDrop' | 'recordLocalBudgets'> {
  const errors = new Counter({
    name: 'http_errors_total',
    help: 'Answers that are no success, by their code',
    labelNames: ['code'],
    registers,
  })
  const shed = new Counter({
    name: 'requests_shed_total',
    help: 'Requests that were refused for load, by what is given up together',
    labelNames: ['class'],
    registers,
  })
  const dropped = new Counter({
    name: 'connections_dropped_total',
    help: 'Connections over the limit, closed without an answer',
    registers,
  })
  const local = new Gauge({
    name: 'login_budgets_local',
    help: '1 while this process keeps login budgets of its own, because the shared ones cannot be used',
    registers,
  })
  return {
    recordError: countBy(errors, ERROR_CODES),
    recordShed: countBy(shed, Object.keys(SHED_AT) as ShedClass[]),
    recordDrop: () => dropped.inc(),
    recordLocalBudgets: (isLocal) => local.set(isLocal ? 1 : 0),
  }
}

const KINDS = new Set(['select', 'insert', 'update', 'delete'])
/** The first word: whole statements would be a series for each. */
function kindOf (sql: string): string {
  const word = sql.slice(0, sql.indexOf(' ')).toLowerCase()
  return KINDS.has(word) ? word : 'other'
}

const STATES: Array<keyof PoolLoad> = ['total', 'idle', 'waiting']

export function createDatabaseSeries (registers: Registry[]): Pick<Metrics, 'recordStatement' | 'trackDatabase'> {
  const duration = new Histogram({
    name: 'database_statement_duration_seconds',
    help: 'Statements by their first word and outcome, waiting for a connection not included',
    labelNames: ['kind', 'outcome'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  return {
    recordStatement: ({ sql, durationMs, isFailed }) =>
      duration.labels(kindOf(sql), isFailed ? 'failed' : 'ok').observe(durationMs / 1000),
    trackDatabase: (read) => {
      const gauge = new Gauge({
        name: 'database_pool_connections',
        help: 'Connections to Postgres: total and idle, and calls that wait for one',
        labelNames: ['state'],
        registers,
        collect: () => {
          const load = read()
          for (const state of STATES) gauge.set({ state }, load[state])
        },
      })
    },
  }
}

/** Which program this is: 1 with its versions as labels. */
export function createBuildSeries (registers: Registry[]): void {
  const info = new Gauge({ name: 'build_info', help: 'Version of the service and of Node', labelNames: ['version', 'node'], registers })
  info.set({ version: API_VERSION, node: process.version }, 1)
}
