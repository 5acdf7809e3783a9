import { basename } from 'node:path'
import type { Test } from 'tap'
import { startEmbedded } from './pair.js'
import { configurationOf, deviations, readWalk, recordedFiles } from './recorded.js'

/** Walks that once differed, and facts that others rest on: the answers are those of a real Kratos. */
export default async function (t: Test): Promise<void> {
  t.test('recorded walks', async (t) => {
    for (const file of recordedFiles()) {
      const recorded = readWalk(file)
      t.test(`${basename(file, '.json')}: ${recorded.fact}`, async (t) => {
        const server = await startEmbedded(configurationOf(recorded))
        t.teardown(async () => { await server.close() })
        t.same(await deviations(server, recorded), [])
      })
    }
  })
}
