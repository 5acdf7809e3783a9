import type { Test } from 'tap'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, cuttableProxy, newDatabase, open } from './postgres-clients.js'
import type { PostgresServer } from './postgres-server.js'
import { someUser } from './records.js'
import { untilReady } from './repository-cases.js'
import { until } from '../support/until.js'

/** What PgBouncer 1.18 takes of a startup message; everything else it refuses in these words. */
const KNOWN_PARAMETERS = ['user', 'database', 'client_encoding', 'application_name', 'datestyle', 'timezone']

async function startBouncer (t: Test): Promise<{ url: string, refused: Set<string>, asked: Promise<unknown> }> {
  const refused = new Set<string>()
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', (data: Buffer) => {
      const words = data.subarray(8).toString().split('\0').filter((word) => word !== '')
      const unknown = words.filter((name, index) => index % 2 === 0 && !KNOWN_PARAMETERS.includes(name.toLowerCase()))
      for (const name of unknown) refused.add(name)
      const fields = 'SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: statement_timeout\0\0'
      const head = Buffer.from('E\0\0\0\0')
      head.writeUInt32BE(4 + fields.length, 1)
      socket.end(Buffer.concat([head, Buffer.from(fields)]))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `postgres://u:secret@127.0.0.1:${port}/d`, refused, asked: once(server, 'connection') }
}

/** Needs a server that runs. */
export function testOperation (t: Test, server: PostgresServer): Promise<unknown> {
  return t.test('a Postgres as operators run it', async (t) => {
    const client = await connect(t, server.url)

    /** A role of its own, whose settings a test may change. */
    async function newRole (t: Test, name: string): Promise<string> {
      const url = new URL(await newDatabase(t, server.url))
      await client.query(`CREATE ROLE ${name} LOGIN SUPERUSER PASSWORD 'secret-of-the-test'`)
      url.username = name
      return url.href
    }

    await t.test('a connection that has become read-only is thrown away, also under load (25006)', async (t) => {
      const store = await open(t, { url: await newRole(t, 'demoted'), maxConnections: 3 })
      await untilReady(store)
      await client.query('ALTER ROLE demoted SET default_transaction_read_only = on')
      await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'demoted'")
      const write = (): Promise<boolean> => store.users.upsert(someUser()).then(() => true, () => false)
      const over = new AbortController()
      const load = Array.from({ length: 3 }, async () => {
        while (!over.signal.aborted) {
          await write()
          await sleep(2)
        }
      })
      while (await write());
      t.same(await Promise.all(Array.from({ length: 6 }, write)), Array.from({ length: 6 }, () => false))
      await client.query('ALTER ROLE demoted RESET default_transaction_read_only')
      while (!await write());
      await Promise.all(Array.from({ length: 6 }, write))
      t.same(await Promise.all(Array.from({ length: 20 }, write)), Array.from({ length: 20 }, () => true))
      over.abort()
      await Promise.all(load)
    })

    await t.test('a connection has a longest life, however busy it is', async (t) => {
      const url = `${server.url}?application_name=aged`
      const store = await open(t, { url, maxConnections: 1, maxConnectionAgeSeconds: 1 })
      await untilReady(store)
      const process = async (): Promise<number[]> =>
        (await client.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'aged'")).rows.map((row) => row.pid)
      const [first] = await process()
      await until(async () => {
        await store.ping()
        const [next] = await process()
        return next !== undefined && next !== first
      })
      t.pass('another process serves it')
    })

    await t.test('sends no startup parameter that PgBouncer refuses, and tells what a server says', async (t) => {
      const bouncer = await startBouncer(t)
      const errors: unknown[] = []
      await open(t, { url: bouncer.url, onError: (error) => errors.push(error) })
      await until(() => errors.length > 0)
      t.same([...bouncer.refused], [])
      t.match(errors[0], { driverCode: '08P01', message: /unsupported startup parameter/ })
      t.notMatch(String(errors[0]), /secret/)
    })

    await t.test('without TLS at the server the log says so', async (t) => {
      const errors: unknown[] = []
      await open(t, { url: `${server.url}?sslmode=require`, onError: (error) => errors.push(error) })
      await until(() => errors.length > 0)
      t.match(String(errors[0]), /does not support SSL/)
    })

    await t.test('fewer connections than the pool may have are enough: callers wait for one (K18)', async (t) => {
      const proxy = await cuttableProxy(t, await newRole(t, 'frugal'))
      const store = await open(t, { url: proxy.url })
      await untilReady(store)
      await client.query('ALTER ROLE frugal NOSUPERUSER CONNECTION LIMIT 3')
      await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'frugal'")
      await client.query('GRANT pg_read_all_data, pg_write_all_data TO frugal')
      // The pool hears of its connections' end.
      await untilReady(store)
      const before = proxy.connections()
      const outcomes = []
      for (let round = 0; round < 5; round++) {
        outcomes.push(...await Promise.allSettled(
          Array.from({ length: 40 }, () => store.users.find(someUser().identity_id)),
        ))
      }
      const refused = outcomes.filter(({ status }) => status === 'rejected')
      t.same(refused.slice(0, 3), [], `${refused.length} of ${outcomes.length} refused`)
      const tried = proxy.connections() - before
      t.ok(tried <= 15, `${tried} connections tried: not one for each that waits`)
    })

    await t.test('a migration that only a newer version knows does not cut this one off', async (t) => {
      const url = await newDatabase(t, server.url)
      await untilReady(await open(t, { url }))
      await (await connect(t, url)).query("INSERT INTO fastify_kratos_migrations VALUES ('9999_future', '2026-01-01')")
      const told: string[][] = []
      const store = await open(t, { url, onNewer: (names) => told.push(names) })
      await untilReady(store)
      t.same(told, [['9999_future']])
      t.same(await store.users.upsert(someUser()), { created: true })
    })

    await t.test('a migration that may not be made says what the server said', async (t) => {
      const url = new URL(await newDatabase(t, server.url))
      await client.query("CREATE ROLE powerless LOGIN PASSWORD 'secret-of-the-test'")
      url.username = 'powerless'
      const errors: unknown[] = []
      await open(t, { url: url.href, onError: (error) => errors.push(error) })
      await until(() => errors.length > 0)
      t.match(String(errors[0]), /42501.*permission denied for schema public/)
    })
  })
}
