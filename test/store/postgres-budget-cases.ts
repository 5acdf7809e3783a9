import type { FastifyInstance } from 'fastify'
import type pg from 'pg'
import type { Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bucket, type Budget, consume, minuteBudget, type Usage, usageOf } from '../../src/throttling/budget.js'
import type { RateLimitStore } from '../../src/throttling/rate-limit-store.js'
import { createOutage, sharedRateLimitStore } from '../../src/service/rate-limit/shared-rate-limit-store.js'
import { build } from '../support/app.js'
import { type FaultServer, replay, startFaultServer } from '../support/fault-server.js'
import { until } from '../support/until.js'
import { connect, newDatabase, open } from './postgres-clients.js'
import type { PostgresServer } from './postgres-server.js'
import { untilReady } from './repository-cases.js'

const FLOW_ID = '6c2f5b54-6f6f-4f9b-8a55-5b2f3f0c1a11'
const IDENTIFIER = minuteBudget(5, 10)
const MINUTE_MS = 60_000
const HALF_A_MINUTE_MS = 30_000

/** Needs a server that runs, and leaves one that runs. */
export function testLoginBudgets (t: Test, server: PostgresServer): Promise<unknown> {
  return t.test('login budgets in common', async (t) => {
    const url = await newDatabase(t, server.url)
    await testAccounts(t, url)
    await testProcesses(t, url)
    await testOutage(t, server, url)
  })
}

async function openBudgets (t: Test, url: string, onQuery?: (query: { sql: string }) => void) {
  const store = await open(t, { url, ...(onQuery && { onQuery }) })
  await untilReady(store)
  const { loginBudgets } = store
  if (loginBudgets === undefined) throw new Error('Postgres has login budgets')
  /** So many submits under one key. */
  const consume = async (key: string, budget: Budget, count = 1): Promise<Usage> => {
    const [{ used, waitMs } = { used: 0, waitMs: 0 }] = await loginBudgets.consume([{ key, count }], budget)
    return { used, waitMs }
  }
  return { consume, shared: loginBudgets }
}

/** As if this much time had passed: rows grow older. */
const passTime = (client: pg.Client, ms: number) =>
  client.query('UPDATE login_budgets SET since = since - $1::bigint, expires_at = expires_at - $1::bigint', [ms])

async function testAccounts (t: Test, url: string): Promise<void> {
  const client = await connect(t, url)
  const statements = new Set<string>()
  const budgets = await openBudgets(t, url, ({ sql }) => {
    if (/^(?:insert|delete).*"login_budgets"/.test(sql)) statements.add(sql)
  })

  await t.test('follow the rule that memory follows (G05)', async (t) => {
    // How many submits, then how many half minutes pass.
    const rounds = [[12, 1], [1, 1], [3, 2], [20, 3], [2, 1], [1, 5], [11, 40], [2, 0], [9, 2], [6, 4]]
    for (const budget of [IDENTIFIER, minuteBudget(30, 30), minuteBudget(1, 3)]) {
      const key = `rule ${budget.burst}`
      let now = 0
      let bucket: Bucket | undefined
      for (const [count = 0, halves = 0] of rounds) {
        for (let index = 0; index < count; index++) {
          bucket = consume(bucket, budget, now)
          const { used, waitMs } = await budgets.consume(key, budget)
          t.equal(used, bucket.used, `${key} at ${now}`)
          const difference = usageOf(bucket, budget, now).waitMs - waitMs
          t.ok(difference >= 0 && difference < HALF_A_MINUTE_MS, 'and nearly at the same time')
        }
        const crowd = await budgets.consume(`${key} at once`, budget, count)
        t.equal(Math.min(crowd.used, budget.burst + 1), bucket?.used, 'and when they all come in one statement')
        await passTime(client, halves * HALF_A_MINUTE_MS)
        now += halves * HALF_A_MINUTE_MS
      }
    }
  })

  await t.test('a submit in a later minute is not counted in an earlier one, whatever a clock does', async (t) => {
    await budgets.consume('clock', IDENTIFIER)
    await client.query('UPDATE login_budgets SET since = since + 100000000 WHERE key = $1', ['clock'])
    t.same(await budgets.consume('clock', IDENTIFIER), { used: 2, waitMs: 60_000 })
  })

  await t.test('many keys in one statement, in any order, by many processes (K13)', async (t) => {
    const other = await openBudgets(t, url)
    const keys = Array.from({ length: 50 }, (_, index) => `crowd ${index}`)
    const counts = keys.map((key) => ({ key, count: 1 }))
    const usage = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 === 0 ? budgets : other).shared
          .consume(index % 3 === 0 ? counts : [...counts].reverse(), IDENTIFIER)),
    )
    for (const key of keys) {
      t.same(usage.flat().filter((row) => row.key === key).map(({ used }) => used).sort(), [1, 2, 3, 4, 5, 6, 7, 8])
    }
  })

  await t.test('rows that say no more than none are removed, a batch at a time; the others stay (N06)', async (t) => {
    await client.query('DELETE FROM login_budgets')
    await client.query("INSERT INTO login_budgets SELECT 'old ' || n, 10, 0, 1 FROM generate_series(1, 700) n")
    for (let index = 0; index < 100; index++) await budgets.consume('live', IDENTIFIER)
    const rows = async (): Promise<number> =>
      Number((await client.query('SELECT count(*) FROM login_budgets')).rows[0].count)
    await until(async () => await rows() === 201)
    for (let index = 0; index < 100; index++) await budgets.consume('live', IDENTIFIER)
    await until(async () => await rows() === 1)
    t.same(await budgets.consume('live', IDENTIFIER).then(({ used }) => used), 11, 'a refused submit is not added up')
  })

  await t.test('every statement uses an index, and none contains a value (K07, A37)', async (t) => {
    t.same(
      [...statements].map((sql) => sql.split(' ')[0]).sort(),
      ['delete', 'insert', 'insert'],
      'of one row, and of many',
    )
    await client.query('SET enable_seqscan = off')
    for (const sql of statements) {
      t.notMatch(JSON.stringify((await client.query(`EXPLAIN (GENERIC_PLAN) ${sql}`)).rows), /Seq Scan/, sql)
      t.notMatch(sql, /live|old/)
    }
  })
}

