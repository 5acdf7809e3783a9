import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { EmbeddedKratos } from '../../kratos/embedded/index.js'
import { DEFAULT_TRAITS } from '../../src/kratos-client/traits.js'
import { userOf } from '../../src/profile.js'
import { createKratosAdmin } from '../../src/service/admin/kratos-admin.js'
import { reconcile, type ReconcileOptions } from '../../src/service/reconcile.js'
import { openStore, type Store } from '../../src/service/store/store.js'
import { temporaryFolder } from '../support/app.js'
import { startKratos } from '../support/kratos.js'

const PAGE = 3
const NOTHING = { missing: 0, stale: 0, orphaned: 0, buried: 0, unusable: 0 }
const DAY_MS = 86_400_000

async function setUp (t: Test, people: number) {
  const kratos = await startKratos(t, { overrides: { hashers: { bcrypt: { cost: 4 } } } })
  const store = await openStore({ url: join(await temporaryFolder(t), 'app.db'), replica: 'one' })
  t.teardown(() => store.close())
  const identities = []
  for (let n = 0; n < people; n++) identities.push(await kratos.createIdentity({ email: `p${n}@example.org` }))
  return { kratos, store, identities }
}

interface Ran {
  found: Array<[string, string]>
}

async function run (
  { kratos, store }: { kratos: EmbeddedKratos, store: Store },
  options: Partial<ReconcileOptions> = {},
): Promise<Ran & Awaited<ReturnType<typeof reconcile>> & { drift: Array<[string, string]> }> {
  const drift: Array<[string, string]> = []
  const result = await reconcile({
    traits: DEFAULT_TRAITS,
    kratos: createKratosAdmin({ url: kratos.adminUrl, pageSize: PAGE, firstPauseMs: 1 }),
    store,
    fix: false,
    deleteOrphans: false,
    maxOrphansPercent: 5,
    onDrift: (kind, id) => drift.push([kind, id]),
    onProgress: () => {},
    signal: new AbortController().signal,
    ...options,
  })
  return { ...result, drift } as never
}

const admin = async (kratos: EmbeddedKratos, method: string, id: string, body?: object): Promise<number> => {
  const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return (await fetch(`${kratos.adminUrl}/admin/identities/${id}`, { method, ...(body !== undefined && json) })).status
}

