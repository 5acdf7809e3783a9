import type { Test } from 'tap'
import { openStore } from '../../src/service/store/store.js'
import { someUser } from './records.js'
import { untilReady } from './repository-cases.js'

/** What keeps a database from taking any event, and lets it again. */
export interface Breaker {
  refuseEvents: () => Promise<unknown>
  takeEvents: () => Promise<unknown>
}

/** On a database of its own. @param breakerOf made once the tables are there */
export async function testAtomicity (t: Test, url: string, breakerOf: () => Promise<Breaker>): Promise<void> {
  const store = await openStore({ url, replica: 'one', waitMs: 30_000, statementTimeoutMs: 30_000 })
  t.teardown(() => store.close())
  await untilReady(store)
  const { users, deletions, events } = store
  const breaker = await breakerOf()
  const [user, stranger] = [someUser(), someUser()]
  await users.upsert(user)
  const id = user.identity_id
  const before = await users.find(id)
  const newer = { ...user, email: 'newer@example.com', updated_at: '2099-01-01T00:00:00Z' }

  const changes: Record<string, () => Promise<unknown>> = {
    'a new row by webhook': () => users.upsert(stranger),
    'a new row at first use': () => users.ensure(stranger),
    'a row that changes': () => users.upsert(newer),
    'a row that goes': () => users.delete(id),
    'a deletion with its tombstone': () => deletions.finish(id),
  }
  for (const [what, change] of Object.entries(changes)) {
    await t.test(`without its event there is not: ${what} (H10)`, async (t) => {
      await breaker.refuseEvents()
      await t.rejects(change())
      await breaker.takeEvents()
      t.same(await users.find(id), before, 'the row is as it was')
      t.equal(await users.find(stranger.identity_id), undefined)
      t.equal(await deletions.isDeleted(id), false)
      t.same((await events.list({ limit: 10 })).map(({ type }) => type), ['user.created'], 'and nothing is told')
    })
  }

  await t.test('and afterwards all of it can be done', async (t) => {
    for (const change of Object.values(changes)) await change()
    const types = (await events.list({ limit: 10 })).map(({ type }) => type).reverse()
    t.same(types, ['user.created', 'user.created', 'user.updated', 'user.deleted', 'user.deleted'])
  })
}
