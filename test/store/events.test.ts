import { join } from 'node:path'
import Libsql from 'libsql'
import type { Test } from 'tap'
import { temporaryFolder } from '../support/app.js'
import { type Breaker, testAtomicity } from './atomic-cases.js'
import { testEvents } from './event-cases.js'
import { testJobs } from './job-cases.js'
import { connect, newDatabase } from './postgres-clients.js'
import { sharedPostgres } from './postgres-server.js'
import { testSubscribers } from './subscriber-cases.js'

async function sqliteBreaker (path: string): Promise<Breaker> {
  const run = async (sql: string): Promise<void> => {
    const database = new Libsql(path)
    database.exec(sql)
    database.close()
  }
  return {
    refuseEvents: () => run("CREATE TRIGGER refused BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'refused'); END"),
    takeEvents: () => run('DROP TRIGGER refused'),
  }
}

async function postgresBreaker (t: Test, url: string): Promise<Breaker> {
  const client = await connect(t, url)
  await client.query("CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'refused'; END $$ LANGUAGE plpgsql")
  return {
    refuseEvents: () =>
      client.query('CREATE TRIGGER refused BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse()'),
    takeEvents: () => client.query('DROP TRIGGER refused ON events'),
  }
}

export default async function (t: Test): Promise<void> {
  t.test('events on SQLite', async (t) => {
    const folder = await temporaryFolder(t)
    const atomic = join(folder, 'atomic.db')
    await testAtomicity(t, atomic, () => sqliteBreaker(atomic))
    await testJobs(t, join(folder, 'jobs.db'))
    await testEvents(t, join(folder, 'events.db'))
    await testSubscribers(t, join(folder, 'subscribers.db'))
  })

  t.test('events on Postgres', async (t) => {
    const server = await sharedPostgres(t)
    await server.start()
    const atomic = await newDatabase(t, server.url)
    await testAtomicity(t, atomic, () => postgresBreaker(t, atomic))
    await testJobs(t, await newDatabase(t, server.url))
    await testEvents(t, await newDatabase(t, server.url))
    await testSubscribers(t, await newDatabase(t, server.url))
  })
}
