import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../support/app.js'
import { testEvents } from './event-cases.js'
import { newDatabase } from './postgres-clients.js'
import { preparePostgres } from './postgres-server.js'
import { testSubscribers } from './subscriber-cases.js'

export default async function (t: Test): Promise<void> {
  t.test('events on SQLite', async (t) => {
    const folder = await temporaryFolder(t)
    await testEvents(t, join(folder, 'events.db'))
    await testSubscribers(t, join(folder, 'subscribers.db'))
  })

  t.test('events on Postgres', async (t) => {
    const server = await preparePostgres()
    t.teardown(() => server.remove())
    await server.start()
    await testEvents(t, await newDatabase(t, server.url))
    await testSubscribers(t, await newDatabase(t, server.url))
  })
}
