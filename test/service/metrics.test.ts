import { connect, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { StoreUnavailableError } from '../../src/service/store/errors.js'
import { build, FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import { answer, hang, type Reaction, startFaultServer } from '../support/fault-server.js'
import { BROKEN, ID, SESSION } from '../support/faults.js'
import { refused } from '../support/raw-http.js'
import { holdTimers } from '../support/time.js'
import { until } from '../support/until.js'

const METRICS_TOKEN = 'a-metrics-token-of-the-test-suite-0001'
const cookie = `ory_kratos_session=ory_st_${'a1B2'.repeat(8)}`

async function setUp (t: Test, reaction: Reaction = answer(200, SESSION), env: Record<string, string> = {}) {
  const kratos = await startFaultServer(t, reaction)
  return {
    kratos,
    ...await build(t, { KRATOS_PUBLIC_URL: kratos.url, METRICS_TOKEN, ...env }),
  }
}

const collect = (app: FastifyInstance, authorization = `Bearer ${METRICS_TOKEN}`) =>
  app.inject({ url: '/metrics', headers: { authorization } })
/** Samples as `name{labels}` with their values. */
const samples = async (app: FastifyInstance): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await collect(app)).body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((
      line,
    ) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
const requests = (method: string, route: string, statusClass: string): string =>
  `http_requests_total{method="${method}",route="${route}",status_class="${statusClass}"}`

export default async function (t: Test): Promise<void> {
  t.test('GET /metrics', async (t) => {
    t.test('does not exist without METRICS_TOKEN, and nothing is counted', async (t) => {
      const { app } = await build(t)
      const { statusCode, headers, body } = await collect(app)
      refused(t, { status: statusCode, headers, body }, 404, 'NOT_FOUND', 'with the token of another service')
      t.equal(app.metrics.text, undefined)
    })

    t.test('is for the holder of the token alone', async (t) => {
      const { app, logs } = await setUp(t)
      holdTimers(t)
      const wrong = [
        '',
        METRICS_TOKEN,
        'Bearer',
        'Bearer ',
        `Bearer ${METRICS_TOKEN}x`,
        `Bearer ${METRICS_TOKEN.slice(0, -1)}`,
        `Bearer  ${METRICS_TOKEN}`,
        `Bearer ${METRICS_TOKEN.toUpperCase()}`,
        `Basic ${METRICS_TOKEN}`,
        `Bearer ${WEBHOOK_KEY}`,
        `Bearer ${METRICS_TOKEN}, Bearer ${METRICS_TOKEN}`,
      ]
      for (const authorization of wrong) {
        const { statusCode, headers, body } = await collect(app, authorization)
        refused(t, { status: statusCode, headers, body }, 401, 'INVALID_METRICS_TOKEN', authorization)
      }
      t.equal(logs().filter((line) => line.includes('"event":"metrics_refused"')).length, 1, 'one line a second')
      t.notOk(logs().join('').includes(METRICS_TOKEN))
      const good = await collect(app, `bearer ${METRICS_TOKEN}`)
      t.match(good, {
        statusCode: 200,
        headers: { 'content-type': /^text\/plain; version=0\.0\.4/, 'cache-control': 'no-store' },
      })
      t.equal(
        (await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${METRICS_TOKEN}`, origin: FRONTEND } }))
          .headers['access-control-allow-origin'],
        undefined,
      )
    })

    t.test('tells of the process', async (t) => {
      const { app } = await setUp(t)
      const found = await samples(app)
      for (
        const name of [
          'nodejs_eventloop_lag_seconds',
          'process_resident_memory_bytes',
          'nodejs_active_handles_total',
          'process_cpu_seconds_total',
        ]
      ) t.type(found[name], 'number', name)
    })

    t.test('counts requests by method, route template and status class, and times them', async (t) => {
      const { app } = await setUp(t)
      for (
        const url of [
          '/api/auth/whoami?x=1',
          '/api/auth/who%61mi',
          `/api/documents/${ID}`,
          '/api/documents/x',
          '/nope',
          '/a/b/c',
          '/health/alive',
        ]
      ) await app.inject({ url, headers: { cookie } })
      await app.inject({ method: 'PUT', url: '/api/auth/whoami' })
      await app.inject({ method: 'PROPFIND' as 'GET', url: '/nope' })
      const found = await samples(app)
      t.match(found, {
        [requests('GET', '/api/auth/whoami', '2xx')]: 2,
        [requests('GET', '/api/documents/:id', '4xx')]: 2,
        [requests('GET', 'unknown', '4xx')]: 2,
        [requests('PUT', '/api/auth/whoami', '4xx')]: 1,
        [requests('other', 'unknown', '4xx')]: 1,
        'http_request_duration_seconds_count{method="GET",route="/api/auth/whoami",status_class="2xx"}': 2,
        'http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/api/auth/whoami",status_class="2xx"}': 2,
      })
      t.ok((found['http_request_duration_seconds_sum{method="GET",route="/api/auth/whoami",status_class="2xx"}'] ?? 0) > 0)
      t.equal((await samples(app))[requests('GET', '/metrics', '2xx')], 1, 'a collection counts itself in the next one')
    })

    t.test('counts a database that is away by the code of its answer', async (t) => {
      const { app } = await setUp(t)
      app.store.documents.list = async () => {
        throw new StoreUnavailableError('away')
      }
      const { code } = (await app.inject({ url: '/api/documents', headers: { cookie } })).json<{ code: string }>()
      t.equal(code, 'DATABASE_UNAVAILABLE')
      t.equal((await samples(app))['http_errors_total{code="DATABASE_UNAVAILABLE"}'], 1)
    })

    t.test('counts a client that went away as aborted', async (t) => {
      const { app, kratos, logs } = await setUp(t, hang)
      await app.listen({ port: 0, host: '127.0.0.1' })
      const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
      socket.write(`GET /api/auth/whoami HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`)
      while (kratos.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
      socket.resetAndDestroy()
      while (!logs().some((line) => line.includes('request_aborted'))) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      t.equal((await samples(app))[requests('GET', '/api/auth/whoami', 'aborted')], 1)
    })

    t.test('counts calls to Kratos by operation and outcome', async (t) => {
      const { app, kratos } = await setUp(t)
      const outcome = async (name: string, reaction: Reaction, request: InjectOptions): Promise<void> => {
        kratos.react(reaction)
        await app.inject({ ...request, headers: { cookie, ...request.headers } })
        t.equal((await samples(app))[`kratos_call_duration_seconds_count{${name}}`], 1, name)
      }
      await outcome('operation="whoami",outcome="ok"', answer(200, SESSION), { url: '/api/auth/whoami' })
      await outcome('operation="whoami",outcome="refused"', answer(401, { error: { code: 401, id: 'session_inactive' } }), {
        url: '/api/auth/whoami',
      })
      await outcome('operation="whoami",outcome="UPSTREAM_ERROR"', BROKEN, { url: '/api/auth/whoami' })
      await outcome('operation="init_flow",outcome="RATE_LIMITED"', answer(429, {}), { url: '/api/auth/flows/login' })
      await outcome('operation="submit_flow",outcome="UPSTREAM_ERROR"', BROKEN, {
        method: 'POST',
        url: '/api/auth/flows/login',
        payload: { flow_id: ID },
      })
      const { app: hasty } = await setUp(t, hang, { WHOAMI_DEADLINE_MS: '100' })
      await hasty.inject({ url: '/api/auth/whoami', headers: { cookie } })
      t.equal((await samples(hasty))['kratos_call_duration_seconds_count{operation="whoami",outcome="UPSTREAM_TIMEOUT"}'], 1)
      const { app: alone } = await build(t, { METRICS_TOKEN })
      await alone.inject({ url: `/api/auth/flows/login/${ID}` })
      t.equal(
        (await samples(alone))[
          'kratos_call_duration_seconds_count{operation="fetch_flow",outcome="UPSTREAM_UNAVAILABLE"}'
        ],
        1,
      )
    })

    t.test('tells the time that a call waited from the time that Kratos took', async (t) => {
      const asked: Array<() => void> = []
      const { app, kratos } = await setUp(t, (socket, request) => {
        asked.push(() => answer(200, SESSION)(socket, request))
      })
      // 32 have a connection, the others wait until these have their answers.
      const tokens = Array.from({ length: 34 }, (_, n) => `ory_kratos_session=ory_st_${'a1B2'.repeat(7)}${1000 + n}`)
      const answers = Promise.all(tokens.map((one) => app.inject({ url: '/api/auth/whoami', headers: { cookie: one } })))
      await until(() => asked.length === 32 && app.kratos.load()['whoami']?.waiting === 2)
      await sleep(400)
      kratos.react(answer(200, SESSION))
      for (const give of asked) give()
      await answers
      const busy = await samples(app)
      t.equal(busy['kratos_wait_seconds_count{pool="whoami"}'], 34)
      t.equal(busy['kratos_answer_seconds_count{pool="whoami"}'], 34)
      t.ok((busy['kratos_wait_seconds_sum{pool="whoami"}'] ?? 0) > 0.3, 'and they waited for it')
      await app.inject({ url: '/api/auth/whoami', headers: { cookie } })
      const idle = await samples(app)
      t.equal(idle['kratos_wait_seconds_count{pool="whoami"}'], 35)
      t.ok((idle['kratos_wait_seconds_bucket{le="0.1",pool="whoami"}'] ?? 0) >= 33, 'the others did not wait')
    })

    t.test('counts failures by code, and says what is refused for load', async (t) => {
      const { app } = await setUp(t)
      await app.inject('/nope')
      await app.inject('/api/documents')
      await app.inject({ method: 'POST', url: '/api/documents', headers: { cookie }, payload: { title: 1 } })
      app.metrics.recordShed('list')
      app.metrics.recordDrop()
      app.server.emit('drop')
      app.metrics.recordLocalBudgets(true)
      t.match(await samples(app), {
        'http_errors_total{code="NOT_FOUND"}': 1,
        'http_errors_total{code="INVALID_SESSION"}': 1,
        'http_errors_total{code="VALIDATION_ERROR"}': 1,
        'requests_shed_total{class="list"}': 1,
        'requests_shed_total{class="never"}': 0,
        connections_dropped_total: 2,
        login_budgets_local: 1,
      })
    })

    t.test('counts statements of the database by kind and outcome, and tells which build it is', async (t) => {
      const { app } = await setUp(t)
      await app.inject({ url: '/api/documents', headers: { cookie } })
      const found = await samples(app)
      t.ok((found['database_statement_duration_seconds_count{kind="select",outcome="ok"}'] ?? 0) > 0)
      t.ok((found['database_statement_duration_seconds_count{kind="insert",outcome="ok"}'] ?? 0) > 0)
      app.metrics.recordStatement({ sql: 'PRAGMA x', durationMs: 1, isFailed: true })
      app.metrics.trackDatabase(() => ({ total: 4, idle: 1, waiting: 2 }))
      t.match(await samples(app), {
        'database_statement_duration_seconds_count{kind="other",outcome="failed"}': 1,
        'database_pool_connections{state="total"}': 4,
        'database_pool_connections{state="waiting"}': 2,
      })
      t.ok(Object.keys(found).some((name) => name.startsWith('build_info{version="') && name.includes(process.version)))
    })

    t.test('asks pools and sessions for their figures at each collection', async (t) => {
      const { app } = await setUp(t)
      const [load, sessions] = [{ inside: 3, waiting: 1 }, { hits: 5, shared: 2, misses: 4, purges: 1, cached: 0 }]
      const idle = app.kratos.load()
      app.kratos.load = () => ({ ...idle, whoami: load })
      app.sessions.counters = () => sessions
      const expected = (inFlight: number, hits: number) => ({
        'kratos_calls_in_flight{pool="whoami"}': inFlight,
        'kratos_calls_waiting{pool="whoami"}': 1,
        'session_lookups_total{result="hit"}': hits,
        'session_lookups_total{result="shared"}': 2,
        'session_lookups_total{result="miss"}': 4,
        'session_purges_total{result="purged"}': 1,
      })
      t.match(await samples(app), expected(3, 5))
      load.inside = 0
      sessions.hits = 9
      t.match(await samples(app), expected(0, 9))
    })

    t.test('counts deliveries of the webhook by outcome, and rows made without one (F12)', async (t) => {
      const { app } = await setUp(t)
      const deliver = (id: string, headers: Record<string, string>) =>
        app.inject({
          method: 'POST',
          url: '/internal/auth/user-created',
          headers,
          payload: { identity: { id, traits: {} } },
        })
      await deliver(ID.replace('7', '8'), { 'x-webhook-key': WEBHOOK_KEY })
      await deliver('x', { 'x-webhook-key': WEBHOOK_KEY })
      await deliver(ID, {})
      await deliver(ID, { 'x-webhook-key': WEBHOOK_KEY, origin: FRONTEND })
      for (let i = 0; i < 2; i++) await app.inject({ url: '/api/documents', headers: { cookie } })
      await app.store.close()
      await deliver(ID, { 'x-webhook-key': WEBHOOK_KEY })
      t.match(await samples(app), {
        'webhook_deliveries_total{outcome="accepted"}': 1,
        'webhook_deliveries_total{outcome="invalid"}': 1,
        'webhook_deliveries_total{outcome="refused"}': 2,
        'webhook_deliveries_total{outcome="failed"}': 1,
        'security_events_total{event="webhook_refused"}': 2,
        user_rows_created_total: 1,
      })
    })

    t.test('of two apps in a process count apart', async (t) => {
      const [{ app: one }, { app: two }] = [await setUp(t), await setUp(t)]
      await one.inject('/health/alive')
      t.equal((await samples(one))[requests('GET', '/health/alive', '2xx')], 1)
      t.equal((await samples(two))[requests('GET', '/health/alive', '2xx')], undefined)
    })

    t.test('hold no secret, no identifier and nothing that a client chose (H01)', async (t) => {
      const { app, kratos } = await setUp(t)
      const canary = 'CANARY'
      const headers = {
        cookie: `ory_kratos_session=ory_st_${canary}`,
        authorization: `Bearer ory_st_${canary}`,
        origin: `https://${canary}.example`,
        'user-agent': canary,
        'x-request-id': canary,
        host: `${canary}.example`,
        'x-forwarded-for': canary,
        accept: canary,
        'x-webhook-key': canary,
      }
      const payload = {
        flow_id: ID,
        password: canary,
        identifier: `${canary}@example.test`,
        method: canary,
        traits: { email: canary },
        identity: { id: canary },
      }
      const session = { ...SESSION, id: canary, identity: { id: ID, traits: { email: `${canary}@example.test` } } }
      for (
        const reaction of [
          answer(200, session),
          answer(400, { error: { id: canary, message: canary } }),
          answer(500, { error: { code: 500, message: canary } }),
        ]
      ) {
        kratos.react(reaction)
        for (
          const url of [
            `/${canary}`,
            `/api/documents/${canary}`,
            `/api/documents?cursor=${canary}`,
            '/api/auth/whoami',
            `/api/auth/logout?token=${canary}`,
            `/api/auth/flows/login/${ID}?${canary}`,
            `/api/auth/flows/${canary}`,
            '/metrics',
          ]
        ) await app.inject({ url, headers })
        for (
          const url of ['/api/auth/flows/login', '/internal/auth/user-created', '/api/auth/logout', `/${canary}`]
        ) { await app.inject({ method: 'POST', url, headers, payload }) }
      }
      const { body } = await collect(app)
      t.notMatch(body, new RegExp(`${canary}|${ID}|ory_st|example|${WEBHOOK_KEY}|${METRICS_TOKEN}|127\\.0\\.0\\.1`, 'i'))
      const labels = [...body.matchAll(/route="([^"]*)"/g)].map(([, route = '']) => route)
      t.ok(labels.length > 5)
      t.same(
        [...new Set(labels)].filter((route) => route !== 'unknown' && route !== '*' && !/^(?:\/[a-z.:-]+)+$/.test(route)),
        [],
      )
    })
  })
}
