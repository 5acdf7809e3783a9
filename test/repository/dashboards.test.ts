import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parser } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import { SHED_AT } from '../../src/service/pressure.js'
import { build } from '../support/app.js'
import { ROOT } from '../support/process.js'
import { evaluate } from '../support/promql.js'

const TOKEN = 'a-metrics-token-of-the-test-suite-0003'
const text = (file: string): string => readFileSync(join(ROOT, 'examples/deploy', file), 'utf8')

/** Names and labels of every metric that the service has, from a service that was used. */
async function published (t: Test): Promise<Map<string, Set<string>>> {
  const { app } = await build(t, { METRICS_TOKEN: TOKEN })
  app.metrics.recordTimes('whoami', 1, 1)
  app.metrics.recordCall('whoami', 'ok', 1)
  app.metrics.recordStatement({ sql: 'select 1', durationMs: 1, isFailed: false })
  app.metrics.trackDatabase(() => ({ total: 0, idle: 0, waiting: 0 }))
  app.metrics.trackBus(() => ({ isConnected: true, silenceMs: 0 }))
  app.metrics.recordSubscriber('mail', { ageMs: 0, dead: 0 })
  await app.inject('/nope')
  const { body } = await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${TOKEN}` } })
  const all = new Map<string, Set<string>>()
  for (const [, name = '', labels = ''] of body.matchAll(/^(\w+)(?:\{([^}]*)\})? /gm)) {
    const known = all.get(name) ?? new Set()
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
    all.set(name, known)
  }
  return all
}

/** Labels that Prometheus adds, or that the buckets of a histogram have. */
const OWN_LABELS = new Set(['le', 'instance'])

/** What PromQL's own grammar finds in an expression. Grafana's interval is a duration when Prometheus reads it. */
function namesIn (expression: string): { metrics: string[], labels: string[], isWhole: boolean } {
  const query = expression.replaceAll('$__rate_interval', '5m')
  const found: Record<string, string[]> = {}
  let isWhole = true
  parser.parse(query).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) isWhole = false
      found[type.name] = [...found[type.name] ?? [], query.slice(from, to)]
    },
  })
  const labels = (found['LabelName'] ?? []).filter((label) => !OWN_LABELS.has(label))
  return { metrics: found['Identifier'] ?? [], labels, isWhole }
}

interface Rule { alert: string, expr: string }
const rules = (): Rule[] => (parse(text('alerts.yml')) as { groups: Array<{ rules: Rule[] }> }).groups.flatMap(({ rules }) => rules)

type App = Awaited<ReturnType<typeof build>>['app']
const token = `ory_st_${'a'.repeat(32)}`
const login = {
  method: 'POST',
  url: '/api/auth/flows/login',
  payload: { flow_id: '4fb3f2ee-1f3e-4b1a-9d5c-1f2e3d4c5b6a', identifier: 'ann@example.org', password: 'x' },
} as const

/** What each alert is for, done to a service; a range of a minute is looked at. */
const FAULTS: Record<string, { env?: Record<string, string>, times: number, fault: (app: App) => Promise<unknown> }> = {
  KratosFails: { times: 3, fault: (app) => app.inject({ url: '/api/auth/whoami', headers: { 'x-session-token': token } }) },
  DatabaseCannotBeUsed: { times: 1, env: { DATABASE_URL: 'postgres://nobody:x@127.0.0.1:9/x' }, fault: (app) => app.inject('/health/ready') },
  ServiceIsOverloaded: {
    times: 70,
    fault: async (app) => app.metrics.recordShed(Object.keys(SHED_AT)[0] as keyof typeof SHED_AT),
  },
  WebhookDoesNotArrive: { times: 6, fault: (app) => app.inject({ method: 'POST', url: '/internal/auth/user-created', payload: {}, headers: { 'x-webhook-key': 'wrong' } }) },
  LoginsAreGuessed: { times: 70, env: { LOGIN_LIMIT_PER_ADDRESS: '1' }, fault: (app) => app.inject(login) },
}

export default async function (t: Test): Promise<void> {
  t.test('dashboard and alerts', async (t) => {
    const known = await published(t)
    const problemsOf = (expression: string): string[] => {
      const { metrics, labels, isWhole } = namesIn(expression)
      const all = new Set(metrics.flatMap((name) => [...known.get(name) ?? []]))
      return [
        ...metrics.filter((name) => !known.has(name)).map((name) => `no metric ${name}`),
        ...labels.filter((label) => !all.has(label)).map((label) => `no label ${label} in ${metrics.join()}`),
        ...(metrics.length === 0 ? ['no metric at all'] : []),
        ...(isWhole ? [] : [`no PromQL: ${expression}`]),
      ]
    }

    await t.test('name metrics and labels that /metrics has', async (t) => {
      const { panels } = JSON.parse(text('grafana-dashboard.json')) as { panels: Array<{ title: string, targets: Array<{ expr: string }> }> }
      t.equal(rules().length, 5)
      t.ok(panels.length > 10)
      for (const { title, targets } of panels) t.same(targets.flatMap(({ expr }) => problemsOf(expr)), [], title)
      for (const { alert, expr } of rules()) t.same(problemsOf(expr), [], alert)
    })

    await t.test('and a wrong name, or what is no PromQL, would be found', async (t) => {
      t.same(problemsOf('sum(rate(http_requests_total[5m])'), ['no PromQL: sum(rate(http_requests_total[5m])'])
      t.same(problemsOf('max of (bus_connected)').at(-1), 'no PromQL: max of (bus_connected)')
      t.same(problemsOf('rate(http_request_total[5m])'), ['no metric http_request_total'])
      t.same(problemsOf('sum by (path) (http_requests_total{code="x"})'), ['no label path in http_requests_total', 'no label code in http_requests_total'])
    })

    await t.test('an alert fires on the fault that it names, and not before', async (t) => {
      for (const { alert, expr } of rules()) {
        const { env = {}, times, fault } = FAULTS[alert] as typeof FAULTS[string]
        const { app } = await build(t, { METRICS_TOKEN: TOKEN, ...env })
        const scrape = async (): Promise<string> =>
          (await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${TOKEN}` } })).body
        const fires = (before: string, after: string): boolean =>
          evaluate(expr, { before, after, seconds: 60 }).size > 0
        const fresh = await scrape()
        t.notOk(fires(fresh, fresh), `${alert}: not of a service that has just started`)
        // A rise is seen of what was there before.
        await fault(app)
        const before = await scrape()
        for (let count = 0; count < times; count++) await fault(app)
        t.ok(fires(before, await scrape()), alert)
      }
    })
  })
}
