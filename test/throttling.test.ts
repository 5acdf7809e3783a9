import t from 'tap'
import type { SharedAccounts } from '../src/throttling/batches.js'
import { type Account, type Budget, spend, type Spent, spentOf } from '../src/throttling/budget.js'
import { accountKey, identifiersOf, randomKey, sharedKey } from '../src/throttling/keys.js'
import { createMemoryLedger, localLedger, MAX_ACCOUNTS } from '../src/throttling/ledger.js'
import { createOutage, sharedLedger } from '../src/throttling/shared-ledger.js'

const IDENTIFIER: Budget = { perMinute: 5, burst: 10 }
const ADDRESS: Budget = { perMinute: 30, burst: 30 }
const SECOND = 1000

/** How many of so many submits at this second are let through; the account goes on. */
function passing (account: { current?: Account }, budget: Budget, atSecond: number, count: number): number {
  let passed = 0
  for (let index = 0; index < count; index++) {
    account.current = spend(account.current, budget, atSecond * SECOND)
    if (account.current.used <= budget.burst) passed++
  }
  return passed
}

t.test('a budget (G05)', async (t) => {
  t.test('of five a minute and ten at once', async (t) => {
    const account = {}
    const table = [[0, 100, 10], [59, 100, 0], [60, 100, 5], [119, 3, 0], [120, 2, 2], [185, 100, 8], [2000, 100, 10], [2010, 1, 0]]
    for (const [at = 0, count = 0, expected] of table) t.equal(passing(account, IDENTIFIER, at, count), expected, `${count} at ${at} s`)
  })

  t.test('of thirty a minute is a window that begins with its first submit', async (t) => {
    const account = {}
    const table = [[5, 20, 20], [64, 100, 10], [65, 100, 30], [124, 100, 0], [125, 1, 1], [184, 100, 29], [250, 100, 30]]
    for (const [at = 0, count = 0, expected] of table) t.equal(passing(account, ADDRESS, at, count), expected, `${count} at ${at} s`)
  })

  t.test('says when to come back, and then lets through', async (t) => {
    for (const budget of [IDENTIFIER, ADDRESS, { perMinute: 1, burst: 7 }]) {
      const account: { current?: Account } = {}
      passing(account, budget, 3, 50)
      const { waitMs } = spentOf(account.current ?? { used: 0, since: 0 }, 20 * SECOND)
      t.equal(waitMs, 43 * SECOND)
      t.equal(passing(account, budget, 20 + waitMs / SECOND, 50), budget.perMinute)
    }
    t.equal(spentOf({ used: 1, since: 0 }, 10 ** 9).waitMs, 1, 'never zero')
    t.equal(spentOf({ used: 1, since: 10 ** 9 }, 0).waitMs, 60 * SECOND, 'nor more than a minute, whatever a clock does')
    t.equal(spend({ used: 3, since: 10 ** 9 }, IDENTIFIER, 0).used, 4)
  })
})

t.test('accounts in memory are bounded, and whoever was seen longest ago is forgotten (N06)', async (t) => {
  const ledger = createMemoryLedger(IDENTIFIER, { max: 3 })
  for (const key of ['a', 'a', 'b', 'c', 'a', 'd']) ledger.spend(key)
  t.same(['a', 'b'].map((key) => ledger.spend(key).used), [4, 1])

  const large = localLedger(IDENTIFIER)
  await large.spend('first')
  for (let index = 0; index < MAX_ACCOUNTS; index++) await large.spend(`key-${index}`)
  t.equal((await large.spend('first')).used, 1)
})

t.test('keys', async (t) => {
  const secret = sharedKey('a-webhook-key-of-at-least-32-bytes')
  t.test('are equal for all who know the secret, and for nobody else', async (t) => {
    t.equal(accountKey(secret, 'identifier', HERE, 'ada'), accountKey(sharedKey('a-webhook-key-of-at-least-32-bytes'), 'identifier', HERE, 'ada'))
    t.not(accountKey(secret, 'identifier', HERE, 'ada'), accountKey(sharedKey('another-webhook-key-of-32-bytes-xx'), 'identifier', HERE, 'ada'))
    t.not(accountKey(randomKey(), 'a'), accountKey(randomKey(), 'a'))
    t.match(accountKey(secret, 'identifier', HERE, 'ada@example.test'), /^[\w-]{43}$/)
  })

  t.test('do not run together', async (t) => {
    const parts = [['identifier', HERE, 'ada'], ['identifier', `${HERE}ada`, ''], ['identifier', HERE, 'ada', ''], ['address', HERE], ['identifier', HERE, '","']]
    t.equal(new Set(parts.map((list) => accountKey(secret, ...list))).size, parts.length)
  })

  t.test('are made of every identifier of a body, and of nothing inherited', async (t) => {
    t.same(identifiersOf({ identifier: ' Ada ', traits: { email: 'ADA', username: 'lovelace', phone: 5 }, email: ['x'] }), ['ada', 'lovelace'])
    for (const body of [undefined, null, 'identifier', [], {}, { identifier: '  ' }, { traits: null }, { traits: 'email' }, Object.create({ identifier: 'a' })]) t.same(identifiersOf(body), [])
  })
})

