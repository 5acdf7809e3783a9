import type { Test } from 'tap'
import { epochOf, sessionTime, skewOf, timeAt, withEpoch } from '../../src/kratos-client/kratos-time.js'
import type { KratosSession } from '../../src/kratos-client/session.js'

const SECOND = 1000
const HOUR = 3_600_000
/** Whether two times are one, as far as a busy machine can tell. */
const isNear = (one: number, other: number): boolean => Math.abs(one - other) < 4 * SECOND

export default async function (t: Test): Promise<void> {
  t.test("Kratos' clock is the Date of its answer and the time since", async (t) => {
    const receivedAt = performance.now() - 10 * SECOND
    const epoch = epochOf('Thu, 26 Nov 2026 20:00:00 GMT', receivedAt)
    t.ok(isNear(timeAt(epoch), Date.parse('2026-11-26T20:00:10Z')), 'whatever ours says')
    t.ok(isNear(timeAt(epochOf('Thu, 26 Nov 2026 20:00:00 GMT', performance.now())), Date.parse('2026-11-26T20:00:00Z')))
  })

  t.test('without a Date that can be read it is ours', async (t) => {
    for (const date of [undefined, '', 'soon', '0', '2026', '2026-11-26T20:00:00Z', 'Thu, 99 Foo 2026 20:00:00 GMT', ['x']]) {
      t.ok(isNear(timeAt(epochOf(date, performance.now())), Date.now()), JSON.stringify(date))
    }
    t.ok(isNear(timeAt(undefined), Date.now()))
  })

  t.test('a session is read by the clock of its answer', async (t) => {
    const session = { id: 's' } as KratosSession
    t.ok(isNear(sessionTime(session), Date.now()))
    t.equal(withEpoch(session, epochOf(new Date(Date.now() + HOUR).toUTCString(), performance.now())), session)
    t.ok(sessionTime(session) > Date.now() + HOUR - 2 * SECOND)
    t.same(session, { id: 's' }, 'nothing is added to it')
  })

  t.test('a difference of more than 5 s is a wrong clock', async (t) => {
    const ahead = (ms: number): number | undefined =>
      skewOf(epochOf(new Date(Date.now() - ms).toUTCString(), performance.now()))
    for (const ms of [0, 4 * SECOND, -4 * SECOND]) t.equal(ahead(ms), undefined, `${ms} ms`)
    t.ok(Number(ahead(HOUR)) > HOUR - SECOND)
    t.ok(Number(ahead(-HOUR)) < -HOUR + 2 * SECOND)
  })
}
