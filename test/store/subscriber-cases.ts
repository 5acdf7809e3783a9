import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { EventHandler, SubscriptionOptions } from '../../src/service/events/handler.js'
import { createSubscription } from '../../src/service/events/subscription.js'
import { StoreUnavailableError } from '../../src/service/store/errors.js'
import { type EventRecord, openStore, type Store } from '../../src/service/store/store.js'
import { until } from '../support/until.js'
import { someUser } from './records.js'
import { untilReady } from './repository-cases.js'
import type { DeadLetter, DeadLetterPlace } from '../../src/service/store/dead-letters.js'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** No waiting between attempts, and a lease that a slow machine does not lose. */
const QUICK = { leaseMs: 120_000, pollMs: 10, delays: [0, 0] }
/** Where one is to be taken over. */
const LEASE_MS = 500

interface Worker {
  events: EventRecord[]
  stop: () => Promise<void>
}

/** One process's part of a subscriber. */
function work (
  t: Test,
  store: Store,
  name: string,
  handler: EventHandler = () => {},
  options: Partial<SubscriptionOptions> = {},
): Worker {
  const events: EventRecord[] = []
  const subscription = createSubscription({
    name,
    store: store.subscriptions,
    handler: async (event, delivery) => {
      await handler(event, delivery)
      events.push(event)
    },
    ...QUICK,
    ...options,
  })
  subscription.start()
  t.teardown(() => subscription.stop())
  return { events, stop: subscription.stop }
}

/** The cursor begins with what is written from now on. */
async function named (store: Store): Promise<string> {
  const name = `subscriber ${randomUUID()}`
  await store.subscriptions.lease(name)
  return name
}

/** Until what was taken is written down. */
const settled = (store: Store, name: string): Promise<void> =>
  until(async () => (await store.deadLetters.status(name)).oldest === undefined)

const writeEvents = (store: Store, identityId: string, ...methods: string[]): Promise<void> =>
  store.events.record(methods.map((method) => ({ type: 'second_factor.passed', identityId, method })))
const methods = (events: EventRecord[], identityId?: string): Array<string | null> =>
  events.filter(({ identity_id: id }) => identityId === undefined || id === identityId).map(({ method }) => method)