interface Service {
  app: FastifyInstance
  logs: () => string[]
}

/** An instance of the service on this database, with budgets of production but for what is given. */
async function service (t: Test, kratos: FaultServer, url: string, env: Record<string, string> = {}): Promise<Service> {
  const { app, logs } = await build(t, {
    KRATOS_PUBLIC_URL: kratos.url,
    DATABASE_URL: url,
    LOGIN_LIMIT_PER_ADDRESS: '',
    LOGIN_LIMIT_PER_IDENTIFIER: '',
    LOGIN_LIMIT_BURST: '',
    ...env,
  })
  await untilReady(app.store)
  return { app, logs }
}

async function login (app: FastifyInstance, identifier: string, from = '198.51.100.7'): Promise<number> {
  const payload = JSON.stringify({ flow_id: FLOW_ID, identifier, password: 'x' })
  const answer = await app.inject({
    method: 'POST',
    url: '/api/auth/flows/login',
    remoteAddress: from,
    headers: { 'content-type': 'application/json' },
    payload,
  })
  return answer.statusCode
}

const startKratos = (t: Test): Promise<FaultServer> => startFaultServer(t, replay('10-api-login', 'wrong password'))
const countOf = (statuses: number[], status: number): number => statuses.filter((other) => other === status).length
const events = (logs: string[]): string[] =>
  logs.map((line) => String((JSON.parse(line) as { event?: string }).event)).filter((event) =>
    event.startsWith('login_budgets'),
  )

/** Until both count in common again: a submit a second asks. */
async function untilShared (...services: Service[]): Promise<void> {
  for (const { app, logs } of services) {
    const deadline = performance.now() + 60_000
    for (let index = 0; events(logs()).at(-1) === 'login_budgets_local' && performance.now() < deadline; index++) {
      await login(app, 'ada@example.test', `192.0.2.${index}`)
      await sleep(100)
    }
  }
}

/**
 * On a machine that is too busy for the time limit each instance keeps its own budget, as it should; then another
 * address tries.
 */
async function unlessLate (
  t: Test,
  services: Service[],
  work: (attempt: number) => Promise<() => unknown>,
): Promise<void> {
  const outages = (): number => events(services.flatMap(({ logs }) => logs())).length
  for (let attempt = 0; attempt < 20; attempt++) {
    const [before, begun] = [outages(), performance.now()]
    const check = await work(attempt)
    // After a minute some may try again.
    if (outages() === before && performance.now() - begun < MINUTE_MS) {
      check()
      return
    }
    await untilShared(...services)
  }
  t.fail('Postgres was late twenty times')
}

