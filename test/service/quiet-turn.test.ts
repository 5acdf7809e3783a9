import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import { quietTurn } from '../../src/service/quiet-turn.js'

/** Keeps the processor for that long. */
function work (ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

export default async function (t: Test): Promise<void> {
  t.test('waits until a turn of the event loop has nothing to do', async (t) => {
    let turns = 0
    const busy = (async () => {
      for (; turns < 20; turns++) {
        await setImmediate()
        work(2)
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
        work(2)
      }
    })()
    await quietTurn(20)
    over.abort()
    t.pass('it ended')
    await busy
  })
}