export async function testSubscribers (t: Test, url: string): Promise<void> {
  const open = async (): Promise<Store> => {
    const store = await openStore({ url, replica: 'one', waitMs: 30_000, statementTimeoutMs: 30_000 })
    t.teardown(() => store.close())
    await untilReady(store)
    return store
  }
  const store = await open()
  const other = await open()

  await t.test('a subscriber gets what happens from its first start on, once', async (t) => {
    const user = someUser()
    await store.users.upsert({ ...user, updated_at: '2020-01-01T00:00:00Z' })
    const name = await named(store)
    await store.users.upsert(user)
    const one = work(t, store, name)
    await until(() => one.events.length === 1)
    await store.deletions.finish(user.identity_id)
    await until(() => one.events.length === 2)
    await settled(store, name)
    t.match(one.events, [
      { type: 'user.updated', identity_id: user.identity_id, replica: 'one' }, { type: 'user.deleted' },
    ])
    t.notOk('position' in (one.events[0] ?? {}))
    await one.stop()
    const again = work(t, store, name)
    await writeEvents(store, user.identity_id, 'last')
    await until(() => again.events.length > 0)
    t.same(methods(again.events), ['last'], 'not what was handed over before')
  })

  await t.test('what was committed before a crash is delivered after it', async (t) => {
    const name = await named(store)
    const user = someUser()
    let begun = 0
    // A process that takes the event and ends before anything of it is written down.
    const crashed = work(t, other, name, () => {
      begun++
      return new Promise<void>(() => {})
    }, { leaseMs: LEASE_MS, store: { ...other.subscriptions, renew: () => Promise.reject(new StoreUnavailableError('gone')) } })
    await store.users.upsert(user)
    await until(() => begun === 1)
    const next = work(t, store, name, undefined, { leaseMs: LEASE_MS })
    await until(() => next.events.length > 0)
    t.match(next.events[0], { type: 'user.created', identity_id: user.identity_id })
    await crashed.stop()
    t.same(crashed.events, [])
  })

  await t.test('two processes never have the same event at the same time, and lose none (H13)', async (t) => {
    const name = await named(store)
    const busy = new Set<string>()
    let clashes = 0
    const handler: EventHandler = async ({ id }) => {
      if (busy.has(id)) clashes++
      busy.add(id)
      await sleep(2)
      busy.delete(id)
    }
    let workers = [work(t, store, name, handler), work(t, other, name, handler)]
    const all = [...workers]
    const identityIds = Array.from({ length: 20 }, () => randomUUID())
    for (let round = 0; round < 6; round++) {
      await Promise.all(identityIds.map((identityId) => writeEvents(store, identityId, `${round} a`, `${round} b`)))
      // One goes, another comes.
      const [first, second] = workers
      await first?.stop()
      const newcomer = work(t, round % 2 === 0 ? store : other, name, handler)
      all.push(newcomer)
      workers = second === undefined ? [newcomer] : [second, newcomer]
    }
    const taken = (): EventRecord[] => all.flatMap(({ events }) => events)
    await until(() => new Set(taken().map(({ id }) => id)).size === 240)
    t.equal(clashes, 0)
    t.equal(taken().length, 240, 'where nobody crashes, each is delivered once')
  })

  await t.test('an event that is not taken holds up those of its identity, and nobody else', async (t) => {
    const name = await named(store)
    const [stuck, free] = [randomUUID(), randomUUID()]
    let isStuck = true
    const attempts: number[] = []
    const worker = work(t, store, name, ({ identity_id: id, method }, { attempt }) => {
      if (id !== stuck || method !== 'b' || !isStuck) return
      attempts.push(attempt)
      throw Object.assign(new Error('its text is nobody\'s business'), { code: 'ECONNREFUSED' })
    }, { delays: Array(1000).fill(5) })
    await writeEvents(store, stuck, 'a', 'b', 'c')
    await writeEvents(store, free, 'x', 'y')
    await until(() => methods(worker.events, free).length === 2 && attempts.length > 3)
    await writeEvents(store, stuck, 'd')
    await writeEvents(store, free, 'z')
    await until(() => methods(worker.events, free).length === 3)
    t.same(methods(worker.events, stuck), ['a'])
    const { oldest, dead } = await store.deadLetters.status(name)
    t.match([typeof oldest, dead], ['string', 0])
    isStuck = false
    await until(() => methods(worker.events, stuck).length === 4)
    t.same([methods(worker.events, stuck), methods(worker.events, free)], [['a', 'b', 'c', 'd'], ['x', 'y', 'z']])
    t.same(attempts, attempts.map((_, index) => index + 1))
    await settled(store, name)
    t.same(await store.deadLetters.status(name), { oldest: undefined, dead: 0 })
  })

  await t.test('an event that two subscribers did not take is on a page for each', async (t) => {
    const names = [await named(store), await named(store)].sort()
    for (const name of names) await store.subscriptions.take(name, 'owner', await store.subscriptions.lease(name))
    const identityId = randomUUID()
    await writeEvents(store, identityId, 'bad')
    for (const name of names) {
      const [event] = await store.subscriptions.next(name, 1)
      const position = event?.position ?? 0
      const dead = { position, identityId, attempts: 1, nextAt: null, isDead: true }
      await store.subscriptions.advance(name, 'owner', position, [dead])
    }
    const ofEvent = async (after?: DeadLetterPlace): Promise<DeadLetter[]> => {
      const [letter] = await store.deadLetters.list({ after, limit: 1 })
      return letter === undefined ? [] : [letter, ...await ofEvent(letter)]
    }
    const found = (await ofEvent()).filter(({ subscriber }) => names.includes(subscriber))
    t.same(found.map(({ subscriber }) => subscriber), names)
    for (const name of names) await store.deadLetters.replay(name)
  })

  await t.test('after its last attempt it is a dead letter, which can be listed and replayed (H14)', async (t) => {
    const name = await named(store)
    const identityId = randomUUID()
    let isIll = true
    const failures: boolean[] = []
    const worker = work(t, store, name, ({ method }) => {
      if (method === 'bad' && isIll) throw Object.assign(new Error('secret'), { code: 'E_ILL' })
    }, { onFailure: ({ isDead }) => failures.push(isDead) })
    await writeEvents(store, identityId, 'bad', 'good', 'bad', 'better')
    await until(() => failures.filter((isDead) => isDead).length === 2 && worker.events.length === 2)
    await settled(store, name)
    t.same(failures, [false, false, true, false, false, true])
    t.same(methods(worker.events), ['good', 'better'])
    const letters = await store.deadLetters.list({ subscriber: name, limit: 10 })
    t.match(letters, Array(2).fill({ subscriber: name, attempts: 3, error: 'E_ILL', event: { method: 'bad' } }))
    t.notMatch(JSON.stringify(letters), /secret/)
    t.same(await store.deadLetters.status(name), { oldest: undefined, dead: 2 })
    const [first, second] = letters
    t.same(await store.deadLetters.list({ subscriber: name, after: first, limit: 10 }), [second])
    isIll = false
    t.equal(await store.deadLetters.replay(name, first?.event.id ?? ''), 1)
    await until(() => worker.events.length === 3)
    t.equal(worker.events.at(-1)?.id, first?.event.id)
    t.equal(await store.deadLetters.replay(name), 1)
    await until(() => worker.events.length === 4)
    await settled(store, name)
    t.same(await store.deadLetters.list({ subscriber: name, limit: 10 }), [])
  })

  await t.test('an attempt that takes too long has failed', async (t) => {
    const name = await named(store)
    const reasons: string[] = []
    const worker = work(t, store, name, (_event, { signal, attempt }) => attempt === 1
      ? new Promise<void>(() => signal.addEventListener('abort', () => reasons.push((signal.reason as Error).name)))
      : undefined, { attemptMs: 20, onFailure: ({ error }) => reasons.push(error) })
    await writeEvents(store, randomUUID(), 'slow')
    await until(() => worker.events.length === 1)
    t.same(reasons, ['TimeoutError', 'TimeoutError'])
  })

  await t.test('a database that fails in between costs nothing but time', async (t) => {
    const name = await named(store)
    let isAway = true
    const troubles: unknown[] = []
    const advance: typeof store.subscriptions.advance = (...args) =>
      isAway ? Promise.reject(new StoreUnavailableError('away')) : store.subscriptions.advance(...args)
    const worker = work(t, store, name, undefined, {
      store: { ...store.subscriptions, advance }, onTrouble: (error) => troubles.push(error),
    })
    await writeEvents(store, randomUUID(), 'again')
    await until(() => worker.events.length > 1)
    t.equal(troubles.length, 1, 'told once')
    isAway = false
    await settled(store, name)
    const { length } = worker.events
    await writeEvents(store, randomUUID(), 'new')
    await until(() => worker.events.length > length)
    t.same(methods(worker.events).slice(length), ['new'])
  })

  await t.test('what is too old goes with all that waits for it', async (t) => {
    const name = await named(store)
    const identityId = randomUUID()
    const at = Date.now() - 100 * 24 * 60 * 60_000
    await store.events.record(['a', 'b'].map((method) => ({ type: 'second_factor.passed', identityId, method, at })))
    await writeEvents(store, identityId, 'c')
    const first = work(t, store, name, () => {
      throw new Error('ill')
    }, { delays: [60_000] })
    await until(async () => (await store.subscriptions.waiting(name, [identityId])).length === 1)
    await first.stop()
    await store.events.prune(90)
    const second = work(t, store, name)
    await until(() => second.events.length === 1)
    t.same(methods(second.events), ['c'])
  })
}
