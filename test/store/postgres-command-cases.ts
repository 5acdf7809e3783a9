import type { Test } from 'tap'
import pg from 'pg'
import { runChecks } from '../../src/doctor/finding.js'
import { DATABASE_CHECKS } from '../../src/service/doctor/database-checks.js'
import { askBus, askDatabase } from '../../src/service/doctor/database-facts.js'
import { MIGRATIONS } from '../../src/service/store/migrations.js'
import { run, transpiled } from '../support/process.js'
import { runService } from '../support/service-command.js'
import { until } from '../support/until.js'
import { connect, newDatabase, open } from './postgres-clients.js'
import type { PostgresServer } from './postgres-server.js'
import { someUser } from './records.js'
import { untilReady } from './repository-cases.js'

const SERVICE = transpiled('src/cli/service.ts')
const NUMBER_OF_JOBS = 3

/** A role of its own in a database, without the right to create anything. */
async function newRole (t: Test, url: string, name: string, more = ''): Promise<string> {
  const client = await connect(t, url)
  await client.query(`CREATE ROLE ${name} LOGIN PASSWORD 'pw' ${more}`)
  // The server ends sessions of the role by itself when the test's own are closed.
  t.teardown(async () => {
    const last = new pg.Client(url)
    await last.connect()
    await last.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`).finally(() => last.end())
  })
  const address = new URL(url)
  address.username = name
  address.password = 'pw'
  return address.href
}

/** Commands that an operator runs before and beside the service. */
export async function testCommands (t: Test, server: PostgresServer): Promise<void> {
  t.test('migrate and doctor on Postgres', async (t) => {
    const found = async (url: string, poolSize = 10): Promise<string[]> =>
      runChecks(DATABASE_CHECKS, await askDatabase(url, { poolSize, replicas: 1 })).map(({ check }) => check)

    await t.test('jobs that start together migrate once, and each ends well', async (t) => {
      const url = await newDatabase(t, server.url)
      const jobs = Array.from({ length: NUMBER_OF_JOBS }, () => run(t, [SERVICE, 'migrate'], { DATABASE_URL: url }))
      const codes = await Promise.all(jobs.map(async ({ ended }) => (await ended).code))
      t.same(codes, jobs.map(() => 0), jobs.map(({ output }) => output()).join())
      const outputs = jobs.map(({ output }) => output()).sort()
      t.same(outputs, [`Migrated: ${Object.keys(MIGRATIONS).join(', ')}\n`, ...Array(NUMBER_OF_JOBS - 1).fill('Nothing to migrate\n')])
    })

    await t.test('a job waits for one that holds the row, and the database needs no advisory locks', async (t) => {
      const url = await newDatabase(t, server.url)
      const holder = await connect(t, url)
      await holder.query('CREATE TABLE fastify_kratos_migration_lock (id integer PRIMARY KEY); INSERT INTO fastify_kratos_migration_lock VALUES (1)')
      await holder.query('BEGIN')
      await holder.query('SELECT id FROM fastify_kratos_migration_lock FOR UPDATE')
      const job = runService(['migrate'], { DATABASE_URL: url })
      const watcher = await connect(t, url)
      const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%for update%'"
      await until(async () => (await watcher.query(waits)).rowCount !== 0)
      t.equal((await watcher.query("SELECT to_regclass('users') AS users")).rows[0].users, null)
      t.same((await watcher.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")).rows, [])
      await holder.query('COMMIT')
      t.match(await job, { code: 0, output: /^Migrated: / })
    })

    await t.test('a role without DDL is enough once the job was there, and not before', async (t) => {
      const url = await newDatabase(t, server.url)
      const role = await newRole(t, url, 'small_role')
      const early = await runService(['migrate', '--timeout', '1'], { DATABASE_URL: role })
      t.equal(early.code, 1)
      t.match(early.output, /permission denied[^]*The database was not migrated\n$/)
      t.match(await found(role), ['database-migrations'])

      t.match(await runService(['migrate'], { DATABASE_URL: url }), { code: 0 })
      t.match((await found(role)).sort(), ['database-migrations', 'database-rights'])
      const owner = await connect(t, url)
      await owner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO small_role')
      t.same(await found(role), [])
      const store = await open(t, { url: role })
      await untilReady(store)
      t.same(await store.users.upsert(someUser()), { created: true })
      await owner.query('REVOKE DELETE ON users FROM small_role')
      t.same(await found(role), ['database-rights'])
    })

    await t.test('a copy of the database, as a restore makes it, knows who was deleted', async (t) => {
      const url = await newDatabase(t, server.url)
      const store = await open(t, { url })
      await untilReady(store)
      const [kept, gone] = [someUser(), someUser()]
      for (const user of [kept, gone]) await store.users.upsert(user)
      await store.deletions.finish(gone.identity_id)
      await store.close()
      const copy = `${url}_copy`
      const name = (address: string): string => new URL(address).pathname.slice(1)
      await (await connect(t, server.url)).query(`CREATE DATABASE ${name(copy)} TEMPLATE ${name(url)}`)
      t.match(await runService(['migrate'], { DATABASE_URL: copy }), { code: 0 })
      const restored = await open(t, { url: copy })
      await untilReady(restored)
      t.match(await restored.users.find(kept.identity_id), { identity_id: kept.identity_id })
      t.same(await restored.users.upsert(gone), { created: false }, 'and a late delivery does not bring it back')
      t.equal(await restored.users.find(gone.identity_id), undefined)
      t.same(await restored.inventory.buried([kept.identity_id, gone.identity_id]), [gone.identity_id])
    })

    await t.test('a superuser, a wrong password, a missing database, a limit of the role, and a server that is read-only', async (t) => {
      const url = await newDatabase(t, server.url)
      await open(t, { url }).then(untilReady)
      t.same(await found(url), ['database-superuser'])
      t.same(await askBus(url), { isHeard: true })
      t.match(await askBus(url.replace(/[^/]+$/, 'nowhere')), { isHeard: false, fault: '3D000' })
      t.match(await askDatabase(url.replace('secret-of-the-test', 'no-secret'), { poolSize: 1, replicas: 1 }), { fault: '28P01', server: undefined })
      t.match(await askDatabase(url.replace(/[^/]+$/, 'nowhere'), { poolSize: 1, replicas: 1 }), { fault: '3D000' })
      const limited = await newRole(t, url, 'limited_role', 'CONNECTION LIMIT 5')
      await (await connect(t, url)).query('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO limited_role')
      t.same(await found(limited, 4), [])
      t.same(await found(limited, 5), ['database-pool'])
      t.ok((await found(`${url}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`)).includes('database-read-only'))
    })
  })
}
