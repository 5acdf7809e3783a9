import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { openStore } from '../../src/service/store/store.js'
import { untilReady } from './repository-cases.js'

const HOUR_MS = 3_600_000
const TIMES = { everyMs: HOUR_MS, leaseMs: HOUR_MS }

export async function testJobs (t: Test, url: string): Promise<void> {
  const store = await openStore({ url, waitMs: 30_000, statementTimeoutMs: 30_000 })
  t.teardown(() => store.close())
  await untilReady(store)
  const { jobs } = store

  await t.test('a job is for one of those that ask, until it is due again (K19)', async (t) => {
    const name = randomUUID()
    const owners = Array.from({ length: 8 }, (_, index) => `owner ${index}`)
    const taken = await Promise.all(owners.map((owner) => jobs.take(name, owner, TIMES)))
    t.equal(taken.filter(Boolean).length, 1)
    const owner = owners[taken.indexOf(true)] ?? ''
    t.same([await jobs.renew(name, owner, HOUR_MS), await jobs.renew(name, 'other', HOUR_MS)], [true, false])
    await jobs.done(name, 'other')
    t.equal(await jobs.take(name, 'other', { ...TIMES, everyMs: 0 }), false, 'nobody else ends it')
    await jobs.done(name, owner)
    t.equal(await jobs.take(name, 'other', TIMES), false, 'not yet')
    t.equal(await jobs.take(name, 'other', { ...TIMES, everyMs: 0 }), true, 'now it is')
  })

  await t.test('one that was given back is due after its pause, and one whose holder is gone after its lease', async (t) => {
    const name = randomUUID()
    t.equal(await jobs.take(name, 'one', TIMES), true)
    await jobs.giveBack(name, 'one', HOUR_MS)
    t.equal(await jobs.take(name, 'other', TIMES), false)
    const gone = randomUUID()
    t.equal(await jobs.take(gone, 'one', { ...TIMES, leaseMs: 0 }), true)
    t.equal(await jobs.take(gone, 'other', TIMES), true)
    t.equal(await jobs.renew(gone, 'one', HOUR_MS), false, 'who was away has lost it')
    await jobs.giveBack(gone, 'other', 0)
    t.equal(await jobs.take(gone, 'one', TIMES), true)
  })
}
