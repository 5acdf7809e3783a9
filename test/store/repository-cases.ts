import type { Test } from 'tap'
import { randomUUID } from 'node:crypto'
import { InvalidCursorError, InvalidValueError, MissingOwnerError } from '../../src/store/errors.js'
import { openStore, type Store } from '../../src/store/store.js'
import { someUser } from './records.js'

export interface TestDatabase {
  url: string
  /** How the database would run a statement, as text, indexes preferred. */
  explain (sql: string): Promise<string>
  /** What `explain` says of a statement that has to read every row. */
  fullScan: RegExp
}

const HOSTILE = ['\' OR 1=1 --', '"; DROP TABLE users; --', '%', '_', '\\', '$1', '?', ':a', '../..', 'x'.repeat(10_000)]

/** The behaviour that both databases must show alike. */
export async function testRepositories (t: Test, store: Store, database: TestDatabase): Promise<void> {
  await testUsers(t, store)
  await testDocuments(t, store)
  await testPaging(t, store)
  await testValues(t, store)
  await testStatements(t, database)
}

async function testUsers (t: Test, { users, documents }: Store): Promise<void> {
  await t.test('upsert inserts once and repeats are harmless (F08)', async (t) => {
    const user = someUser()
    t.same(await users.upsert(user), { created: true })
    t.same(await users.upsert({ ...user, created_at: '2025-01-01T00:00:00Z' }), { created: false })
    t.same(await users.find(user.identity_id), {
      ...user, created_at: '2024-01-15T12:20:00.000000Z', updated_at: '2024-01-15T12:20:00.500000Z'
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

  await t.test('ensure inserts what is missing, never overwrites, and later news is merged (F11, F12)', async (t) => {
    const user = someUser({ email: null })
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => users.ensure(user)))
    t.equal(outcomes.filter(({ created }) => created).length, 1)
    t.same(await users.ensure({ ...user, email: 'x@example.com', updated_at: '2030-01-01T00:00:00Z' }), { created: false })
    t.equal((await users.find(user.identity_id))?.email, null)
    t.same(await users.upsert({ ...user, email: 'x@example.com', updated_at: '2025-01-01T00:00:00Z' }), { created: false })
    t.equal((await users.find(user.identity_id))?.email, 'x@example.com')
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
      await Promise.all(Array.from({ length: 20 }, () => documents.create(user.identity_id, { title: 't', content: 'c' })))
    }
    t.equal(await users.delete(user.identity_id), true)
    t.equal(await users.delete(user.identity_id), false)
    t.equal(await users.find(user.identity_id), undefined)
    t.same(await documents.list(user.identity_id, { limit: 100 }), { documents: [], nextCursor: null })
    t.ok(await documents.get(other.identity_id, kept.id))
  })
}

async function testDocuments (t: Test, { users, documents }: Store): Promise<void> {
  const [owner, stranger] = [someUser(), someUser()]
  await Promise.all([users.upsert(owner), users.upsert(stranger)])
  const ownerId = owner.identity_id

  await t.test('a document is created, read, changed and removed', async (t) => {
    const created = await documents.create(ownerId, { title: 'Ärger 🎉', content: '' })
    t.match(created, { title: 'Ärger 🎉', content: '', created_at: /^\d{4}-.*\.\d{6}Z$/, updated_at: created.created_at })
    t.same(await documents.get(ownerId, created.id.toUpperCase()), created)
    const changed = await documents.update(ownerId, created.id, { content: '1' })
    t.match(changed, { ...created, content: '1', updated_at: /Z$/ })
    t.ok(changed !== undefined && changed.updated_at > created.updated_at)
    t.same(await documents.update(ownerId, created.id, {}), changed)
    t.equal(await documents.remove(ownerId, created.id), true)
    t.equal(await documents.remove(ownerId, created.id), false)
    t.equal(await documents.get(ownerId, created.id), undefined)
  })

  await t.test('a stranger\'s document is the same as a missing one (A36)', async (t) => {
    const { id } = await documents.create(ownerId, { title: 'mine', content: '' })
    for (const target of [id, randomUUID()]) {
      t.equal(await documents.get(stranger.identity_id, target), undefined)
      t.equal(await documents.update(stranger.identity_id, target, { title: 'theirs' }), undefined)
      t.equal(await documents.update(stranger.identity_id, target, {}), undefined)
      t.equal(await documents.remove(stranger.identity_id, target), false)
    }
    t.equal((await documents.get(ownerId, id))?.title, 'mine')
  })

  await t.test('a document without an owner\'s row has an error of its own', async (t) => {
    await t.rejects(documents.create(randomUUID(), { title: 't', content: 'c' }), MissingOwnerError)
  })

  await t.test('SQL in ids, cursors and texts is only text (A37)', async (t) => {
    for (const text of HOSTILE) {
      t.equal(await documents.get(ownerId, text), undefined)
      t.equal(await documents.remove(ownerId, text), false)
      t.same((await documents.list(text, { limit: 1 })).documents, [])
      await t.rejects(documents.list(ownerId, { limit: 1, cursor: text }), InvalidCursorError)
      const { id } = await documents.create(ownerId, { title: text, content: text })
      t.match(await documents.get(ownerId, id), { title: text, content: text })
      await documents.remove(ownerId, id)
    }
  })
}

async function testPaging (t: Test, { users, documents }: Store): Promise<void> {
  const [owner, stranger] = [someUser(), someUser()]
  await Promise.all([users.upsert(owner), users.upsert(stranger)])
  const add = (title: string, ownerId = owner.identity_id) => documents.create(ownerId, { title, content: '' })
  for (let i = 1; i <= 7; i++) await add(`d${i}`)
  for (let i = 1; i <= 7; i++) await add(`s${i}`, stranger.identity_id)
  const page = async (cursor?: string | null) => {
    const { documents: rows, nextCursor } = await documents.list(owner.identity_id, { limit: 3, cursor: cursor ?? undefined })
    return { titles: rows.map(({ title }) => title), nextCursor }
  }

  await t.test('pages are newest first and not moved by inserts and deletes', async (t) => {
    const first = await page()
    t.same(first.titles, ['d7', 'd6', 'd5'])
    await add('d8')
    const { documents: [, d7] } = await documents.list(owner.identity_id, { limit: 2 })
    await documents.remove(owner.identity_id, d7?.id ?? '')
    const second = await page(first.nextCursor)
    t.same(second.titles, ['d4', 'd3', 'd2'])
    const third = await page(second.nextCursor)
    t.same(third, { titles: ['d1'], nextCursor: null })
  })

  await t.test('a full last page has no cursor, and limits are 1 to 100 (A35)', async (t) => {
    const { documents: rows, nextCursor } = await documents.list(owner.identity_id, { limit: 7 })
    t.same([rows.length, nextCursor], [7, null])
    for (const limit of [-1, 0, 1.5, 101, 1e9, NaN]) {
      await t.rejects(documents.list(owner.identity_id, { limit }), InvalidValueError)
    }
  })

  await t.test('a forged or a stranger\'s cursor never returns rows (A35)', async (t) => {
    const { nextCursor } = await documents.list(stranger.identity_id, { limit: 3 })
    const own = (await page()).nextCursor ?? ''
    const forged = [nextCursor ?? '', '', 'x', `${own}A`, own.slice(1), `${own.slice(0, 50)}${own[50] === 'A' ? 'B' : 'A'}${own.slice(51)}`]
    for (const cursor of forged) {
      await t.rejects(documents.list(owner.identity_id, { limit: 3, cursor }), InvalidCursorError)
    }
    t.notMatch(Buffer.from(own, 'base64url').toString('latin1'), owner.identity_id)
  })
}

async function testValues (t: Test, { users, documents }: Store): Promise<void> {
  await t.test('what a column would not keep as it is, is refused and not stored (A18, F14)', async (t) => {
    const user = someUser()
    await users.upsert(user)
    const refused = [true, new Date(), undefined, NaN, 1.5, 2 ** 53, 1n, {}, Buffer.from('x'), 'a\0b', 'a\ud800b', '\udc00']
    for (const value of refused) {
      const email = value as string
      await t.rejects(users.upsert({ ...someUser(), email }), InvalidValueError, `${typeof value}`)
    }
    await t.rejects(documents.create(user.identity_id, { title: 'a\0b', content: '' }), InvalidValueError)
    await t.rejects(documents.get(user.identity_id, 'a\0b'), InvalidValueError)
    await t.rejects(users.find('a\0b'), InvalidValueError)
    const error = await users.upsert({ ...user, email: 'secret\0' }).catch((error: unknown) => error)
    t.notMatch(String(error), 'secret')
  })

  await t.test('a whole number in a text column is its digits', async (t) => {
    const user = someUser({ username: 7 as unknown as string })
    await users.upsert(user)
    t.equal((await users.find(user.identity_id))?.username, '7')
  })

  await t.test('long and multilingual text comes back as it went', async (t) => {
    const text = 'Zoë 王 🎉 e\u0301 \' " \\ \n \u2028'.repeat(2000)
    const user = someUser({ email: text })
    await users.upsert(user)
    t.equal((await users.find(user.identity_id))?.email, text)
  })
}

async function testStatements (t: Test, { url, explain, fullScan }: TestDatabase): Promise<void> {
  const statements = new Set<string>()
  const store = await openStore({ url, onQuery: ({ sql }) => statements.add(sql) })
  t.teardown(() => store.close())

  await t.test('every statement uses an index, and none contains a value (K07, A37)', async (t) => {
    await untilReady(store)
    statements.clear()
    const user = someUser({ email: 'needle@example.com' })
    await store.users.ensure(user)
    await store.users.upsert(user)
    const { id } = await store.documents.create(user.identity_id, { title: 'needle', content: 'needle' })
    await store.documents.create(user.identity_id, { title: 'needle', content: 'needle' })
    const { nextCursor } = await store.documents.list(user.identity_id, { limit: 1 })
    await store.documents.list(user.identity_id, { limit: 1, cursor: nextCursor ?? '' })
    await store.documents.update(user.identity_id, id, { title: 'needle' })
    await store.documents.remove(user.identity_id, id)
    await store.users.delete(user.identity_id)
    t.match(await explain('select * from documents where title = \'x\''), fullScan, 'the test can fail')
    t.ok(statements.size >= 8)
    for (const sql of statements) {
      t.notMatch(await explain(sql), fullScan, sql)
      t.notMatch(sql, new RegExp(`needle|${id}|${user.identity_id}`))
    }
  })
}

/** Postgres is migrated in the background; polls, because nothing else tells. */
export async function untilReady (store: Store): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    try { return await store.ping() } catch (error) { if (Date.now() > deadline) throw error }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
