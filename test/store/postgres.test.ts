import type { Test } from 'tap'
import { sql } from 'kysely'
import { MIGRATIONS, type Migrations } from '../../src/service/store/migrations.js'
import { openPostgresEngine, type PostgresEngineOptions } from '../../src/service/store/postgres-engine.js'
import { createStore } from '../../src/service/store/store.js'
import { connect, newDatabase, open, PATIENT, UNAVAILABLE, urlWith } from './postgres-clients.js'
import { testCommands } from './postgres-command-cases.js'
import { testLoginBudgets } from './postgres-budget-cases.js'
import { testFaultsInUse, testUnusable } from './postgres-fault-cases.js'
import { testOperation } from './postgres-operation-cases.js'
import { sharedPostgres } from './postgres-server.js'
import { someUser } from './records.js'
import { testRepositories, untilReady } from './repository-cases.js'
import { until } from '../support/until.js'

export default async function (t: Test): Promise<void> {
  const server = await sharedPostgres(t)

  t.test('a Postgres that is down at start (K01)', async (t) => {
    const errors: unknown[] = []
    const migrated: string[][] = []
    const store = await open(t, {
      url: server.url,
      onError: (error) => errors.push(error),
      onMigrated: (names) => migrated.push(names),
    })
    t.equal(store.dialect, 'postgres')
    await t.rejects(store.ping(), UNAVAILABLE)
    await t.rejects(store.users.upsert(someUser()), UNAVAILABLE)
    await until(() => errors.length >= 2)
    t.match(errors[0], { ...UNAVAILABLE, driverCode: 'ECONNREFUSED' })
    t.notMatch(
      JSON.stringify(errors.map((error) => ({ ...error as object, text: String(error) }))),
      /secret|127\.0\.0\.1/,
    )
    await server.start()
    await untilReady(store)
    t.same(migrated, [Object.keys(MIGRATIONS)])
    t.same(await store.users.upsert(someUser()), { created: true })
  })

  t.test('store on Postgres', async (t) => {
    const store = await open(t, { url: server.url })
    const client = await connect(t, server.url)
    await untilReady(store)
    await client.query('SET enable_seqscan = off')
    await testRepositories(t, store, {
      url: server.url,
      fullScan: /Seq Scan/,
      explain: async (sql) => JSON.stringify((await client.query(`EXPLAIN (GENERIC_PLAN) ${sql}`)).rows),
    })
  })

  await testFaultsInUse(t, server)
  await testLoginBudgets(t, server)
  await testOperation(t, server)
  await testCommands(t, server)
  await testUnusable(t, server)

  t.test('deliveries at once under serialisable isolation: one row, retried, never a 500 (K13)', async (t) => {
    const store = await open(t, { url: urlWith(server.url, 'default_transaction_isolation=serializable') })
    await untilReady(store)
    const user = someUser()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => store.users.upsert({ ...user, updated_at: `2024-01-15T12:20:0${i}Z` })),
    )
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') t.match(outcome.reason, { ...UNAVAILABLE, reason: 'conflict' })
    }
    t.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.created).length, 1)
  })

  t.test('migrations on Postgres (K12)', async (t) => {
    const engineOptions = (
      url: string,
      migrations: Migrations,
      onError: (error: unknown) => void,
    ): PostgresEngineOptions => {
      return { url, migrations, onError, ...PATIENT, maxConnections: 2 }
    }

    await t.test('instances that start at once apply them once', async (t) => {
      const url = await newDatabase(t, server.url)
      const migrated: string[][] = []
      const errors: unknown[] = []
      const stores = await Promise.all(
        Array.from({ length: 6 }, () =>
          open(t, {
            url,
            onMigrated: (names) => migrated.push(names),
            onError: (error) => errors.push(error),
          })),
      )
      await Promise.all(stores.map(untilReady))
      t.same(migrated, [Object.keys(MIGRATIONS)])
      t.same(errors, [])
    })

    await t.test('one that fails leaves the schema unchanged, is reported and tried again', async (t) => {
      const url = await newDatabase(t, server.url)
      let isBroken = true
      const errors: unknown[] = []
      const migrations: Migrations = {
        ...MIGRATIONS,
        '0002_broken': {
          up: async (db) => {
            await db.schema.createTable('half').addColumn('a', 'text').execute()
            if (isBroken) await db.schema.alterTable('nowhere').addColumn('a', 'text').execute()
          },
        },
      }
      const engine = await openPostgresEngine(engineOptions(url, migrations, (error) => errors.push(error)))
      const store = createStore(engine)
      t.teardown(() => store.close())
      await until(() => errors.length > 0)
      t.match(errors[0], { message: /^Migration 0002_broken failed/ })
      await t.rejects(store.ping(), UNAVAILABLE)
      const client = await connect(t, url)
      const { rows } = await client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
      t.same(rows, [{ tablename: 'fastify_kratos_migration_lock' }], 'but for the row that keeps others out')
      isBroken = false
      await untilReady(store)
    })

    await t.test('a database that is migrated half-way is not used', async (t) => {
      const url = await newDatabase(t, server.url)
      await untilReady(await open(t, { url }))
      const errors: unknown[] = []
      const migrations: Migrations = { ...MIGRATIONS, '0002_broken': { up: () => Promise.reject(new Error('broken')) } }
      const store = createStore(await openPostgresEngine(engineOptions(url, migrations, (error) => errors.push(error))))
      t.teardown(() => store.close())
      await until(() => errors.length >= 2)
      await t.rejects(store.ping(), UNAVAILABLE)
    })

    await t.test('closing does not wait for one that hangs', async (t) => {
      const url = await newDatabase(t, server.url)
      let hasEnded = false
      const migrations: Migrations = {
        '0001_hangs': {
          up: async (db) => {
            await sql`SELECT pg_sleep(60)`.execute(db)
            hasEnded = true
          },
        },
      }
      const engine = await openPostgresEngine(engineOptions(url, migrations, () => {}))
      const client = await connect(t, url)
      const sleeps = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
      await until(async () => (await client.query(sleeps)).rowCount !== 0)
      await engine.close()
      t.notOk(hasEnded)
    })
  })

  t.test('an error of Postgres keeps nothing but its code and constraint (H02)', async (t) => {
    const engine = await openPostgresEngine({
      url: server.url,
      ...PATIENT,
      maxConnections: 1,
      onError: () => {},
    })
    t.teardown(() => engine.close())
    const row = { ...someUser({ email: 'needle@example.com' }), revision: 1 }
    await engine.db.insertInto('users').values(row).execute()
    const error = await engine.db.insertInto('users').values(row).execute().catch((error: unknown) => error)
    t.match(error, { code: 'DATABASE_ERROR', driverCode: '23505', constraint: 'users_pkey' })
    t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), `needle|insert into|${row.identity_id}`)
  })

  t.test('a closed store says that it cannot be used', async (t) => {
    const store = await open(t, { url: server.url })
    await untilReady(store)
    await store.close()
    await store.close()
    await t.rejects(store.ping(), UNAVAILABLE)
  })
}
