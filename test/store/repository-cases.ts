import type { Test } from 'tap'
import { InvalidValueError } from '../../src/service/store/errors.js'
import { openStore, type Store } from '../../src/service/store/store.js'
import { testDeletions } from './deletion-cases.js'
import { testDocuments, testPaging, testQuotas } from './document-cases.js'
import { someUser } from './records.js'
import { testUsers } from './user-cases.js'

export interface TestDatabase {
  url: string
  /** How the database would run a statement, as text, indexes preferred. */
  explain(sql: string): Promise<string>
  /** What `explain` says of a statement that has to read every row. */
  fullScan: RegExp
}

/** The behaviour that both databases must show alike. */
export async function testRepositories (t: Test, store: Store, database: TestDatabase): Promise<void> {
  await testUsers(t, store)
  await testDocuments(t, store)
  await testPaging(t, store)
  await testDeletions(t, store)
  await testQuotas(t, database.url)
  await testValues(t, store)
  await testStatements(t, database)
}

async function testValues (t: Test, { users, documents }: Store): Promise<void> {
  await t.test('what a column would not keep as it is, is refused and not stored (A18, F14)', async (t) => {
    const user = someUser()
    await users.upsert(user)
    const refused = [
      true,
      new Date(),
      undefined,
      NaN,
      1.5,
      2 ** 53,
      1n,
      {},
      Buffer.from('x'),
      'a\0b',
      'a\ud800b',
      '\udc00',
    ]
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
  const store = await openStore({ url, replica: 'r', waitMs: 30_000, statementTimeoutMs: 30_000, onQuery: ({ sql }) => statements.add(sql) })
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
    const attempt = await store.deletions.begin(user.identity_id)
    if (attempt !== undefined) await store.deletions.withdraw(attempt)
    await store.deletions.finish(user.identity_id)
    await store.deletions.takeOver(60_000)
    await store.deletions.forgetOld()
    await store.deletions.isDeleted(user.identity_id)
    await store.events.record([{ type: 'login.failed' }, { type: 'session.started', identityId: user.identity_id }])
    await store.events.list({ limit: 1 })
    await store.events.list({ limit: 1, identityId: user.identity_id, before: 1 })
    await store.events.prune(90)
    t.match(await explain("select * from documents where title = 'x'"), fullScan, 'the test can fail')
    t.ok(statements.size >= 8)
    for (const sql of statements) {
      t.notMatch(await explain(sql), fullScan, sql)
      t.notMatch(sql, new RegExp(`needle|${id}|${user.identity_id}`))
    }
  })
}

/** Postgres is migrated in the background; polls, because nothing else tells. */
export async function untilReady (store: Store): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    try {
      return await store.ping()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
