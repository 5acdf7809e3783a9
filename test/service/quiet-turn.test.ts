import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import { quietTurn } from '../../src/service/quiet-turn.js'
import { busyFor } from '../support/busy-for.js'

export default async function (t: Test): Promise<void> {
  t.test('waits until a turn of the event loop has nothing to do', async (t) => {
    let turns = 0
    const busy = (async () => {
      for (; turns < 20; turns++) {
        await setImmediate()
        busyFor(2)
      }
    })()
    await quietTurn(60_000)
    t.equal(turns, 20)
    await busy
  })

  t.test('gives up where every turn is busy', async (t) => {
    const over = new AbortController()
    const busy = (async () => {
      while (!over.signal.aborted) {
        await setImmediate()
        busyFor(2)
      }
    })()
    await quietTurn(20)
    over.abort()
    t.pass('it ended')
    await busy
  })
}
