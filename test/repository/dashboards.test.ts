import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parse } from 'yaml'
import { build } from '../support/app.js'
import { ROOT } from '../support/process.js'

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

/** Words that PromQL itself has. */
const PROMQL = new Set([
  'sum', 'rate', 'by', 'max', 'count', 'increase', 'or', 'histogram_quantile', 'le', 'instance', '__rate_interval', 'm', 'h', 'e9',
])
/** The names in an expression that are no label of a selector or a grouping, and those that are. */
function namesIn (expression: string): { metrics: string[], labels: string[] } {
  const bare = expression.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, '')
  const groups = [...bare.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(',').map((label) => label.trim()))
  const matchers = [...bare.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) => [...list.matchAll(/(\w+)\s*(?:=|!)/g)].map(([, label = '']) => label))
  const rest = bare.replaceAll(/\bby \([^)]*\)/g, '').replaceAll(/\{[^}]*\}/g, '')
  const metrics = [...rest.matchAll(/[a-z_]\w*/g)].map(([name]) => name).filter((name) => !PROMQL.has(name))
  return { metrics, labels: [...groups, ...matchers].filter((label) => !['le', 'instance'].includes(label)) }
}

export default async function (t: Test): Promise<void> {
  t.test('dashboard and alerts', async (t) => {
    const known = await published(t)
    const problemsOf = (expression: string): string[] => {
      const { metrics, labels } = namesIn(expression)
      const all = new Set(metrics.flatMap((name) => [...known.get(name) ?? []]))
      return [
        ...metrics.filter((name) => !known.has(name)).map((name) => `no metric ${name}`),
        ...labels.filter((label) => !all.has(label)).map((label) => `no label ${label} in ${metrics.join()}`),
        ...(metrics.length === 0 ? ['no metric at all'] : []),
      ]
    }

    await t.test('name metrics and labels that /metrics has', async (t) => {
      const { panels } = JSON.parse(text('grafana-dashboard.json')) as { panels: Array<{ title: string, targets: Array<{ expr: string }> }> }
      const { groups: [group] } = parse(text('alerts.yml')) as { groups: Array<{ rules: Array<{ alert: string, expr: string }> }> }
      t.equal(group?.rules.length, 5)
      t.ok(panels.length > 10)
      for (const { title, targets } of panels) t.same(targets.flatMap(({ expr }) => problemsOf(expr)), [], title)
      for (const { alert, expr } of group?.rules ?? []) t.same(problemsOf(expr), [], alert)
    })

    await t.test('and a wrong name would be found', async (t) => {
      t.same(problemsOf('rate(http_request_total[5m])'), ['no metric http_request_total'])
      t.same(problemsOf('sum by (path) (http_requests_total{code="x"})'), ['no label path in http_requests_total', 'no label code in http_requests_total'])
    })
  })
}
