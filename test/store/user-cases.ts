import type { Test } from 'tap'
import { InvalidValueError } from '../../src/service/store/errors.js'
import type { Store } from '../../src/service/store/store.js'
import { someUser } from './records.js'

export async function testUsers (t: Test, { users, documents }: Store): Promise<void> {
  await t.test('upsert inserts once and repeats are harmless (F08)', async (t) => {
    const user = someUser()
    t.same(await users.upsert(user), { created: true })
    t.same(await users.upsert({ ...user, created_at: '2025-01-01T00:00:00Z' }), { created: false })
    t.same(await users.find(user.identity_id), {
      ...user,
      created_at: '2024-01-15T12:20:00.000000Z',
      updated_at: '2024-01-15T12:20:00.500000Z',
    })
  })

  await t.test('100 identical deliveries at once give one row and one insert (F09)', async (t) => {
    const user = someUser()
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => users.upsert(user)))
    t.equal(outcomes.filter(({ created }) => created).length, 1)
    t.equal((await users.find(user.identity_id))?.email, user.email)
  })

  await t.test('only newer news changes a row, whatever the length of the fraction (F10)', async (t) => {
    const user = someUser({ updated_at: '2024-01-15T12:20:18.24773Z' })
    await users.upsert(user)
    const news = async (email: string, updatedAt: string) => {
      t.same(await users.upsert({ ...user, email, updated_at: updatedAt }), { created: false })
      return (await users.find(user.identity_id))?.email
    }
    t.equal(await news('equal@example.com', '2024-01-15T12:20:18.247730Z'), user.email)
    t.equal(await news('older@example.com', '2024-01-15T12:20:18.247729Z'), user.email)
    t.equal(await news('older@example.com', '2024-01-15T12:20:18Z'), user.email)
    t.equal(await news('older@example.com', '2024-01-15T14:20:18.3+02:30'), user.email)
    t.equal(await news('newer@example.com', '2024-01-15T12:20:18.2478Z'), 'newer@example.com')
    t.equal(await news('late@example.com', '2024-01-15T12:20:18.24775Z'), 'newer@example.com')
    t.equal((await users.find(user.identity_id))?.created_at, '2024-01-15T12:20:00.000000Z')
  })

  await t.test('ensure inserts what is missing, never goes back, and later news is merged (F11, F12)', async (t) => {
    const user = someUser({ email: null })
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => users.ensure(user)))
    t.equal(outcomes.filter(({ created }) => created).length, 1)
    for (const updatedAt of ['2020-01-01T00:00:00Z', user.updated_at]) {
      t.same(await users.ensure({ ...user, email: 'x@example.com', updated_at: updatedAt }), { created: false })
      t.equal((await users.find(user.identity_id))?.email, null)
    }
    t.same(await users.upsert({ ...user, email: 'x@example.com', updated_at: '2025-01-01T00:00:00Z' }), {
      created: false,
    })
    t.equal((await users.find(user.identity_id))?.email, 'x@example.com')
  })

  await t.test('ensure refreshes a row that is older than what a session shows', async (t) => {
    const user = someUser()
    await users.upsert(user)
    const changed = { ...user, email: 'changed@example.com', updated_at: '2030-01-01T00:00:00Z' }
    t.same(await users.ensure(changed), { created: false })
    t.equal((await users.find(user.identity_id))?.email, 'changed@example.com')
  })

  await t.test('two identities may have the same e-mail (F15)', async (t) => {
    t.same(await users.upsert(someUser()), { created: true })
    t.same(await users.upsert(someUser()), { created: true })
  })

  await t.test('an identity id has one spelling, and only a UUID is one', async (t) => {
    const user = someUser()
    t.same(await users.upsert({ ...user, identity_id: user.identity_id.toUpperCase() }), { created: true })
    t.same(await users.upsert(user), { created: false })
    t.equal((await users.find(user.identity_id.toUpperCase()))?.identity_id, user.identity_id)
    for (const id of ['', 'x', `${user.identity_id}0`]) {
      await t.rejects(users.upsert({ ...user, identity_id: id }), InvalidValueError)
    }
  })

  await t.test('delete takes the documents with it, however many', async (t) => {
    const [user, other] = [someUser(), someUser()]
    await Promise.all([users.upsert(user), users.upsert(other)])
    const kept = await documents.create(other.identity_id, { title: 'kept', content: '' })
    for (let i = 0; i < 26; i++) { // more than one batch
      await Promise.all(
        Array.from({ length: 20 }, () => documents.create(user.identity_id, { title: 't', content: 'c' })),
      )
    }
    t.equal(await users.delete(user.identity_id), true)
    t.equal(await users.delete(user.identity_id), false)
    t.equal(await users.find(user.identity_id), undefined)
    t.same(await documents.list(user.identity_id, { limit: 100 }), { documents: [], nextCursor: null })
    t.ok(await documents.get(other.identity_id, kept.id))
  })
}
