import { join } from 'node:path'
import type { Test } from 'tap'
import { DEFAULT_TRAITS } from '../../src/kratos-client/traits.js'
import { userOf } from '../../src/profile.js'
import { createReconcileWorker, type ReconcileWorkerOptions } from '../../src/service/reconcile-worker.js'
import { openStore, type Store } from '../../src/service/store/store.js'
import { construct, temporaryFolder } from '../support/app.js'
import { startKratos } from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'
import { until } from '../support/until.js'

const HOUR_MS = 3_600_000
const QUICK = { overrides: { hashers: { bcrypt: { cost: 4 } } } }

async function setUp (t: Test, people: number) {
  const kratos = await startKratos(t, QUICK)
  const store = await openStore({ url: join(await temporaryFolder(t), 'app.db'), replica: 'one' })
  t.teardown(() => store.close())
  const ids: string[] = []
  for (let n = 0; n < people; n++) ids.push((await kratos.createIdentity({ email: `p${n}@example.org` })).id)
  const told: object[] = []
  const note = (line: object): void => {
    told.push(line)
  }
  const log = { info: note, warn: note, error: note } as unknown as ReconcileWorkerOptions['log']
  const worker = (options: Partial<ReconcileWorkerOptions> = {}) =>
    createReconcileWorker({
      store, adminUrl: kratos.adminUrl, traits: DEFAULT_TRAITS, log, everyMs: HOUR_MS, pauseMs: HOUR_MS, ...options,
    })
  return { kratos, store, ids, told, worker }
}

/** A Kratos that was restored from a backup of the wrong place has none of them. */
async function addOrphans (store: Store, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await store.users.upsert(userOf({ id: `00000000-0000-4000-8000-00000000000${n}`, traits: {} }, DEFAULT_TRAITS))
  }
}

export default async function (t: Test): Promise<void> {
  t.test('RECONCILE_HOURS', embeddedOnly('all identities of a Kratos'), async (t) => {
    await t.test('repairs rows from the start on, tells subscribers, and says what it did', async (t) => {
      const kratos = await startKratos(t, QUICK)
      const { id } = await kratos.createIdentity({ email: 'ada@example.org' })
      const { app, logs } = await construct(t, { RECONCILE_HOURS: '24', KRATOS_ADMIN_URL: kratos.adminUrl })
      await app.ready()
      await until(() => logs().some((line) => line.includes('"event":"reconciled"')))
      t.match(await app.store.users.find(id), { email: 'ada@example.org' })
      t.match(await app.store.events.list({ identityId: id, limit: 10 }), [{ type: 'user.created' }])
      const line = logs().find((text) => text.includes('"event":"reconciled"')) ?? ''
      t.match(JSON.parse(line), { level: 30, identities: 1, missing: 1, stale: 0, repaired: 1 })
      t.notMatch(line, /example\.org/)
    })

    await t.test('is done by one of several, and not again before its time', async (t) => {
      const { store, ids, told, worker } = await setUp(t, 2)
      const walked = await Promise.all([worker(), worker(), worker()].map(({ work }) => work()))
      t.equal(walked.filter(Boolean).length, 1)
      t.equal(await store.inventory.count(), ids.length)
      t.equal(await worker().work(), false, 'a replica that starts does not begin anew')
      t.equal(await worker({ everyMs: 0 }).work(), true, 'and one is due later')
      t.equal(told.length, 2)
    })

    await t.test('deletes nothing, and warns of what is left', async (t) => {
      const { store, told, worker } = await setUp(t, 30)
      t.equal(await worker().work(), true)
      await addOrphans(store, 1)
      t.equal(await worker({ everyMs: 0 }).work(), true)
      t.match(told, [
        { event: 'reconciled', orphaned: 0, missing: 30, repaired: 30 }, { orphaned: 1, missing: 0, repaired: 0 },
      ])
      t.equal(await store.inventory.count(), 31)
    })

    await t.test('a walk that broke off is tried again later, by any replica', async (t) => {
      const { store, told, worker } = await setUp(t, 1)
      await addOrphans(store, 3)
      t.equal(await worker({ pauseMs: 0 }).work(), false)
      t.match(told, [{ event: 'reconcile_broke_off', cause: /another Kratos/ }])
      t.equal(await worker().work(), false)
      t.equal(told.length, 2, 'tried at once, because there was no pause')
      t.equal(await worker().work(), false)
      t.equal(told.length, 2, 'and now not before it is over')
    })

    await t.test('one that ends leaves it to the next at once', async (t) => {
      const { ids, store, worker } = await setUp(t, 1)
      const ended = worker()
      const walk = ended.work()
      ended.end()
      await walk
      t.equal(await ended.work(), false)
      await worker().work()
      t.equal(await store.inventory.count(), ids.length)
    })
  })
}
