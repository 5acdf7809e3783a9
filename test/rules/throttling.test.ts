import type { Test } from 'tap'
import type { SharedBuckets } from '../../src/service/rate-limit/batches.js'
import { type Bucket, type Budget, consume, minuteBudget, type Usage, usageOf } from '../../src/throttling/budget.js'
import { identifierPaths, identifiersOf } from '../../src/throttling/identifiers.js'
import { DEFAULT_TRAITS } from '../../src/kratos-client/traits.js'
import { bucketKey, randomKey, sharedKey } from '../../src/throttling/keys.js'
import { createMemoryRateLimitStore, localRateLimitStore, MAX_BUCKETS } from '../../src/throttling/rate-limit-store.js'
import { createOutage, sharedRateLimitStore } from '../../src/service/rate-limit/shared-rate-limit-store.js'
import { busyFor } from '../support/busy-for.js'

const IDENTIFIER: Budget = minuteBudget(5, 10)
const ADDRESS: Budget = minuteBudget(30, 30)
const SECOND = 1000

/** How many of so many submits at this second are let through; the bucket goes on. */
function passing (bucket: { current?: Bucket }, budget: Budget, atSecond: number, count: number): number {
  let passed = 0
  for (let index = 0; index < count; index++) {
    bucket.current = consume(bucket.current, budget, atSecond * SECOND)
    if (bucket.current.used <= budget.burst) passed++
  }
  return passed
}

const HERE = '198.51.100.7'

type Buckets = Pick<SharedBuckets, 'consume'>

/** Buckets in common that answer each call like this. */
const answering = (consume: (count: number, key: string) => Promise<Usage>): Buckets => ({
  consume: async (counts) => Promise.all(counts.map(async ({ key, count }) => ({ key, ...await consume(count, key) }))),
})

/** Buckets in common as a test wants them, and what was said of outages. */
function setUp (buckets: Buckets, { limitMs = 10_000, budget = IDENTIFIER } = {}) {
  let now = 0
  const words: string[] = []
  const outage = createOutage({
    onBegin: (error) => words.push(`begin ${String((error as Error).message)}`),
    onEnd: () => words.push('end'),
    now: () => now,
  })
  const store = sharedRateLimitStore(budget, {
    buckets: { giveBack: async () => {}, clear: async () => {}, ...buckets },
    outage,
    limitMs,
    memory: createMemoryRateLimitStore(budget, { now: () => now }),
  })
  return {
    store,
    words,
    pass: (ms: number) => {
      now += ms
    },
  }
}