export default async function (t: Test): Promise<void> {
  t.test('reconcile', async (t) => {
    t.test('finds and makes rows that are missing, over several pages, and nothing the second time', async (t) => {
      const sides = await setUp(t, 2 * PAGE + 1)
      const looked = await run(sides)
      t.match(looked, { identities: 7, found: { ...NOTHING, missing: 7 }, repaired: 0 })
      t.equal(await sides.store.inventory.count(), 0, 'looking changes nothing')
      t.match(await run(sides, { fix: true }), { found: { missing: 7 }, repaired: 7 })
      t.match(await run(sides, { fix: true }), { found: NOTHING, repaired: 0 })
      const [first] = sides.identities
      t.match(await sides.store.users.find(first?.id ?? ''), { email: 'p0@example.org' })
    })

    t.test('finds a row that is older than its identity, which an admin changed at Kratos', async (t) => {
      const sides = await setUp(t, 2)
      await run(sides, { fix: true })
      const id = sides.identities[0]?.id ?? ''
      t.equal(await admin(sides.kratos, 'PATCH', id, [{ op: 'replace', path: '/traits/email', value: 'new@example.org' }]), 200)
      t.match(await run(sides, { fix: true }), { found: { ...NOTHING, stale: 1 }, repaired: 1, drift: [['stale', id]] })
      t.match(await sides.store.users.find(id), { email: 'new@example.org' })
    })

    t.test('finds rows without an identity, between and behind all others, and deletes them only when asked', async (t) => {
      const sides = await setUp(t, PAGE)
      await run(sides, { fix: true })
      const orphans = [`00000000${randomUUID().slice(8)}`, `ffffffff${randomUUID().slice(8)}`]
      for (const id of orphans) await sides.store.users.upsert(userOf({ id, traits: {} }, DEFAULT_TRAITS))
      const all = { maxOrphansPercent: 50 }
      t.match(await run(sides, { fix: true, ...all }), { found: { orphaned: 2 }, repaired: 0 })
      t.equal(await sides.store.inventory.count(), PAGE + 2)
      t.match(await run(sides, { deleteOrphans: true, ...all }), { found: { orphaned: 2 }, repaired: 2 })
      t.equal(await sides.store.inventory.count(), PAGE)
      t.ok(await sides.store.deletions.isDeleted(orphans[0] ?? ''), 'a late delivery does not bring it back')
    })

    t.test('what it repairs is told to subscribers, like any other change', async (t) => {
      const sides = await setUp(t, 2)
      const [changed = '', gone = ''] = sides.identities.map(({ id }) => id)
      const typesOf = async (identityId: string) =>
        (await sides.store.events.list({ identityId, limit: 10 })).map(({ type }) => type).reverse()
      await run(sides)
      t.same(await typesOf(changed), [], 'looking changes nothing')
      await run(sides, { fix: true })
      await admin(sides.kratos, 'PATCH', changed, [{ op: 'replace', path: '/traits/email', value: 'new@example.org' }])
      await admin(sides.kratos, 'DELETE', gone)
      await run(sides, { fix: true, deleteOrphans: true, maxOrphansPercent: 50 })
      t.same(await typesOf(changed), ['user.created', 'user.updated'])
      t.same(await typesOf(gone), ['user.created', 'user.deleted'])
    })

    t.test('takes many rows without an identity for another Kratos, and stops', async (t) => {
      const sides = await setUp(t, 10)
      await run(sides, { fix: true })
      for (const { id } of sides.identities.slice(0, 2)) await admin(sides.kratos, 'DELETE', id)
      await t.rejects(run(sides, { deleteOrphans: true }), { name: 'ReconcileAbortedError', message: /of 10 rows have no identity, more than 5 %/ })
      t.equal(await sides.store.inventory.count(), 10)
    })

    t.test('digs up an identity that lives and is taken for deleted', async (t) => {
      const sides = await setUp(t, 2)
      const id = sides.identities[1]?.id ?? ''
      await sides.store.deletions.finish(id)
      t.match(await run(sides, { fix: true }), { found: { missing: 1, buried: 1 }, repaired: 2 })
      t.match(await sides.store.users.find(id), { identity_id: id })
      t.equal(await sides.store.deletions.isDeleted(id), false)
    })

    t.test('--since looks at what changed since then, and at no orphans', async (t) => {
      const sides = await setUp(t, 2)
      await sides.store.users.upsert(userOf({ id: randomUUID(), traits: {} }, DEFAULT_TRAITS))
      t.match(await run(sides, { since: new Date(Date.now() + DAY_MS).toISOString() }), { found: NOTHING })
      t.match(await run(sides, { since: new Date(Date.now() - DAY_MS).toISOString() }), {
        found: { ...NOTHING, missing: 2 },
      })
    })

    t.test('can be stopped behind any page, and goes on there', async (t) => {
      const sides = await setUp(t, 2 * PAGE)
      const ending = new AbortController()
      ending.abort()
      const first = await run(sides, { fix: true, signal: ending.signal })
      t.match(first, { identities: PAGE, repaired: PAGE, stoppedAfter: /^[0-9a-f-]{36}$/ })
      t.match(await run(sides, { fix: true, after: first.stoppedAfter }), {
        identities: PAGE,
        repaired: PAGE,
        stoppedAfter: undefined,
      })
      t.match(await run(sides), { found: NOTHING })
    })

    t.test('concludes nothing from a list that breaks off, is no list or is out of order', async (t) => {
      const sides = await setUp(t, 2 * PAGE)
      await run(sides, { fix: true })
      await sides.kratos.fault({ port: 'admin', path: '/admin/identities', kind: 'status', status: 500 })
      await t.rejects(run(sides, { deleteOrphans: true }), { name: 'KratosAwayError', message: /answers 500/ })
      const [one, two] = sides.identities.map(({ id }) => ({ id })).sort((a, b) => a.id < b.id ? -1 : 1)
      const pages = (...list: object[]) =>
        ({ page: async () => ({ identities: list as never, next: undefined }), has: async () => true })
      await t.rejects(run(sides, { kratos: pages(two ?? {}, one ?? {}) }), { name: 'ReconcileAbortedError', message: /not in order/ })
      await t.rejects(run(sides, { kratos: pages({ id: 'x' }) }), { name: 'ReconcileAbortedError' })
      const endless = { page: async () => ({ identities: [], next: 'more' }), has: async () => true }
      await t.rejects(run(sides, { kratos: endless }), { name: 'ReconcileAbortedError', message: /ends in the middle/ })
      t.equal(await sides.store.inventory.count(), 2 * PAGE)
    })

    t.test('waits for a Kratos that is busy, and does not give up at once', async (t) => {
      const sides = await setUp(t, 2)
      const fault = await sides.kratos.fault({ port: 'admin', path: '/admin/identities', kind: 'status', status: 503, times: 2 })
      t.match(await run(sides), { identities: 2 })
      t.equal(fault.calls, 2)
    })

    t.test('tells of an identity that no row can hold, and goes on', async (t) => {
      const sides = await setUp(t, 2)
      const [first, second] = sides.identities.map(({ id }) => id).sort()
      const kratos = {
        page: async () => ({
          identities: [{ id: first, traits: { email: 'a\0b' }, updated_at: '2026-01-01T00:00:00Z' }, { id: second, traits: {}, updated_at: '2026-01-01T00:00:00Z' }] as never,
          next: undefined,
        }),
        has: async () => true,
      }
      t.match(await run(sides, { kratos, fix: true }), { found: { missing: 2, unusable: 1 }, repaired: 1 })
    })
  })
}