async function testProcesses (t: Test, url: string): Promise<void> {
  await t.test('a hundred submits at once to two instances: the budget of the address and no more (G05)', async (t) => {
    const kratos = await startKratos(t)
    const [one, other] = [await service(t, kratos, url), await service(t, kratos, url)]
    await unlessLate(t, [one, other], async (attempt) => {
      kratos.requests.length = 0
      const statuses = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          login(index % 2 === 0 ? one.app : other.app, `p${index}@example.test`, `198.51.100.${attempt}`)),
      )
      const asked = kratos.requests.length
      t.ok(countOf(statuses, 400) <= 60 && countOf(statuses, 500) === 0)
      return () => t.same([countOf(statuses, 400), countOf(statuses, 429), asked], [30, 70, 30])
    })
  })

  await t.test('exactly the budget under any load, where nothing is late (G05)', async (t) => {
    const outage = createOutage({ onBegin: (error) => t.fail(String(error)), onEnd: () => {} })
    const budget = minuteBudget(200, 200)
    const stores: RateLimitStore[] = []
    for (let index = 0; index < 3; index++) {
      const { shared } = await openBudgets(t, url)
      stores.push(sharedRateLimitStore(budget, { buckets: shared, outage, limitMs: 30_000 }))
    }
    const usage = await Promise.all(Array.from({ length: 1000 }, (_, index) => stores[index % 3]?.consume('load')))
    t.equal(usage.filter((one) => one !== undefined && one.used <= budget.burst).length, budget.burst)
  })

  await t.test('and that of an identifier, one after the other', async (t) => {
    const kratos = await startKratos(t)
    const [one, other] = [await service(t, kratos, url), await service(t, kratos, url)]
    await unlessLate(t, [one, other], async (attempt) => {
      const [identifier, from] = [`ada-${attempt}@example.test`, '203.0.113']
      const statuses: number[] = []
      for (let index = 0; index < 14; index++) {
        statuses.push(await login(index % 2 === 0 ? one.app : other.app, identifier, `${from}.${2 * attempt}`))
      }
      const elsewhere = await login(other.app, identifier, `${from}.${2 * attempt + 1}`)
      return () => {
        t.same(statuses, [...Array(10).fill(400), ...Array(4).fill(429)])
        t.equal(elsewhere, 400, 'from another address (G10)')
      }
    })
  })

  await t.test('no row tells an address or an e-mail (H01)', async (t) => {
    const { rows } = await (await connect(t, url)).query(
      "SELECT * FROM login_budgets WHERE key NOT IN ('live', 'load')",
    )
    t.ok(rows.length > 30)
    for (const { key } of rows) t.match(key, /^[\w-]{43}$/)
    // In the digests three letters may follow each other by chance.
    t.notMatch(JSON.stringify(rows.map(({ key }) => key)), /example|ada@|198\.51|203\.0/)
    t.notMatch(JSON.stringify(rows.map(({ key, ...others }) => others)), /example|ada|198\.51|203\.0/)
  })
}

async function testOutage (t: Test, server: PostgresServer, url: string): Promise<void> {
  await t.test('a slow Postgres is not waited for, and memory goes on', async (t) => {
    const kratos = await startKratos(t)
    const { app, logs } = await service(t, kratos, url)
    const client = await connect(t, url)
    t.equal(await login(app, 'slow@example.test', '192.0.2.1'), 400)
    await client.query('BEGIN')
    await client.query('LOCK TABLE login_budgets IN ACCESS EXCLUSIVE MODE')
    const statuses = await Promise.all(Array.from({ length: 20 }, () => login(app, 'slow@example.test', '192.0.2.1')))
    const { rowCount } = await client.query(
      "SELECT 1 FROM pg_locks WHERE relation = 'login_budgets'::regclass AND mode = 'AccessExclusiveLock' AND granted",
    )
    t.equal(rowCount, 1, 'all were answered before the table was free')
    t.same([countOf(statuses, 400), countOf(statuses, 429)], [9, 11])
    t.equal(events(logs()).at(-1), 'login_budgets_local')
    await client.query('ROLLBACK')
  })

  await t.test('a Postgres that stops leaves each instance its own budgets, with one warning, until it is back', async (t) => {
    const kratos = await startKratos(t)
    const { app, logs } = await service(t, kratos, url)
    let from = ''
    let begun = 0
    await unlessLate(t, [{ app, logs }], async (attempt) => {
      from = `192.0.2.${100 + attempt}`
      begun = performance.now()
      const statuses: number[] = []
      for (let index = 0; index < 4; index++) statuses.push(await login(app, 'ada@example.test', from))
      return () => t.same(statuses, Array(4).fill(400))
    })
    const before = events(logs()).length
    await server.stop()
    const during = []
    for (let index = 0; index < 10; index++) during.push(await login(app, 'ada@example.test', from))
    t.same(during, [...Array(6).fill(400), ...Array(4).fill(429)], 'what was usage is usage')
    const crowd = await Promise.all(
      Array.from({ length: 40 }, (_, index) => login(app, `p${index}@example.test`, '192.0.2.3')),
    )
    t.same([countOf(crowd, 400), countOf(crowd, 429)], [30, 10], 'never unlimited, never 500')
    t.same(events(logs()).slice(before), ['login_budgets_local'])
    await server.start()
    await untilReady(app.store)
    await untilShared({ app, logs })
    t.equal(events(logs()).at(-1), 'login_budgets_shared')
    const again = await login(app, 'ada@example.test', from)
    if (performance.now() - begun < MINUTE_MS) t.equal(again, 429, 'nobody starts afresh by an outage')
  })
}