export default async function (t: Test): Promise<void> {
  t.test('a budget (G05)', async (t) => {
    t.test('of five a minute and ten at once', async (t) => {
      const bucket = {}
      const first = [[0, 100, 10], [59, 100, 0], [60, 100, 5], [119, 3, 0]]
      const table = [...first, [120, 2, 2], [185, 100, 8], [2000, 100, 10], [2010, 1, 0]]
      for (const [at = 0, count = 0, expected] of table) { t.equal(passing(bucket, IDENTIFIER, at, count), expected, `${count} at ${at} s`) }
    })

    t.test('of thirty a minute is a window that begins with its first submit', async (t) => {
      const bucket = {}
      const table = [[5, 20, 20], [64, 100, 10], [65, 100, 30], [124, 100, 0], [125, 1, 1], [184, 100, 29], [
        250,
        100,
        30,
      ]]
      for (const [at = 0, count = 0, expected] of table) { t.equal(passing(bucket, ADDRESS, at, count), expected, `${count} at ${at} s`) }
    })

    t.test('says when to come back, and then lets through', async (t) => {
      for (const budget of [IDENTIFIER, ADDRESS, minuteBudget(1, 7)]) {
        const bucket: { current?: Bucket } = {}
        passing(bucket, budget, 3, 50)
        const { waitMs } = usageOf(bucket.current ?? { used: 0, since: 0 }, budget, 20 * SECOND)
        t.equal(waitMs, 43 * SECOND)
        t.equal(passing(bucket, budget, 20 + waitMs / SECOND, 50), budget.perWindow)
      }
      t.equal(usageOf({ used: 1, since: 0 }, IDENTIFIER, 10 ** 9).waitMs, 1, 'never zero')
      t.equal(
        usageOf({ used: 1, since: 10 ** 9 }, IDENTIFIER, 0).waitMs,
        60 * SECOND,
        'nor more than a minute, whatever a clock does',
      )
      t.equal(consume({ used: 3, since: 10 ** 9 }, IDENTIFIER, 0).used, 4)
    })
  })

  t.test('buckets in memory are bounded, and whoever was seen longest ago is forgotten (N06)', async (t) => {
    const store = createMemoryRateLimitStore(IDENTIFIER, { max: 3 })
    for (const key of ['a', 'a', 'b', 'c', 'a', 'd']) store.consume(key)
    t.same(['a', 'b'].map((key) => store.consume(key).used), [4, 1])

    const large = localRateLimitStore(IDENTIFIER)
    await large.consume('first')
    for (let index = 0; index < MAX_BUCKETS; index++) await large.consume(`key-${index}`)
    t.equal((await large.consume('first')).used, 1)
  })

  t.test('keys', async (t) => {
    const secret = sharedKey('a-webhook-key-of-at-least-32-bytes')
    t.test('are equal for all who know the secret, and for nobody else', async (t) => {
      t.equal(
        bucketKey(secret, 'identifier', HERE, 'ada'),
        bucketKey(sharedKey('a-webhook-key-of-at-least-32-bytes'), 'identifier', HERE, 'ada'),
      )
      t.not(
        bucketKey(secret, 'identifier', HERE, 'ada'),
        bucketKey(sharedKey('another-webhook-key-of-32-bytes-xx'), 'identifier', HERE, 'ada'),
      )
      t.not(bucketKey(randomKey(), 'a'), bucketKey(randomKey(), 'a'))
      t.match(bucketKey(secret, 'identifier', HERE, 'ada@example.test'), /^[\w-]{43}$/)
    })

    t.test('do not run together', async (t) => {
      const parts = [['identifier', HERE, 'ada'], ['identifier', `${HERE}ada`, ''], ['identifier', HERE, 'ada', ''], [
        'address',
        HERE,
      ], ['identifier', HERE, '","']]
      t.equal(new Set(parts.map((list) => bucketKey(secret, ...list))).size, parts.length)
    })

    const paths = identifierPaths(DEFAULT_TRAITS)
    t.test('are made of every identifier of a body, and of nothing inherited', async (t) => {
      t.same(
        identifiersOf({ identifier: ' Ada ', traits: { email: 'ADA', username: 'lovelace', phone: 5 }, email: ['x'] }, paths),
        ['ada', 'x', 'lovelace', '5'],
      )
      for (
        const body of [
          undefined,
          null,
          'identifier',
          [],
          {},
          { identifier: '  ' },
          { traits: null },
          { traits: 'email' },
          Object.create({ identifier: 'a' }),
        ]
      ) t.same(identifiersOf(body, paths), [])
    })

    t.test('are found where the traits have them, however a body nests their names', async (t) => {
      const own = identifierPaths({ email: '/contact/email', username: '/names/0' })
      for (
        const body of [
          { traits: { contact: { email: 'Ada' } } },
          { 'traits.contact.email': 'ada' },
          { 'traits.contact': { email: 'ada' } },
          { traits: { 'contact.email': ['ada'] } },
          { traits: { names: ['', 'ada'] } },
          { 'traits.names.1': 'ada' },
          { traits: { email: 'ada' } },
        ]
      ) t.same(identifiersOf(body, own), ['ada'], JSON.stringify(body))
      t.same(identifiersOf({ traits: { contact: { email: 'ada' } } }, paths), [])
    })

    t.test('are made of every trait that Kratos may send a message to, whatever it is called', async (t) => {
      const spellings = ['+49 170 1234567', '+491701234567', '\uff0b49-170/1234567']
      for (const mobile of spellings) t.same(identifiersOf({ traits: { contact: { mobile } } }, paths), ['01234567'], mobile)
      t.same(identifiersOf({ 'traits.mails.0': ' Ada@Example.test' }, paths), ['ada@example.test'])
      const others = { zip: '94107-1234', born: '1990-01-01', since: 20_261_127, about: 'I + you, 24', color: 'red' }
      t.same(identifiersOf({ traits: others, transient_payload: { mail: 'a@example.test' } }, paths), [])
    })
  })

  t.test('buckets in common', async (t) => {
    t.test('have the last word, also about when the minute is over', async (t) => {
      const { store, pass } = setUp(answering(async () => ({ used: 11, waitMs: 20 * SECOND })))
      t.same(await store.consume('key'), { used: 11, waitMs: 20 * SECOND }, 'other processes have usage it')
      pass(5 * SECOND)
      t.same(await store.consume('key'), { used: 11, waitMs: 15 * SECOND })
    })

    t.test('are not asked for what is past the budget here', async (t) => {
      let told = 0
      const { store, pass } = setUp(answering(async (count) => {
        told += count
        return { used: told, waitMs: 60 * SECOND }
      }))
      const usage = await Promise.all(Array.from({ length: 500 }, () => store.consume('key')))
      t.same([usage.filter(({ used }) => used <= 10).length, told], [10, 10])
      pass(60 * SECOND)
      await store.consume('key')
      t.equal(told, 11, 'and again when the minute is over')
    })

    t.test('are asked once for all that came meanwhile, and each submit has its own place', async (t) => {
      const calls: number[][] = []
      const used = new Map<string, number>()
      const buckets: Buckets = {
        consume: async (counts) => {
          calls.push(counts.map(({ count }) => count))
          await null
          for (const { key, count } of counts) used.set(key, (used.get(key) ?? 0) + count)
          return counts.map(({ key }) => ({ key, used: used.get(key) ?? 0, waitMs: SECOND })).reverse()
        },
      }
      const { store } = setUp(buckets)
      const usage = await Promise.all(['a', 'a', 'b', 'a', 'b', 'c'].map((key) => store.consume(key)))
      t.same(usage.map(({ used }) => used), [1, 2, 1, 3, 2, 1])
      t.same(calls, [[1], [2, 2, 1]])
      await Promise.all(Array.from({ length: 251 }, (_, index) => store.consume(`key-${index}`)))
      t.same(calls.slice(2).map(({ length }) => length), [1, 100, 100, 50], 'in calls of a bounded size')
    })

    t.test('that fail leave the budget to this process, with one word at the beginning and one at the end', async (t) => {
      let isDown = false
      let asked = 0
      const { store, words, pass } = setUp(answering(async () => {
        asked++
        if (isDown) throw new Error('down')
        return { used: asked, waitMs: 60 * SECOND }
      }))
      for (let index = 0; index < 4; index++) await store.consume('key')
      isDown = true
      const usage = []
      for (let index = 0; index < 20; index++) usage.push((await store.consume('key')).used)
      t.same(usage.slice(0, 8), [5, 6, 7, 8, 9, 10, 11, 11], 'nobody starts afresh')
      t.same([words, asked], [['begin down'], 5], 'asked once a second at most')
      pass(SECOND)
      await Promise.all(['a', 'b', 'c'].map((key) => store.consume(key)))
      t.equal(asked, 6)
      isDown = false
      await store.consume('a')
      t.equal(asked, 6)
      pass(SECOND)
      await store.consume('a')
      await store.consume('b')
      t.same([words, asked], [['begin down', 'end'], 8])
    })

    t.test('that are late are not waited for', async (t) => {
      let asked = 0
      const silent = () => {
        asked++
        return new Promise<never>(() => {})
      }
      const { store, words } = setUp({ consume: silent }, { limitMs: 30 })
      const usage = await Promise.all(Array.from({ length: 30 }, () => store.consume('key')))
      t.equal(asked, 1, 'and are asked once for all')
      t.equal(usage.filter(({ used }) => used <= 10).length, 10)
      t.same(words, ['begin no answer within 30 ms'])
    })

    t.test('that answer while the process is busy have answered', async (t) => {
      const { store, words } = setUp(
        answering(() =>
          new Promise((resolve) => {
            setTimeout(() => setImmediate(() => resolve({ used: 7, waitMs: 1 })), 1)
            busyFor(60)
          }),
        ),
        { limitMs: 30 },
      )
      t.equal((await store.consume('key')).used, 7)
      t.same(words, [])
    })
  })
}
