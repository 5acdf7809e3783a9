import type { Test } from 'tap'
import type { Credential } from '../../src/kratos-client/credential.js'
import { cancelScope, RequestScope } from '../../src/kratos-client/request-scope.js'
import { upstreamFailure } from '../../src/kratos-client/upstream-failure.js'
import type { IdentityOutcome, SessionOutcome } from '../../src/kratos-client/session-outcome.js'
import { withEpoch } from '../../src/kratos-client/kratos-time.js'
import { cacheLifetimeMs } from '../../src/sessions/cache-lifetime.js'
import { createSessionResolver, keyOf, type SessionResolverOptions } from '../../src/sessions/resolver.js'

const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
const OTHER_ID = '88d1b512-3207-4f23-81ed-7fd35915a4f0'
const token = (value: string): Extract<Credential, { kind: 'token' }> => ({
  kind: 'token',
  value: `ory_st_${value}`,
  from: 'cookie',
})
const sealed = (value: string): Extract<Credential, { kind: 'cookie' }> => ({ kind: 'cookie', value, from: 'cookie' })
const [ADA, BOB] = [token('ada'), token('bob')]

interface Details {
  id?: string
  cacheFor?: unknown
  setCookie?: string[]
  expiresInMs?: number
}
const START = Date.now()
const valid = ({ id = ID, setCookie = [], expiresInMs = 3_600_000, ...rest }: Details = {}): SessionOutcome => ({
  kind: 'valid',
  setCookie,
  cacheFor: 'cacheFor' in rest ? rest.cacheFor : '60',
  session: {
    id: 's',
    active: true,
    expires_at: new Date(START + expiresInMs).toISOString(),
    identity: { id, traits: { name: id } },
  },
})
const NONE = { kind: 'none', setCookie: [] } satisfies SessionOutcome

/** A Kratos whose answers are given one by one, each when the test says so. */
class Questions {
  readonly open: Array<
    { credential: Credential, scope: RequestScope | undefined, answer: (outcome: SessionOutcome) => void }
  > = []

  asked = 0
  byHead = 0

  whoami = (credential: Credential, scope?: RequestScope): Promise<SessionOutcome> =>
    new Promise((resolve) => {
      this.asked++
      this.open.push({ credential, scope, answer: resolve })
    })

  whoamiId = async (credential: Credential, scope?: RequestScope): Promise<IdentityOutcome> => {
    this.byHead++
    const outcome = await this.whoami(credential, scope)
    return outcome.kind === 'valid'
      ? { kind: 'valid', identityId: outcome.session.identity.id, setCookie: outcome.setCookie }
      : outcome
  }

  /** Answers the oldest open question. */
  answer (outcome: SessionOutcome): void {
    this.open.shift()?.answer(outcome)
  }
}

function setUp (options: Partial<SessionResolverOptions> = {}) {
  const kratos = new Questions()
  const resolver = createSessionResolver({ kratos, maxAgeMs: 0, ...options })
  /** Asks and lets Kratos answer at once. */
  const ask = (
    credential: Extract<Credential, { kind: 'token' | 'cookie' }>,
    outcome: SessionOutcome,
  ): Promise<SessionOutcome> => {
    const resolved = resolver.resolve(credential)
    kratos.answer(outcome)
    return resolved
  }
  return { kratos, resolver, ask }
}

const withCache = () => setUp({ maxAgeMs: 5000 })

/** What may have changed a session, as the routes tell it. */
const PURGES: Array<[name: string, changed: Parameters<ReturnType<typeof createSessionResolver>['invalidate']>[0]]> = [
  ['by credential', { credential: ADA }],
  ['by identity', { identityId: ID }],
  ['by another credential of the identity', { credential: sealed('x'), identityId: ID }],
]