const HERE = '198.51.100.7'

/** Accounts in common that answer each call like this. */
const answering = (spend: (count: number, key: string) => Promise<Spent>): SharedAccounts =>
  ({ spend: async (counts) => Promise.all(counts.map(async ({ key, count }) => ({ key, ...await spend(count, key) }))) })

/** Accounts in common as a test wants them, and what was said of outages. */
function setUp (accounts: SharedAccounts, { limitMs = 10_000, budget = IDENTIFIER } = {}) {
  let now = 0
  const words: string[] = []
  const outage = createOutage({ onBegin: (error) => words.push(`begin ${String((error as Error).message)}`), onEnd: () => words.push('end'), now: () => now })
  const ledger = sharedLedger(budget, { accounts, outage, limitMs, memory: createMemoryLedger(budget, { now: () => now }) })
  return { ledger, words, pass: (ms: number) => { now += ms } }
}

t.test('accounts in common', async (t) => {
  t.test('have the last word, also about when the minute is over', async (t) => {
    const { ledger, pass } = setUp(answering(async () => ({ used: 11, waitMs: 20 * SECOND })))
    t.same(await ledger.spend('key'), { used: 11, waitMs: 20 * SECOND }, 'other processes have spent it')
    pass(5 * SECOND)
    t.same(await ledger.spend('key'), { used: 11, waitMs: 15 * SECOND })
  })

  t.test('are not asked for what is past the budget here', async (t) => {
    let told = 0
    const { ledger, pass } = setUp(answering(async (count) => {
      told += count
      return { used: told, waitMs: 60 * SECOND }
    }))
    const spent = await Promise.all(Array.from({ length: 500 }, () => ledger.spend('key')))
    t.same([spent.filter(({ used }) => used <= 10).length, told], [10, 10])
    pass(60 * SECOND)
    await ledger.spend('key')
    t.equal(told, 11, 'and again when the minute is over')
  })

  t.test('are asked once for all that came meanwhile, and each submit has its own place', async (t) => {
    const calls: number[][] = []
    const used = new Map<string, number>()
    const accounts: SharedAccounts = {
      spend: async (counts) => {
        calls.push(counts.map(({ count }) => count))
        await null
        for (const { key, count } of counts) used.set(key, (used.get(key) ?? 0) + count)
        return counts.map(({ key }) => ({ key, used: used.get(key) ?? 0, waitMs: SECOND })).reverse()
      }
    }
    const { ledger } = setUp(accounts)
    const spent = await Promise.all(['a', 'a', 'b', 'a', 'b', 'c'].map((key) => ledger.spend(key)))
    t.same(spent.map(({ used }) => used), [1, 2, 1, 3, 2, 1])
    t.same(calls, [[1], [2, 2, 1]])
    await Promise.all(Array.from({ length: 251 }, (_, index) => ledger.spend(`key-${index}`)))
    t.same(calls.slice(2).map(({ length }) => length), [1, 100, 100, 50], 'in calls of a bounded size')
  })

  t.test('that fail leave the budget to this process, with one word at the beginning and one at the end', async (t) => {
    let isDown = false
    let asked = 0
    const { ledger, words, pass } = setUp(answering(async () => { asked++; if (isDown) throw new Error('down'); return { used: asked, waitMs: 60 * SECOND } }))
    for (let index = 0; index < 4; index++) await ledger.spend('key')
    isDown = true
    const spent = []
    for (let index = 0; index < 20; index++) spent.push((await ledger.spend('key')).used)
    t.same(spent.slice(0, 8), [5, 6, 7, 8, 9, 10, 11, 11], 'nobody starts afresh')
    t.same([words, asked], [['begin down'], 5], 'asked once a second at most')
    pass(SECOND)
    await Promise.all(['a', 'b', 'c'].map((key) => ledger.spend(key)))
    t.equal(asked, 6)
    isDown = false
    await ledger.spend('a')
    t.equal(asked, 6)
    pass(SECOND)
    await ledger.spend('a')
    await ledger.spend('b')
    t.same([words, asked], [['begin down', 'end'], 8])
  })

  t.test('that are late are not waited for', async (t) => {
    const { ledger, words } = setUp({ spend: () => new Promise(() => {}) }, { limitMs: 30 })
    const startedAt = performance.now()
    const spent = await Promise.all(Array.from({ length: 30 }, () => ledger.spend('key')))
    t.ok(performance.now() - startedAt < 1000)
    t.equal(spent.filter(({ used }) => used <= 10).length, 10)
    t.same(words, ['begin no answer within 30 ms'])
  })

  t.test('that answer while the process is busy have answered', async (t) => {
    const { ledger, words } = setUp(answering(() => new Promise((resolve) => {
      setTimeout(() => setImmediate(() => resolve({ used: 7, waitMs: 1 })), 1)
      const until = performance.now() + 60
      while (performance.now() < until);
    })), { limitMs: 30 })
    t.equal((await ledger.spend('key')).used, 7)
    t.same(words, [])
  })
})
