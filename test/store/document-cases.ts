import type { Test } from 'tap'
import { randomUUID } from 'node:crypto'
import {
  InvalidCursorError,
  InvalidValueError,
  MissingOwnerError,
  QuotaExceededError,
} from '../../src/service/store/errors.js'
import { openStore, type Store } from '../../src/service/store/store.js'
import { someUser } from './records.js'
import { until } from '../support/until.js'

const HOSTILE = ["' OR 1=1 --", '"; DROP TABLE users; --', '%', '_', '\\', '$1', '?', ':a', '../..', 'x'.repeat(10_000)]

export async function testDocuments (t: Test, { users, documents }: Store): Promise<void> {
  const [owner, stranger] = [someUser(), someUser()]
  await Promise.all([users.upsert(owner), users.upsert(stranger)])
  const ownerId = owner.identity_id

  await t.test('a document is created, read, changed and removed', async (t) => {
    const created = await documents.create(ownerId, { title: 'Ärger 🎉', content: '' })
    t.match(created, {
      title: 'Ärger 🎉',
      content: '',
      created_at: /^\d{4}-.*\.\d{6}Z$/,
      updated_at: created.created_at,
    })
    t.same(await documents.get(ownerId, created.id.toUpperCase()), created)
    const changed = await documents.update(ownerId, created.id, { content: '1' })
    t.match(changed, { ...created, content: '1', updated_at: /Z$/ })
    t.ok(changed !== undefined && changed.updated_at > created.updated_at)
    t.same(await documents.update(ownerId, created.id, {}), changed)
    t.equal(await documents.remove(ownerId, created.id), true)
    t.equal(await documents.remove(ownerId, created.id), false)
    t.equal(await documents.get(ownerId, created.id), undefined)
  })

  await t.test("a stranger's document is the same as a missing one (A36)", async (t) => {
    const { id } = await documents.create(ownerId, { title: 'mine', content: '' })
    for (const target of [id, randomUUID()]) {
      t.equal(await documents.get(stranger.identity_id, target), undefined)
      t.equal(await documents.update(stranger.identity_id, target, { title: 'theirs' }), undefined)
      t.equal(await documents.update(stranger.identity_id, target, {}), undefined)
      t.equal(await documents.remove(stranger.identity_id, target), false)
    }
    t.equal((await documents.get(ownerId, id))?.title, 'mine')
  })

  await t.test("a document without an owner's row has an error of its own", async (t) => {
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

export async function testPaging (t: Test, { users, documents }: Store): Promise<void> {
  const [owner, stranger] = [someUser(), someUser()]
  await Promise.all([users.upsert(owner), users.upsert(stranger)])
  const add = (title: string, ownerId = owner.identity_id) => documents.create(ownerId, { title, content: '' })
  for (let i = 1; i <= 7; i++) await add(`d${i}`)
  for (let i = 1; i <= 7; i++) await add(`s${i}`, stranger.identity_id)
  const page = async (cursor?: string | null) => {
    const { documents: rows, nextCursor } = await documents.list(owner.identity_id, {
      limit: 3,
      cursor: cursor ?? undefined,
    })
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

  await t.test("a forged or a stranger's cursor never returns rows (A35)", async (t) => {
    const { nextCursor } = await documents.list(stranger.identity_id, { limit: 3 })
    const own = (await page()).nextCursor ?? ''
    const forged = [
      nextCursor ?? '',
      '',
      'x',
      `${own}A`,
      own.slice(1),
      `${own.slice(0, 50)}${own[50] === 'A' ? 'B' : 'A'}${own.slice(51)}`,
    ]
    for (const cursor of forged) {
      await t.rejects(documents.list(owner.identity_id, { limit: 3, cursor }), InvalidCursorError)
    }
    t.notMatch(Buffer.from(own, 'base64url').toString('latin1'), owner.identity_id)
  })
}

export async function testQuotas (t: Test, url: string): Promise<void> {
  await t.test('what one owner may keep (K17)', async (t) => {
    const documentQuota = { count: 3, bytes: 100 }
    const store = await openStore({ url, documentQuota, waitMs: 30_000, statementTimeoutMs: 30_000 })
    t.teardown(() => store.close())
    const { users, documents } = store
    /** On Postgres a store is migrated in the background. */
    const newOwner = async (): Promise<string> => {
      const user = someUser()
      await until(() => users.upsert(user).then(() => true, () => false))
      return user.identity_id
    }

    await t.test('is so many documents, counted with the insert', async (t) => {
      const ownerId = await newOwner()
      const attempts = Array.from({ length: 8 }, () => documents.create(ownerId, { title: 't', content: '' }))
      const results = await Promise.allSettled(attempts)
      t.equal(results.filter(({ status }) => status === 'fulfilled').length, 3)
      for (const result of results) if (result.status === 'rejected') t.ok(result.reason instanceof QuotaExceededError)
      const [first] = (await documents.list(ownerId, { limit: 1 })).documents
      await documents.remove(ownerId, first?.id ?? '')
      await t.resolves(documents.create(ownerId, { title: 't', content: '' }), 'room that was made is room')
      await t.resolves(documents.create(await newOwner(), { title: 't', content: '' }), 'an owner alone')
    })

    await t.test('is so many bytes of UTF-8, by inserts and changes alike', async (t) => {
      const ownerId = await newOwner()
      const { id } = await documents.create(ownerId, { title: 'é', content: 'x'.repeat(48) })
      await t.rejects(documents.create(ownerId, { title: 'é', content: 'x'.repeat(49) }), QuotaExceededError)
      await documents.create(ownerId, { title: 'é', content: 'x'.repeat(48) })
      await t.rejects(documents.update(ownerId, id, { content: 'x'.repeat(49) }), QuotaExceededError)
      t.match(await documents.get(ownerId, id), { content: 'x'.repeat(48) })
      await documents.update(ownerId, id, { content: '' })
      await documents.update(ownerId, id, { title: 'é'.repeat(25) })
      await t.rejects(documents.update(ownerId, id, { content: 'x' }), QuotaExceededError)
    })
  })
}
