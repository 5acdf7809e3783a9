import type { Test } from 'tap'
import type { KratosSession } from '../../src/kratos-client/session.js'
import type { SessionOutcome } from '../../src/kratos-client/session-outcome.js'
import { upstreamFailure } from '../../src/kratos-client/upstream-failure.js'
import { createSessionWatch, type SessionWatch } from '../../src/sessions/session-watch.js'
import { keyOf, type UsableCredential } from '../../src/sessions/resolver.js'
import { SESSION } from '../support/faults.js'

const session = (endsInMs = 3_600_000): KratosSession =>
  ({ ...SESSION, expires_at: new Date(Date.now() + endsInMs).toISOString() }) as unknown as KratosSession
const identityId = session().identity.id
const credential = (value: string): UsableCredential => ({ kind: 'token', value, from: 'header' })
const VALID: SessionOutcome = { kind: 'valid', session: session(), setCookie: [] }
const NONE: SessionOutcome = { kind: 'none', setCookie: [] }
const ILL: SessionOutcome = upstreamFailure('UPSTREAM_UNAVAILABLE')

/** A Kratos that answers by turns, the last answer for ever. */
function setUp (t: Test, answers: SessionOutcome[], { isDeleted = false } = {}) {
  const asked: string[] = []
  const watch = createSessionWatch({
    ask: async ({ value }) => {
      asked.push(value)
      await new Promise(setImmediate)
      return (answers.length > 1 ? answers.shift() : answers[0]) ?? NONE
    },
    isDeleted: () => isDeleted,
  })
  t.teardown(() => watch.close())
  return { watch, asked }
}

/** Resolves with the end of a session. */
const ended = (watch: SessionWatch, value = 'a', given: KratosSession | null = session()): Promise<void> =>
  new Promise((resolve) => {
    watch.add({ credential: credential(value), identityId, session: given, generation: watch.generation() }, resolve)
  })
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
}

export default async function (t: Test): Promise<void> {
  t.test('a purge makes Kratos be asked, and Kratos decides', async (t) => {
    const { watch, asked } = setUp(t, [VALID, NONE])
    const end = ended(watch)
    watch.recheck({ identityId: 'somebody else' })
    watch.recheck({ key: 'another' })
    watch.recheck({})
    await settled()
    t.strictSame(asked, [])
    watch.recheck({ key: keyOf(credential('a')) })
    await settled()
    t.strictSame([asked.length, watch.size()], [1, 1], 'it is still there')
    watch.recheck({ identityId })
    await end
    t.strictSame([asked.length, watch.size()], [2, 0])
  })

  t.test('a session that is there and not enough any more has ended for who was let in', async (t) => {
    const { watch } = setUp(t, [{ kind: 'denied', answer: { kind: 'refused', code: 'AAL2_REQUIRED', members: {}, setCookie: [] } }])
    const end = ended(watch)
    watch.recheck({ identityId })
    await end
  })

  t.test('an outage ends nothing: Kratos is asked until it answers', async (t) => {
    const { watch, asked } = setUp(t, [ILL, ILL, NONE])
    const end = ended(watch)
    watch.recheck({ all: true })
    await settled()
    t.strictSame([asked.length, watch.size()], [1, 1])
    watch.recheck({ identityId })
    await settled()
    t.strictSame([asked.length, watch.size()], [2, 1])
    // By the timer: nothing else wakes it.
    const keepAlive = setInterval(() => {}, 1000)
    await end
    clearInterval(keepAlive)
    t.equal(asked.length, 3)
  })

  t.test('its own end is noticed, and one that was put off is waited for', async (t) => {
    const { watch, asked } = setUp(t, [{ kind: 'valid', session: session(0), setCookie: [] }, NONE])
    const keepAlive = setInterval(() => {}, 1000)
    await ended(watch, 'a', session(0))
    clearInterval(keepAlive)
    t.equal(asked.length, 2)
  })

  t.test('where only the id was asked for, Kratos says at once when it ends', async (t) => {
    const { watch, asked } = setUp(t, [VALID, NONE])
    const end = ended(watch, 'a', null)
    await settled()
    t.strictSame([asked.length, watch.size()], [1, 1])
    watch.recheck({ identityId })
    await end
  })

  t.test('one whose answer is older than a purge is asked about', async (t) => {
    const { watch, asked } = setUp(t, [NONE])
    const generation = watch.generation()
    watch.recheck({ identityId: 'anybody' })
    const given = { credential: credential('a'), identityId, session: session(), generation }
    await new Promise<void>((resolve) => watch.add(given, resolve))
    t.equal(asked.length, 1)
  })

  t.test('that of a deleted account ends without a question', async (t) => {
    const { watch, asked } = setUp(t, [VALID], { isDeleted: true })
    const end = ended(watch)
    watch.recheck({ identityId, isDeleted: true })
    await end
    t.strictSame(asked, [])
  })

  t.test('a purge of everything asks for each credential once, two at a time', async (t) => {
    let [atOnce, most] = [0, 0]
    const watch = createSessionWatch({
      ask: async () => {
        most = Math.max(most, ++atOnce)
        await new Promise(setImmediate)
        atOnce--
        return NONE
      },
      isDeleted: () => false,
    })
    t.teardown(() => watch.close())
    const ends = Array.from({ length: 100 }, (_, n) => ended(watch, `${n % 50}`))
    t.equal(watch.size(), 100)
    watch.recheck({ all: true })
    await Promise.all(ends)
    t.strictSame([most, watch.size()], [2, 0])
  })

  t.test('who takes it back is not called, whatever was under way', async (t) => {
    const { watch, asked } = setUp(t, [NONE])
    let calls = 0
    const given = { credential: credential('a'), identityId, session: session(), generation: watch.generation() }
    const [one, two] = [watch.add(given, () => calls++), watch.add(given, () => calls++)]
    one()
    one()
    t.equal(watch.size(), 1)
    watch.recheck({ identityId })
    two()
    await settled()
    t.strictSame([calls, asked.length, watch.size()], [0, 1, 0])
  })
}
