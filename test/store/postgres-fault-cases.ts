import type { Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresServer } from './postgres-server.js'
import { connect, cuttableProxy, newDatabase, open, silentServer, UNAVAILABLE, urlWith } from './postgres-clients.js'
import { someUser } from './records.js'
import { untilReady } from './repository-cases.js'
import { until } from '../support/until.js'

/** Needs a server that runs, and leaves one that runs. */
export function testFaultsInUse (t: Test, server: PostgresServer): Promise<unknown> {
  return t.test('a Postgres that fails while in use', async (t) => {
    const errors: unknown[] = []
    const url = `${server.url}?application_name=faulty`
    const store = await open(t, { url, onError: (error) => errors.push(error), maxConnections: 2 })
    const client = await connect(t, server.url)
    const user = someUser()
    await untilReady(store)
    await store.users.upsert(user)
    const newer = { ...user, email: 'newer@example.com', updated_at: '2030-01-01T00:00:00Z' }
    const holdRow = async () => {
      await client.query('BEGIN')
      await client.query('SELECT 1 FROM users WHERE identity_id = $1 FOR UPDATE', [user.identity_id])
    }
    const storeBackends = "FROM pg_stat_activity WHERE application_name = 'faulty'"

    await t.test('a statement that takes too long ends, and the connection goes on (K07, F17)', async (t) => {
      const hasty = await open(t, { url: server.url, statementTimeoutMs: 400 })
      await untilReady(hasty)
      await holdRow()
      await t.rejects(hasty.users.upsert(newer), { ...UNAVAILABLE, driverCode: '57014' })
      await client.query('ROLLBACK')
      t.equal((await hasty.users.find(user.identity_id))?.email, user.email)
    })

    await t.test('whoever finds no free connection waits only so long', async (t) => {
      const hasty = await open(t, { url: server.url, statementTimeoutMs: 2000, waitMs: 400, maxConnections: 2 })
      await untilReady(hasty)
      await holdRow()
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => hasty.users.upsert(newer)))
      for (const outcome of outcomes) t.match(outcome, { status: 'rejected', reason: UNAVAILABLE })
      const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.driverCode)
      t.ok(codes.includes('TIMEOUT'), 'and never had one')
      await client.query('ROLLBACK')
      t.same(await store.users.upsert(user), { created: false })
    })

    await t.test('whoever waits while others get their turn waits longer, as long as a statement may take', async (t) => {
      const patient = await open(t, { url: server.url, statementTimeoutMs: 60_000, waitMs: 3000, maxConnections: 1 })
      await untilReady(patient)
      const other = { ...someUser(), email: 'slow@example.com' }
      // All of the writes of this user together take twice as long as the wait.
      await client.query(`CREATE FUNCTION sleep_on_slow() RETURNS trigger AS $$
        BEGIN IF NEW.email = 'slow@example.com' THEN PERFORM pg_sleep(0.6); END IF; RETURN NEW; END $$ LANGUAGE plpgsql`)
      await client.query('CREATE TRIGGER slow BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION sleep_on_slow()')
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => patient.users.upsert(other)))
      await client.query('DROP TRIGGER slow ON users')
      await client.query('DROP FUNCTION sleep_on_slow')
      t.same(outcomes.filter(({ status }) => status === 'rejected'), [])
    })

    await t.test('a connection killed under a statement is 503, changes nothing and is replaced (K04)', async (t) => {
      await holdRow()
      const upsert = store.users.upsert(newer).catch((error: unknown) => error)
      while (
        (await client.query(`SELECT pg_terminate_backend(pid) ${storeBackends} AND wait_event_type = 'Lock'`))
          .rowCount === 0
      ) await sleep(10)
      t.match(await upsert, { ...UNAVAILABLE, driverCode: '57P01' })
      await client.query('ROLLBACK')
      t.equal((await store.users.find(user.identity_id))?.email, user.email)
    })

    await t.test('a connection cut under a statement, without a word of the server, too (K04)', async (t) => {
      const proxy = await cuttableProxy(t, url)
      const behind = await open(t, { url: proxy.url })
      await untilReady(behind)
      await holdRow()
      const upsert = behind.users.upsert(newer).catch((error: unknown) => error)
      const waits = `SELECT 1 ${storeBackends} AND wait_event_type = 'Lock'`
      await until(async () => (await client.query(waits)).rowCount !== 0)
      proxy.cut()
      t.match(await upsert, UNAVAILABLE)
      await client.query('ROLLBACK')
      await behind.ping()
    })

    await t.test('killed idle connections are reported and replaced', async (t) => {
      await Promise.all([store.ping(), store.ping()])
      errors.length = 0
      const { rowCount } = await client.query(`SELECT pg_terminate_backend(pid) ${storeBackends} AND state = 'idle'`)
      t.ok(rowCount)
      await until(() => errors.length >= (rowCount ?? 0))
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
}

/** Addresses and servers that refuse. */
export function testUnusable (t: Test, server: PostgresServer): Promise<unknown> {
  return t.test('a Postgres that cannot be used', async (t) => {
    const fails = async (t: Test, url: string, driverCode: string) => {
      const errors: unknown[] = []
      const store = await open(t, { url, waitMs: 300, onError: (error) => errors.push(error) })
      await until(() => errors.length > 0)
      t.match(errors[0], { ...UNAVAILABLE, driverCode })
      t.notMatch(String(errors[0]), /secret/)
      await t.rejects(store.ping(), UNAVAILABLE)
    }
    await t.test('wrong password', (t) => fails(t, server.url.replace('secret', 'wrong-secret'), '28P01'))
    await t.test('no such database', (t) => fails(t, `${server.url}-missing`, '3D000'))
    await t.test('a server that accepts and says nothing', async (t) => fails(t, await silentServer(t), 'TIMEOUT'))
    await t.test('read-only: reads go on, writes are 503, and the ping tells (K13)', async (t) => {
      const store = await open(t, { url: urlWith(server.url, 'default_transaction_read_only=on') })
      await until(() => store.isMigrated())
      t.equal(await store.users.find(someUser().identity_id), undefined)
      await t.rejects(store.ping(), { ...UNAVAILABLE, driverCode: '25006' })
      await t.rejects(store.users.upsert(someUser()), { ...UNAVAILABLE, driverCode: '25006' })
    })
    await t.test('tables that were dropped behind our back', async (t) => {
      const url = await newDatabase(t, server.url)
      const store = await open(t, { url })
      await untilReady(store)
      await (await connect(t, url)).query('DROP TABLE users CASCADE')
      await t.rejects(store.ping(), { ...UNAVAILABLE, driverCode: '42P01' })
    })
  })
}
