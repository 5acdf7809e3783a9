import type { Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attempt } from '../../src/service/store/deletions.js'
import type { Store } from '../../src/service/store/store.js'
import { someUser } from './records.js'

export async function testDeletions (t: Test, { users, documents, deletions }: Store): Promise<void> {
  const withdraw = async (attempt: Attempt | undefined): Promise<void> => {
    if (attempt !== undefined) await deletions.withdraw(attempt)
  }

  await t.test('a deletion takes all rows, and nothing brings them back', async (t) => {
    const [user, other] = [someUser(), someUser()]
    await Promise.all([users.upsert(user), users.upsert(other)])
    await documents.create(user.identity_id, { title: 't', content: 'c' })
    const kept = await documents.create(other.identity_id, { title: 'kept', content: '' })
    await deletions.begin(user.identity_id)
    await deletions.finish(user.identity_id.toUpperCase())
    await deletions.finish(user.identity_id)
    t.equal(await deletions.isDeleted(user.identity_id), true)
    t.same(await users.upsert({ ...user, updated_at: '2030-01-01T00:00:00Z' }), { created: false })
    await t.rejects(users.ensure(user), { name: 'AccountDeletedError' })
    await t.rejects(documents.create(user.identity_id, { title: 't', content: 'c' }), { name: 'MissingOwnerError' })
    t.equal(await users.find(user.identity_id), undefined)
    t.same(await documents.list(user.identity_id, { limit: 10 }), { documents: [], nextCursor: null })
    t.ok(await documents.get(other.identity_id, kept.id))
    t.equal(await deletions.isDeleted(other.identity_id), false)
  })

  await t.test('one that was only asked for changes nothing, and can be withdrawn', async (t) => {
    const user = someUser()
    await users.upsert(user)
    await withdraw(await deletions.begin(user.identity_id))
    t.same(await users.ensure(user), { created: false })
    t.ok(await documents.create(user.identity_id, { title: 't', content: 'c' }))
    t.equal(await deletions.takeOver(-1), undefined, 'nothing is left of it')
    const attempt = await deletions.begin(user.identity_id)
    await deletions.finish(user.identity_id)
    await withdraw(attempt)
    t.equal(await deletions.isDeleted(user.identity_id), true, 'a tombstone cannot be withdrawn')
  })

  await t.test('one that was asked for before is not withdrawn by who asks again', async (t) => {
    const user = someUser()
    const first = await deletions.begin(user.identity_id)
    await sleep(5)
    t.equal(await deletions.begin(user.identity_id), undefined)
    await withdraw(first)
    await sleep(5)
    const left = await deletions.takeOver(1)
    t.equal(left?.identityId, user.identity_id, 'nor by the first, once somebody else is at work')
    await withdraw(left)
    t.equal(await deletions.takeOver(-1), undefined, 'the last one can')
  })

  await t.test('while nobody knows what became of one, nobody is told that the account is gone', async (t) => {
    const user = someUser()
    const attempt = await deletions.begin(user.identity_id)
    await t.rejects(users.ensure(user), { name: 'StoreUnavailableError' })
    t.equal(await users.find(user.identity_id), undefined)
    await withdraw(attempt)
    t.same(await users.ensure(user), { created: true })
  })

  await t.test('writes that race with a deletion leave no row', async (t) => {
    for (let round = 0; round < 25; round++) {
      const user = someUser()
      if (round % 2 === 0) await users.upsert(user)
      await deletions.begin(user.identity_id)
      const write = async (year: number): Promise<void> => {
        await users.upsert({ ...user, updated_at: `20${year}-01-01T00:00:00Z` })
        await users.ensure(user).catch(() => {})
        await documents.create(user.identity_id, { title: 't', content: 'c' }).catch(() => {})
      }
      await Promise.all([...[30, 31, 32, 33].map(write), deletions.finish(user.identity_id), write(34), write(35)])
      t.equal(await users.find(user.identity_id), undefined)
      t.same((await documents.list(user.identity_id, { limit: 1 })).documents, [])
    }
  })

  await t.test('of several that look for an unfinished deletion, one gets it', async (t) => {
    const user = someUser()
    await deletions.begin(user.identity_id)
    t.equal(await deletions.takeOver(60_000), undefined, 'somebody may be at work on it')
    await sleep(20)
    const taken = await Promise.all(Array.from({ length: 8 }, () => deletions.takeOver(15)))
    t.same(taken.filter((attempt) => attempt !== undefined).map(({ identityId }) => identityId), [user.identity_id])
    await deletions.finish(user.identity_id)
    t.equal(await deletions.takeOver(0), undefined, 'it is finished')
    await deletions.forgetOld()
    t.equal(await deletions.isDeleted(user.identity_id), true, 'a young tombstone stays')
  })
}