export default async function (t: Test): Promise<void> {
  t.test('how long an answer may be reused (I03)', async (t) => {
    const rows: Array<[header: unknown, maxAgeMs: number, expiresInMs: number, expected: number]> = [
      [undefined, 5000, 60_000, 0],
      ['', 5000, 60_000, 0],
      ['0', 5000, 60_000, 0],
      ['-1', 5000, 60_000, 0],
      ['NaN', 5000, 60_000, 0],
      ['60s', 5000, 60_000, 0],
      ['60, 60', 5000, 60_000, 0],
      [['60', '60'], 5000, 60_000, 0],
      [' 60', 5000, 60_000, 0],
      ['1e9', 5000, 60_000, 0],
      ['6.5', 5000, 60_000, 0],
      ['9999999999', 5000, 60_000, 0],
      [60, 5000, 60_000, 0],
      ['86400', 5000, 60_000, 5000],
      ['999999999', 5000, 60_000, 5000],
      ['3', 5000, 60_000, 3000],
      ['60', 5000, 1200, 1200],
      ['60', 5000, -1, 0],
      ['60', 0, 60_000, 0],
    ]
    for (const [header, maxAgeMs, expiresInMs, expected] of rows) {
      t.same(
        cacheLifetimeMs(header, maxAgeMs, expiresInMs),
        expected,
        `${JSON.stringify(header)}, ${maxAgeMs}, ${expiresInMs}`,
      )
    }
  })

  t.test('keys are digests of kind and value (I01)', async (t) => {
    const long = 'a'.repeat(40)
    const keys = [token(`${long}1`), token(`${long}2`), sealed(`ory_st_${long}1`), sealed(long)].map(keyOf)
    t.equal(new Set(keys).size, 4)
    t.notOk(keys.some((key) => key.includes(long) || !/^[\w-]{43}$/.test(key)))
  })

  t.test('simultaneous look-ups', async (t) => {
    t.test('of one credential are one call, of others are others (I11)', async (t) => {
      const { kratos, resolver } = setUp()
      const asked = Promise.all([...Array.from({ length: 100 }, () => resolver.resolve(ADA)), resolver.resolve(BOB)])
      t.equal(kratos.asked, 2)
      kratos.answer(valid())
      kratos.answer(valid({ id: OTHER_ID }))
      const outcomes = await asked
      t.match(outcomes.slice(0, 100), Array(100).fill(valid()))
      t.match(outcomes[100], { session: { identity: { id: OTHER_ID } } })
      t.match(resolver.counters(), { hits: 0, shared: 99, misses: 2 })
    })

    t.test('are over with the answer: the next one asks again', async (t) => {
      const { kratos, resolver, ask } = setUp()
      await ask(ADA, valid())
      const again = resolver.resolve(ADA)
      t.equal(kratos.asked, 2)
      kratos.answer(NONE)
      t.match(await again, { kind: 'none' })
    })

    t.test('share a fault once, and the next one asks again (I13)', async (t) => {
      const { kratos, resolver, ask } = withCache()
      const asked = Promise.all([1, 2, 3].map(() => resolver.resolve(ADA)))
      kratos.answer(upstreamFailure('UPSTREAM_ERROR'))
      t.match(await asked, Array(3).fill({ kind: 'unavailable', code: 'UPSTREAM_ERROR' }))
      t.match(await ask(ADA, valid()), { kind: 'valid' })
      t.equal(kratos.asked, 2)
    })

    t.test('a renewed cookie goes to the one that asked, whatever the outcome (B28)', async (t) => {
      const setCookie = ['ory_kratos_session=x; Path=/']
      const refused: SessionOutcome = {
        kind: 'denied',
        answer: { kind: 'refused', code: 'AAL2_REQUIRED', members: {}, setCookie },
      }
      const cookiesOf = (outcome: SessionOutcome | IdentityOutcome): string[] =>
        outcome.kind === 'denied' ? outcome.answer.setCookie : outcome.setCookie
      for (
        const outcome of [
          valid({ setCookie }),
          { ...NONE, setCookie },
          refused,
          upstreamFailure('UPSTREAM_ERROR', undefined, { setCookie }),
        ]
      ) {
        for (const how of ['resolve', 'resolveId'] as const) {
          const { kratos, resolver } = setUp()
          const asked = Promise.all([resolver[how](ADA), resolver[how](ADA), resolver[how](ADA)])
          kratos.answer(outcome)
          t.strictSame((await asked).map(cookiesOf), [setCookie, [], []], `${how}: ${outcome.kind}`)
        }
      }
      const { resolver, ask } = withCache()
      await ask(ADA, valid({ setCookie }))
      t.strictSame(cookiesOf(await resolver.resolve(ADA)), [], 'a kept answer has none')
    })

    t.test('have a deadline each: that of the first is not that of the others', async (t) => {
      const { kratos, resolver } = setUp({ deadlineMs: 60_000 })
      const early = new RequestScope(performance.now() - 59_950)
      const [first, second] = [resolver.resolve(ADA, { scope: early }), resolver.resolve(ADA)]
      t.match(await first, { kind: 'unavailable', code: 'UPSTREAM_TIMEOUT' }, 'whose time is over waits no longer')
      t.equal(kratos.open[0]?.scope?.isCancelled, false, 'the look-up goes on for the other one')
      t.match(await resolver.resolve(BOB, { scope: early }), { code: 'UPSTREAM_TIMEOUT' }, 'nor does it ask anew')
      kratos.answer(upstreamFailure('UPSTREAM_TIMEOUT'))
      await new Promise((resolve) => setImmediate(resolve))
      t.equal(kratos.asked, 2, 'the other one has time left and asks for itself')
      while (kratos.open.length > 0) kratos.answer(valid())
      t.match(await second, { kind: 'valid' })
    })

    t.test('a budget that the first has spent is not that of the others', async (t) => {
      const { kratos, resolver } = setUp()
      const from = (ip: string) => ({ scope: new RequestScope(performance.now(), { ip }) })
      const asked = ['1', '1', '2'].map((ip) => resolver.resolve(ADA, from(ip)))
      kratos.answer({ ...upstreamFailure('RATE_LIMITED'), isAboutClient: true })
      t.match(await Promise.all(asked.slice(0, 2)), [{ code: 'RATE_LIMITED' }, { code: 'RATE_LIMITED' }])
      t.equal(kratos.asked, 2)
      t.equal(kratos.open[0]?.scope?.client?.ip, '2')
      kratos.answer(valid())
      t.match(await asked[2], { kind: 'valid' })
    })

    t.test('end when the last client has gone, not before (J24)', async (t) => {
      const { kratos, resolver } = setUp()
      const [first, second] = [new RequestScope(), new RequestScope()]
      resolver.resolve(ADA, { scope: first }).catch(t.fail)
      resolver.resolve(ADA, { scope: second }).catch(t.fail)
      const own = kratos.open[0]?.scope
      cancelScope(first)
      t.equal(own?.isCancelled, false)
      cancelScope(second)
      t.equal(own?.isCancelled, true)
      resolver.resolve(ADA).catch(t.fail)
      t.equal(kratos.asked, 2, 'nobody joins what was given up')
      for (const { answer } of [...kratos.open]) answer(NONE)
    })
  })

  t.test('a cache', async (t) => {
    t.test('reuses a valid session for as long as Kratos allows', async (t) => {
      const { kratos, resolver, ask } = withCache()
      await ask(ADA, valid())
      t.match(await resolver.resolve(ADA), { ...valid(), cacheFor: undefined })
      t.match(await resolver.resolveId(ADA), { kind: 'valid', identityId: ID })
      t.equal(kratos.asked, 1)
      t.match(resolver.counters(), { hits: 2, misses: 1, cached: 1 })
    })

    t.test('keeps nothing but valid sessions (I05, I15)', async (t) => {
      const outcomes: SessionOutcome[] = [
        { ...NONE, cacheFor: '60' },
        { kind: 'denied', answer: { kind: 'refused', code: 'AAL2_REQUIRED', members: {}, setCookie: [] } },
        upstreamFailure('RATE_LIMITED'),
        upstreamFailure('UPSTREAM_ERROR'),
        upstreamFailure('UPSTREAM_UNAVAILABLE'),
        upstreamFailure('UPSTREAM_TIMEOUT'),
        upstreamFailure('OVERLOADED'),
        valid({ cacheFor: undefined }),
        valid({ cacheFor: '0' }),
        valid({ expiresInMs: -1 }),
      ]
      for (const outcome of outcomes) {
        const { kratos, ask } = withCache()
        await ask(ADA, outcome)
        await ask(ADA, NONE)
        t.equal(kratos.asked, 2, JSON.stringify(outcome).slice(0, 80))
      }
    })

    t.test("counts the rest of a session's life by Kratos' clock (I10)", async (t) => {
      const HOUR_MS = 3_600_000
      const rows: Array<[name: string, hoursAhead: number, endsInHours: number, asked: number]> = [
        ['over by our clock, which is wrong', 2, -1, 1],
        ['over by that of Kratos', -2, 1, 2],
      ]
      for (const [name, hoursAhead, endsInHours, asked] of rows) {
        const { kratos, ask } = withCache()
        const outcome = valid({ expiresInMs: endsInHours * HOUR_MS })
        if (outcome.kind === 'valid') withEpoch(outcome.session, Date.now() - performance.now() - hoursAhead * HOUR_MS)
        await ask(ADA, outcome)
        await ask(ADA, outcome)
        t.equal(kratos.asked, asked, name)
      }
    })

    t.test('counts the time from the moment Kratos was asked (I10)', async (t) => {
      const { kratos, resolver } = setUp({ maxAgeMs: 40 })
      const asked = resolver.resolve(ADA)
      const start = performance.now()
      while (performance.now() - start < 41) await new Promise((resolve) => setImmediate(resolve))
      kratos.answer(valid())
      await asked
      resolver.resolve(ADA).catch(t.fail)
      t.equal(kratos.asked, 2, 'an answer that was long under way is old already')
      kratos.answer(NONE)
    })

    t.test('ends with the session', async (t) => {
      const { kratos, resolver, ask } = withCache()
      await ask(ADA, valid({ expiresInMs: Date.now() - START + 30 }))
      const start = performance.now()
      while (performance.now() - start < 40) await new Promise((resolve) => setImmediate(resolve))
      resolver.resolve(ADA).catch(t.fail)
      t.equal(kratos.asked, 2)
      kratos.answer(NONE)
    })

    t.test('is bounded by count: the least used go (N06)', async (t) => {
      const { resolver, kratos, ask } = setUp({ maxAgeMs: 5000, maxSessions: 10 })
      for (let user = 0; user < 25; user++) await ask(token(String(user)), valid())
      t.equal(resolver.counters().cached, 10)
      await resolver.resolve(token('24'))
      t.equal(kratos.asked, 25)
    })

    t.test('serves each credential its own, also beyond what is kept as objects', async (t) => {
      const { resolver, ask } = withCache()
      const idOf = (user: number): string => `${String(user).padStart(8, '0')}${ID.slice(8)}`
      for (let user = 0; user < 1500; user++) await ask(token(String(user)), valid({ id: idOf(user) }))
      for (const round of [1, 2]) {
        for (let user = 0; user < 1500; user++) {
          const outcome = await resolver.resolve(token(String(user)))
          if (outcome.kind !== 'valid' || outcome.session.identity.id !== idOf(user)) { t.fail(`round ${round}, user ${user}`) }
        }
      }
      t.equal(resolver.counters().hits, 3000)
    })

    t.test('`fresh` neither uses nor joins nor fills it', async (t) => {
      const { kratos, resolver, ask } = withCache()
      await ask(ADA, valid())
      const fresh = [
        resolver.resolve(ADA, { fresh: true }),
        resolver.resolve(ADA, { fresh: true }),
        resolver.resolveId(ADA, { fresh: true }),
      ]
      t.equal(kratos.asked, 4)
      for (let turn = 0; turn < 3; turn++) kratos.answer(NONE)
      t.match(await Promise.all(fresh), Array(3).fill({ kind: 'none' }))
      const { kratos: empty, resolver: second } = withCache()
      const asked = second.resolve(BOB, { fresh: true })
      empty.answer(valid())
      await asked
      t.equal(second.counters().cached, 0)
    })

    t.test('tells once per answer that Kratos does not allow it (I03)', async (t) => {
      let told = 0
      const { ask } = setUp({ maxAgeMs: 5000, onUncacheable: () => told++ })
      await ask(ADA, valid({ cacheFor: undefined }))
      await ask(BOB, NONE)
      t.equal(told, 1)
      const { ask: uncached } = setUp({ onUncacheable: () => told++ })
      await uncached(ADA, valid({ cacheFor: undefined }))
      t.equal(told, 1, 'nobody asked for it')
    })
  })

  t.test('after a purge', async (t) => {
    for (const [name, changed] of PURGES) {
      t.test(`${name}: what is kept is not used (I06)`, async (t) => {
        const { kratos, resolver, ask } = withCache()
        await ask(ADA, valid())
        await ask(BOB, valid({ id: OTHER_ID }))
        resolver.invalidate(changed)
        t.match(await ask(ADA, NONE), { kind: 'none' })
        await resolver.resolve(BOB)
        t.equal(kratos.asked, 3, 'others are kept')
        t.equal(resolver.counters().purges, 1)
      })

      t.test(`${name}: a look-up that began before neither fills the cache nor answers who comes after (I07)`, async (t) => {
        for (const { resolver, kratos, ask } of [withCache(), setUp()]) {
          const before = resolver.resolve(ADA)
          resolver.invalidate(changed)
          const after = resolver.resolve(ADA)
          t.equal(kratos.asked, 2, 'who comes after asks anew')
          const late = kratos.open.shift()
          kratos.answer(NONE)
          t.match(await after, { kind: 'none' })
          late?.answer(valid())
          t.match(await before, { kind: 'valid' }, 'who came before has what was true then')
          t.match(await ask(ADA, NONE), { kind: 'none' }, 'and it is not kept')
          t.equal(kratos.asked, 3)
        }
      })

      t.test(`${name}: an answer asked for after it is kept again`, async (t) => {
        const { kratos, resolver, ask } = withCache()
        await ask(ADA, valid())
        resolver.invalidate(changed)
        await ask(ADA, valid())
        t.match(await resolver.resolve(ADA), { kind: 'valid' })
        t.equal(kratos.asked, 2)
      })
    }

    t.test("by one credential, the identity's other ones are asked for anew too", async (t) => {
      const { kratos, resolver, ask } = withCache()
      for (const credential of [sealed('old'), sealed('new')]) await ask(credential, valid())
      resolver.invalidate({ credential: sealed('new') })
      await ask(sealed('old'), NONE)
      t.equal(kratos.asked, 3)
    })

    t.test('an id-only look-up that began before answers nobody who comes after', async (t) => {
      const { kratos, resolver } = setUp()
      const before = resolver.resolveId(ADA)
      resolver.invalidate({ credential: ADA })
      const after = resolver.resolveId(ADA)
      t.equal(kratos.byHead, 2)
      kratos.answer(valid())
      kratos.answer(NONE)
      t.match(await Promise.all([before, after]), [{ kind: 'valid' }, { kind: 'none' }])
    })

    t.test('the memory of purges is bounded; when it is full, nothing is kept (N06)', async (t) => {
      const { kratos, resolver, ask } = withCache()
      await ask(ADA, valid())
      for (let user = 0; user < 10_001; user++) resolver.invalidate({ identityId: `identity-${user}` })
      await ask(ADA, NONE)
      t.equal(kratos.asked, 2)
    })
  })

  t.test('whose session a credential is', async (t) => {
    async function owner (
      cached: boolean,
      credential: Credential,
      outcome?: SessionOutcome,
    ): Promise<[owner: string | undefined, calls: number]> {
      const { kratos, resolver, ask } = cached ? withCache() : setUp()
      await ask(sealed('known'), valid())
      const asked = resolver.ownerOf(credential)
      if (outcome !== undefined) kratos.answer(outcome)
      return [await asked, kratos.asked - 1]
    }
    const [known, unknown] = [sealed('known'), sealed('unknown')]
    t.same(await owner(false, known), [undefined, 0], 'is of no interest without a cache')
    t.same(await owner(true, known), [ID, 0], 'is known for what is kept')
    t.same(await owner(true, unknown, valid({ id: OTHER_ID })), [OTHER_ID, 1], 'is asked for otherwise')
    t.same(await owner(true, unknown, NONE), [undefined, 1])
    t.same(await owner(true, unknown, upstreamFailure('UPSTREAM_ERROR')), [undefined, 1])
    t.same(await owner(true, BOB), [undefined, 0], 'is of no interest for a token')
    t.same(await owner(true, { kind: 'none' }), [undefined, 0])
  })

  t.test('without a cache an id is asked for by HEAD', async (t) => {
    const { kratos, resolver } = setUp()
    const asked = Promise.all([resolver.resolveId(ADA), resolver.resolveId(ADA)])
    kratos.answer(valid())
    t.match(await asked, Array(2).fill({ kind: 'valid', identityId: ID }))
    t.same([kratos.byHead, kratos.asked], [1, 1])
  })
}
