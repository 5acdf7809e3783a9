import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { openStore, type NewEvent, type Store } from '../../src/service/store/store.js'
import { someUser } from './records.js'
import { untilReady } from './repository-cases.js'

const DAY_MS = 24 * 60 * 60_000
const ADDRESS = { full: '203.0.113.7', network: '203.0.113.0/24' }

const typesOf = async ({ events }: Store, identityId: string): Promise<string[]> =>
  (await events.list({ identityId, limit: 100 })).map(({ type }) => type).reverse()

const someEvent = (changes: Partial<NewEvent> = {}): NewEvent & { id: string } =>
  ({ type: 'session.started', identityId: randomUUID(), address: ADDRESS, ...changes, id: changes.id ?? randomUUID() })

/** On a database of its own, because retention looks at all of it. */
export async function testEvents (t: Test, url: string): Promise<void> {
  const store = await openStore({ url, replica: 'one', waitMs: 30_000, statementTimeoutMs: 30_000 })
  t.teardown(() => store.close())
  await untilReady(store)
  const { users, deletions, events } = store

  await t.test('a change of a user and its event are one', async (t) => {
    const user = someUser()
    const origin = { requestId: 'r1', address: ADDRESS }
    await users.upsert(user, origin)
    await users.upsert(user, origin)
    await users.upsert({ ...user, updated_at: '2030-01-01T00:00:00Z' }, { requestId: 'r2' })
    await users.ensure(user)
    await users.upsert({ ...user, email: 'a\0b' }).catch(() => {})
    const all = await events.list({ identityId: user.identity_id.toUpperCase(), limit: 10 })
    t.match(all, [
      { type: 'user.updated', identity_id: user.identity_id, request_id: 'r2', address: null, replica: 'one', count: 1 },
      { type: 'user.created', identity_id: user.identity_id, request_id: 'r1', address: ADDRESS.full },
    ])
    t.equal(all.length, 2, 'late and repeated news change nothing')
    t.notMatch(JSON.stringify(all), /example\.com|John|johndoe/, 'no trait')
    await users.delete(user.identity_id)
    await users.delete(user.identity_id)
    t.same(await typesOf(store, user.identity_id), ['user.created', 'user.updated', 'user.deleted'])
  })

  await t.test('a deletion is one event, and takes the addresses with it (H11)', async (t) => {
    const user = someUser()
    await users.upsert(user, { address: ADDRESS })
    await events.record([someEvent({ identityId: user.identity_id })])
    await deletions.begin(user.identity_id)
    t.match(await events.list({ identityId: user.identity_id, limit: 10 }), Array(2).fill({ address: ADDRESS.full }))
    await deletions.finish(user.identity_id, { requestId: 'r3' })
    await deletions.finish(user.identity_id)
    const all = await events.list({ identityId: user.identity_id, limit: 10 })
    t.same(all.map(({ type, address }) => [type, address]), [
      ['user.deleted', null],
      ['session.started', null],
      ['user.created', null],
    ])
    t.match(all[0], { request_id: 'r3' })
    await users.upsert({ ...user, updated_at: '2031-01-01T00:00:00Z' })
    t.equal((await typesOf(store, user.identity_id)).length, 3, 'what a tombstone refuses is no event')
    await events.record([someEvent({ identityId: user.identity_id })])
    await events.prune(90)
    t.match((await events.list({ identityId: user.identity_id, limit: 1 })), [{ type: 'session.started', address: null }], 'nor is that of a late one kept')
  })

  await t.test('writes that race with a deletion end with it', async (t) => {
    for (let round = 0; round < 10; round++) {
      const user = someUser()
      await deletions.begin(user.identity_id)
      const write = (year: number) => users.upsert({ ...user, updated_at: `20${year}-01-01T00:00:00Z` })
      await Promise.all([write(30), deletions.finish(user.identity_id), write(31), write(32)])
      t.equal((await typesOf(store, user.identity_id)).at(-1), 'user.deleted')
    }
  })

  await t.test('events have one order, whoever writes them, and can be written twice', async (t) => {
    const identityId = randomUUID()
    const groups = Array.from({ length: 12 }, (_, group) =>
      Array.from({ length: 7 }, () => someEvent({ identityId, reason: String(group) })))
    await Promise.all(groups.map((group) => events.record(group)))
    await events.record(groups[0] ?? [])
    const all = await events.list({ identityId, limit: 200 })
    t.equal(all.length, 84)
    t.equal(new Set(all.map(({ position }) => position)).size, 84)
    for (const group of groups) {
      const ids = all.filter(({ reason }) => reason === group[0]?.reason).map(({ id }) => id).reverse()
      t.same(ids, group.map(({ id }) => id), 'in the order of their group')
    }
    const [first = all[0]] = all.slice(40)
    const older = await events.list({ identityId, before: first?.position, limit: 100 })
    t.same(older.map(({ id }) => id), all.slice(41).map(({ id }) => id), 'a page begins where the other ended')
  })

  await t.test('failed logins of one address and minute are one row with a count', async (t) => {
    const failure = { type: 'login.failed', id: randomUUID(), identityId: undefined } as const
    await Promise.all([3, 1, 5].map((count) => events.record([someEvent({ ...failure, count })])))
    const found = (await events.list({ limit: 10 })).filter(({ id }) => id === failure.id)
    t.match(found, [{ type: 'login.failed', count: 9, identity_id: null }])
    t.equal(found.length, 1)
  })

  await t.test('what is old goes: addresses after a week, events after their days', async (t) => {
    const identityId = randomUUID()
    const ages = [1, 6.9, 7.1, 89, 91, 400]
    await events.record(ages.map((days) => someEvent({ identityId, at: Date.now() - days * DAY_MS })))
    await events.prune(90)
    const left = await events.list({ identityId, limit: 10 })
    t.same(left.map(({ address }) => address).reverse(), [ADDRESS.full, ADDRESS.full, ADDRESS.network, ADDRESS.network])
    await events.record(Array.from({ length: 1100 }, () => someEvent({ at: Date.now() - 100 * DAY_MS })))
    await events.prune(90)
    t.equal((await events.list({ identityId, limit: 10 })).length, 4)
    await events.prune(0)
    t.same(await events.list({ limit: 10 }), [], '0 days: none')
  })

  await t.test('without a name of its own a store writes none', async (t) => {
    const silent = await openStore({ url, waitMs: 30_000, statementTimeoutMs: 30_000 })
    t.teardown(() => silent.close())
    await untilReady(silent)
    const user = someUser()
    await silent.users.upsert(user)
    await silent.deletions.finish(user.identity_id)
    t.same(await typesOf(silent, user.identity_id), [])
  })
}
