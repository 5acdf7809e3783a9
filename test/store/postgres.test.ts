import t, { type Test } from 'tap'
import { randomUUID } from 'node:crypto'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { sql } from 'kysely'
import { MIGRATIONS, type Migrations } from '../../src/store/migrations.js'
import { openPostgresEngine, type PostgresEngineOptions } from '../../src/store/postgres-engine.js'
import { createStore, openStore, type Store, type StoreOptions } from '../../src/store/store.js'
import { preparePostgres } from './postgres-server.js'
import { someUser } from './records.js'
import { testRepositories, untilReady } from './repository-cases.js'

const UNAVAILABLE = { name: 'StoreUnavailableError', code: 'DATABASE_UNAVAILABLE' }
const log: string[] = []
const server = await preparePostgres((line) => log.push(line))
t.teardown(() => server.remove())

/** Closed at the end of its test. */
async function open (t: Test, options: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await openStore({ url: server.url, ...options })
  t.teardown(() => store.close())
  return store
}

/** A connection beside the store. */
async function connect (t: Test, url = server.url): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end())
  return client
}

/** An empty database of the same server. */
async function newDatabase (t: Test): Promise<string> {
  const name = `d${randomUUID().replaceAll('-', '')}`
  const client = await connect(t)
  await client.query(`CREATE DATABASE ${name}`)
  return server.url.replace(/[^/]+$/, name)
}

const urlWith = (setting: string) => `${server.url}?options=${encodeURIComponent(`-c ${setting}`)}`

t.test('a Postgres that is down at start (K01)', async (t) => {
  const errors: unknown[] = []
  const migrated: string[][] = []
  const store = await open(t, { onError: (error) => errors.push(error), onMigrated: (names) => migrated.push(names) })
  t.equal(store.dialect, 'postgres')
  await t.rejects(store.ping(), UNAVAILABLE)
  await t.rejects(store.users.upsert(someUser()), UNAVAILABLE)
  while (errors.length < 2) await sleep(10)
  t.match(errors[0], { ...UNAVAILABLE, driverCode: 'ECONNREFUSED' })
  t.notMatch(JSON.stringify(errors.map((error) => ({ ...error as object, text: String(error) }))), /secret|127\.0\.0\.1/)
  await server.start()
  await untilReady(store)
  t.same(migrated, [Object.keys(MIGRATIONS)])
  t.same(await store.users.upsert(someUser()), { created: true })
})

t.test('store on Postgres', async (t) => {
  const store = await open(t)
  const client = await connect(t)
  await untilReady(store)
  await client.query('SET enable_seqscan = off')
  await testRepositories(t, store, {
    url: server.url,
    fullScan: /Seq Scan/,
    explain: async (sql) => JSON.stringify((await client.query(`EXPLAIN (GENERIC_PLAN) ${sql}`)).rows)
  })
})

t.test('a Postgres that fails while in use', async (t) => {
  const errors: unknown[] = []
  const store = await open(t, { onError: (error) => errors.push(error), statementTimeoutMs: 400, waitMs: 400, maxConnections: 2 })
  const client = await connect(t)
  const user = someUser()
  await untilReady(store)
  await store.users.upsert(user)
  const newer = { ...user, email: 'newer@example.com', updated_at: '2030-01-01T00:00:00Z' }
  const holdRow = async () => {
    await client.query('BEGIN')
    await client.query('SELECT 1 FROM users WHERE identity_id = $1 FOR UPDATE', [user.identity_id])
  }
  const storeBackends = 'FROM pg_stat_activity WHERE application_name = \'fastify-kratos\' AND pid <> pg_backend_pid()'

  await t.test('a statement that takes too long ends, and the connection goes on (K07, F17)', async (t) => {
    await holdRow()
    const startedAt = performance.now()
    await t.rejects(store.users.upsert(newer), { ...UNAVAILABLE, driverCode: '57014' })
    t.ok(performance.now() - startedAt < 900)
    await client.query('ROLLBACK')
    t.equal((await store.users.find(user.identity_id))?.email, user.email)
  })

  await t.test('whoever finds no free connection waits only so long', async (t) => {
    await holdRow()
    const startedAt = performance.now()
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => store.users.upsert(newer)))
    t.ok(performance.now() - startedAt < 1300)
    for (const outcome of outcomes) t.match(outcome, { status: 'rejected', reason: UNAVAILABLE })
    await client.query('ROLLBACK')
    t.same(await store.users.upsert(user), { created: false })
  })

  await t.test('a connection killed under a statement is 503, changes nothing and is replaced (K04)', async (t) => {
    await holdRow()
    const upsert = store.users.upsert(newer).catch((error: unknown) => error)
    while ((await client.query(`SELECT pg_terminate_backend(pid) ${storeBackends} AND wait_event_type = 'Lock'`)).rowCount === 0) await sleep(10)
    t.match(await upsert, { ...UNAVAILABLE, driverCode: '57P01' })
    await client.query('ROLLBACK')
    t.equal((await store.users.find(user.identity_id))?.email, user.email)
  })

  await t.test('killed idle connections are reported and replaced', async (t) => {
    await Promise.all([store.ping(), store.ping()])
    errors.length = 0
    await client.query(`SELECT pg_terminate_backend(pid) ${storeBackends} AND state = 'idle'`)
    while (errors.length === 0) await sleep(10)
    t.match(errors[0], { ...UNAVAILABLE, driverCode: '57P01' })
    await store.ping()
  })

  await t.test('a restart of the server is survived without one of ours (F16, K01)', async (t) => {
    await server.stop()
    await t.rejects(store.ping(), UNAVAILABLE)
    await t.rejects(store.users.upsert(newer), UNAVAILABLE)
    await server.start()
    await untilReady(store)
    t.same(await store.users.upsert(newer), { created: false })
    t.equal((await store.users.find(user.identity_id))?.email, 'newer@example.com')
  })
})

