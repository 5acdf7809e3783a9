import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { postgresBus } from '../../src/bus/postgres-bus.js'
import { build, construct, WEBHOOK_KEY } from '../support/app.js'
import { freshEmail, startKratos } from '../support/kratos.js'
import { addLive, ENDED } from '../support/live-routes.js'
import { until } from '../support/until.js'
import { openWebSocket } from '../support/websocket.js'
import { connect, deafProxy, newDatabase } from './postgres-clients.js'
import { sharedPostgres } from './postgres-server.js'

const QUIET = { onError: () => {}, onConnected: () => {}, onUnheard: () => {} }
const CACHE = { SESSION_CACHE_MAX_AGE: '60' }

export default async function (t: Test): Promise<void> {
  const server = await sharedPostgres(t)
  await server.start()

  t.test('the bus on Postgres', async (t) => {
    t.test('carries messages to everybody, and says when some may be lost', async (t) => {
      const url = await newDatabase(t, server.url)
      const open = async () => {
        const [messages, losses, errors]: [string[], number[], unknown[]] = [[], [], []]
        const bus = await postgresBus({ ...QUIET, url, onError: (error) => errors.push(error) })
        t.teardown(() => bus.close())
        bus.subscribe({ onMessage: (message) => messages.push(message), onLoss: () => losses.push(messages.length) })
        await until(bus.alive)
        return { bus, messages, losses, errors }
      }
      const [one, two] = [await open(), await open()]
      await one.bus.publish('first')
      await until(() => one.messages.length === 1 && two.messages.length === 1)
      const { rows: [row] } = await (await connect(t, url)).query(
        "SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity WHERE application_name LIKE '%bus'",
      )
      t.equal(Number(row.cut), 2)
      await until(() => one.losses.length === 2 && two.losses.length === 2)
      t.equal(one.errors.length, 1, 'told once')
      await one.bus.publish('second')
      await until(() => two.messages.includes('second'))
    })

    t.test('cannot publish, and is not alive, without its server', async (t) => {
      const errors: unknown[] = []
      const bus = await postgresBus({
        ...QUIET, url: 'postgres://u:p@127.0.0.1:1/d', onError: (error) => errors.push(error),
      })
      t.teardown(() => bus.close())
      await t.rejects(bus.publish('x'))
      t.notOk(bus.alive())
      await until(() => errors.length > 0)
    })

    t.test('says when it does not hear itself, as behind a pooler of transactions', async (t) => {
      const direct = await newDatabase(t, server.url)
      for (const [url, expected] of [[direct, 0], [await deafProxy(t, direct), 1]] as const) {
        let unheard = 0
        const onUnheard = (): void => {
          unheard++
        }
        const bus = await postgresBus({ ...QUIET, url, onUnheard })
        t.teardown(() => bus.close())
        await until(bus.alive)
        for (let message = 0; message < 12; message++) await bus.publish(String(message))
        t.equal(unheard, expected)
      }
    })
  })

  t.test('two replicas', async (t) => {
    const url = await newDatabase(t, server.url)
    const kratos = await startKratos(t, { overrides: { feature_flags: { cacheable_sessions: true } } })
    const env = { ...CACHE, DATABASE_URL: url, KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl }
    const replicas = await Promise.all([build(t, env), build(t, env)])
    const [one, two] = replicas.map(({ app }) => app) as [FastifyInstance, FastifyInstance]
    await Promise.all(replicas.map(({ app }) => until(() => app.bus?.alive() === true)))

    const status = async (app: FastifyInstance, headers: Record<string, string>): Promise<number> =>
      (await app.inject({ url: '/api/auth/whoami', headers })).statusCode

    async function keptAtBoth () {
      const identity = await kratos.createIdentity({ email: freshEmail() })
      const session = kratos.signIn(identity)
      for (const app of [one, two]) t.equal(await status(app, session.headers), 200)
      return { identity, session }
    }

    t.test('forget an ended session together', async (t) => {
      const { session: { headers } } = await keptAtBoth()
      const logout = await one.inject({ method: 'POST', url: '/api/auth/logout', headers, payload: {} })
      t.equal(logout.statusCode, 200)
      await until(async () => await status(two, headers) === 401)
    })

    t.test('hear of a purge, whichever gets it', async (t) => {
      const { identity, session } = await keptAtBoth()
      kratos.expire(session)
      t.equal(await status(two, session.headers), 200, 'what is changed at Kratos itself nobody hears')
      await one.inject({
        method: 'POST',
        url: '/internal/auth/purge',
        headers: { 'x-webhook-key': WEBHOOK_KEY },
        payload: { identity_id: identity.id },
      })
      await until(async () => await status(two, session.headers) === 401)
    })
  })

  t.test('two replicas that keep no session', { timeout: 120_000 }, async (t) => {
    const DATABASE_URL = await newDatabase(t, server.url)
    const kratos = await startKratos(t)
    const env = { DATABASE_URL, KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl }
    const [here, there] = [(await construct(t, env)).app, (await construct(t, env)).app]
    await addLive(there)
    const url = await there.listen({ port: 0, host: '127.0.0.1' })
    await Promise.all([here, there].map((app) => until(() => app.bus?.alive() === true)))

    /** A socket at one replica whose session ends by what the other one is asked. */
    async function endsBy (
      t: Test,
      ask: (headers: Record<string, string>) => InjectOptions,
      before = async (): Promise<void> => {},
    ): Promise<void> {
      const identity = await kratos.createIdentity({ email: freshEmail() })
      const session = kratos.signIn(identity)
      const client = await openWebSocket(t, `${url}/socket`, session.headers)
      t.equal(await client.next(), 'hello')
      await before()
      const answer = await here.inject(ask(session.headers))
      t.ok(answer.statusCode < 300, answer.body)
      t.equal(await client.next(), ENDED)
    }
    const logout = (headers: Record<string, string>): InjectOptions =>
      ({ method: 'POST', url: '/api/auth/logout', headers, payload: {} })

    t.test('end sockets of each other by a logout', (t) => endsBy(t, logout))
    t.test('end sockets of each other with the account', (t) =>
      endsBy(t, (headers) => ({ method: 'DELETE', url: '/api/auth/account', headers })))
    t.test('end them later where the bus was away meanwhile', (t) => endsBy(t, logout, async () => {
      await (await connect(t, DATABASE_URL)).query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%bus' AND datname = current_database()",
      )
    }))
  })

  t.test('the metrics tell whether replicas are heard', async (t) => {
    const METRICS_TOKEN = 'a-metrics-token-of-the-test-suite-0005'
    const { app } = await build(t, { ...CACHE, METRICS_TOKEN, BUS_DATABASE_URL: await newDatabase(t, server.url) })
    const text = async (): Promise<string> =>
      (await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${METRICS_TOKEN}` } })).body
    await until(async () => /^bus_connected 1$/m.test(await text()))
    t.match(await text(), /^bus_heartbeat_age_seconds \d/m)
  })

  t.test('the service has a bus where others can hear it, and waits for it where sessions are kept', async (t) => {
    const url = await newDatabase(t, server.url)
    for (
      const [env, has] of [
        [{}, false],
        [{ DATABASE_URL: url }, true],
        [{ BUS_DATABASE_URL: url }, true],
        [{ SESSION_CACHE_MAX_AGE: '5' }, false],
        [{ SESSION_CACHE_MAX_AGE: '5', DATABASE_URL: url }, true],
        [{ ...CACHE, BUS_DATABASE_URL: url }, true],
      ] as const
    ) {
      const { app } = await build(t, env)
      t.equal(app.bus !== undefined, has, JSON.stringify(Object.keys(env)))
    }
    const BUS_DATABASE_URL = 'postgres://u:p@127.0.0.1:1/d'
    const { app } = await build(t, { ...CACHE, BUS_DATABASE_URL })
    const ready = await app.inject('/health/ready')
    t.match(ready.json(), { code: 'NOT_READY' }, 'others would not wait for one that they never heard')
    const keepsNone = await build(t, { BUS_DATABASE_URL })
    t.equal((await keepsNone.app.inject('/health/ready')).statusCode, 200, 'nothing is kept that has to be forgotten')
    await t.rejects(build(t, CACHE), /SESSION_CACHE_MAX_AGE is not valid: it wants at most 5, or a Postgres/)
  })
}
