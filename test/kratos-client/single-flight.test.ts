import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Test } from 'tap'
import { RequestScope } from '../../src/kratos-client/request-scope.js'
import { createSingleFlight } from '../../src/kratos-client/single-flight.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void

/** What grows old with it is not collected here. */
function collectYoung (): void {
  collect({ type: 'minor' })
  collect({ type: 'minor' })
}

const TIMES = 1000
const BALLAST = 10_000
const AT_ONCE = 8
const MB = 1024 * 1024

export default async function (t: Test): Promise<void> {
  t.test('what has landed is kept by nothing until the next full collection', async (t) => {
    const flight = createSingleFlight<string>(1000)
    collect()
    const before = process.memoryUsage().heapUsed
    const underWay: Array<() => Promise<unknown>> = []
    for (let asked = 0; asked < TIMES; asked++) {
      const client = { ip: '::1', ballast: new Array(BALLAST).fill(asked) }
      let land = (_answer: string): void => {}
      const answer = new Promise<string>((resolve) => {
        land = resolve
      })
      const { outcome } = flight.join(`key ${asked}`, new RequestScope(undefined, client), () => answer)
      underWay.push(() => {
        land('landed')
        return outcome
      })
      if (asked === AT_ONCE) collectYoung()
      if (asked >= AT_ONCE) await underWay.shift()?.()
    }
    for (const landed of underWay) await landed()
    collectYoung()
    const kept = (process.memoryUsage().heapUsed - before) / MB
    t.ok(kept < 20, `${kept.toFixed(1)} of ${(TIMES * BALLAST * 8 / MB).toFixed(1)} MB were kept`)
  })
}