t.test('a Postgres that cannot be used', async (t) => {
  const fails = async (t: Test, url: string, driverCode: string) => {
    const errors: unknown[] = []
    const store = await open(t, { url, waitMs: 300, onError: (error) => errors.push(error) })
    while (errors.length === 0) await sleep(10)
    t.match(errors[0], { ...UNAVAILABLE, driverCode })
    t.notMatch(String(errors[0]), /secret/)
    await t.rejects(store.ping(), UNAVAILABLE)
  }
  await t.test('wrong password', (t) => fails(t, server.url.replace('secret', 'wrong-secret'), '28P01'))
  await t.test('no such database', (t) => fails(t, `${server.url}-missing`, '3D000'))
  await t.test('a server that accepts and says nothing', async (t) => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => { sockets.push(socket) }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    t.teardown(() => { for (const socket of sockets) socket.destroy(); silent.close() })
    await fails(t, `postgres://u:secret@127.0.0.1:${(silent.address() as AddressInfo).port}/d`, 'TIMEOUT')
  })
  await t.test('read-only: reads go on, writes are 503 (K13)', async (t) => {
    const store = await open(t, { url: urlWith('default_transaction_read_only=on') })
    await untilReady(store)
    await t.rejects(store.users.upsert(someUser()), { ...UNAVAILABLE, driverCode: '25006' })
  })
  await t.test('tables that were dropped behind our back', async (t) => {
    const url = await newDatabase(t)
    const store = await open(t, { url })
    await untilReady(store)
    await (await connect(t, url)).query('DROP TABLE users CASCADE')
    await t.rejects(store.ping(), { ...UNAVAILABLE, driverCode: '42P01' })
  })
})

t.test('deliveries at once under serialisable isolation: one row, retried, never a 500 (K13)', async (t) => {
  const store = await open(t, { url: urlWith('default_transaction_isolation=serializable') })
  await untilReady(store)
  const user = someUser()
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, i) =>
    store.users.upsert({ ...user, updated_at: `2024-01-15T12:20:0${i}Z` })))
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') t.match(outcome.reason, { ...UNAVAILABLE, reason: 'conflict' })
  }
  t.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.created).length, 1)
})

t.test('migrations on Postgres (K12)', async (t) => {
  const engineOptions = (url: string, migrations: Migrations, onError: (error: unknown) => void): PostgresEngineOptions =>
    ({ url, migrations, onError, waitMs: 1000, statementTimeoutMs: 1000, maxConnections: 2 })

  await t.test('instances that start at once apply them once', async (t) => {
    const url = await newDatabase(t)
    const migrated: string[][] = []
    const errors: unknown[] = []
    const stores = await Promise.all(Array.from({ length: 6 }, () =>
      open(t, { url, onMigrated: (names) => migrated.push(names), onError: (error) => errors.push(error) })))
    await Promise.all(stores.map(untilReady))
    t.same(migrated, [Object.keys(MIGRATIONS)])
    t.same(errors, [])
  })

  await t.test('one that fails leaves the schema unchanged, is reported and tried again', async (t) => {
    const url = await newDatabase(t)
    let isBroken = true
    const errors: unknown[] = []
    const migrations: Migrations = {
      ...MIGRATIONS,
      '0002_broken': {
        up: async (db) => {
          await db.schema.createTable('half').addColumn('a', 'text').execute()
          if (isBroken) await db.schema.alterTable('nowhere').addColumn('a', 'text').execute()
        }
      }
    }
    const engine = await openPostgresEngine(engineOptions(url, migrations, (error) => errors.push(error)))
    const store = createStore(engine)
    t.teardown(() => store.close())
    while (errors.length === 0) await sleep(10)
    t.match(errors[0], { message: /^Migration 0002_broken failed/ })
    await t.rejects(store.ping(), UNAVAILABLE)
    const client = await connect(t, url)
    t.same((await client.query('SELECT tablename FROM pg_tables WHERE schemaname = \'public\'')).rows, [])
    isBroken = false
    await untilReady(store)
  })

  await t.test('closing does not wait for one that hangs', async (t) => {
    const url = await newDatabase(t)
    const migrations: Migrations = { '0001_hangs': { up: async (db) => { await sql`SELECT pg_sleep(60)`.execute(db) } } }
    const engine = await openPostgresEngine(engineOptions(url, migrations, () => {}))
    const client = await connect(t, url)
    while ((await client.query('SELECT 1 FROM pg_stat_activity WHERE wait_event = \'PgSleep\'')).rowCount === 0) await sleep(10)
    const startedAt = performance.now()
    await engine.close()
    t.ok(performance.now() - startedAt < 2500)
  })
})

t.test('an error of Postgres keeps nothing but its code and constraint (H02)', async (t) => {
  const engine = await openPostgresEngine({ url: server.url, waitMs: 1000, statementTimeoutMs: 1000, maxConnections: 1, onError: () => {} })
  t.teardown(() => engine.close())
  const row = { ...someUser({ email: 'needle@example.com' }), revision: 1 }
  await engine.db.insertInto('users').values(row).execute()
  const error = await engine.db.insertInto('users').values(row).execute().catch((error: unknown) => error)
  t.match(error, { code: 'DATABASE_ERROR', driverCode: '23505', constraint: 'users_pkey' })
  t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), `needle|insert into|${row.identity_id}`)
})

t.test('a closed store says that it cannot be used', async (t) => {
  const store = await open(t)
  await untilReady(store)
  await store.close()
  await store.close()
  await t.rejects(store.ping(), UNAVAILABLE)
})
