import type { Test } from 'tap'
import { build } from '../support/app.js'

const ROUNDS = 200

export default async function (t: Test): Promise<void> {
  t.test('log lines of requests', async (t) => {
    const lines = async (env: Record<string, string>, url: string, rounds = 1): Promise<number> => {
      const { app, logs } = await build(t, env)
      for (let n = 0; n < rounds; n++) await app.inject(url)
      return logs().filter((line) => line.includes('"event":"request"')).length
    }

    t.test('LOG_HEALTH=false drops those of health that went well', async (t) => {
      t.equal(await lines({}, '/health/alive'), 1)
      t.equal(await lines({ LOG_HEALTH: 'false' }, '/health/alive'), 0)
      t.equal(await lines({ LOG_HEALTH: 'false' }, '/health/nope'), 1, 'and no others')
      t.equal(await lines({ LOG_HEALTH: 'false' }, '/metrics'), 1)
    })

    t.test('LOG_SUCCESS_PERCENT takes a share of those that went well, and all that did not', async (t) => {
      t.equal(await lines({ LOG_SUCCESS_PERCENT: '0' }, '/health/alive', 5), 0)
      t.equal(await lines({ LOG_SUCCESS_PERCENT: '0' }, '/api/documents', 5), 5)
      const half = await lines({ LOG_SUCCESS_PERCENT: '50' }, '/health/alive', ROUNDS)
      // Six standard deviations of a fair coin.
      t.ok(Math.abs(half - ROUNDS / 2) < 3 * Math.sqrt(ROUNDS), `${half} of ${ROUNDS}`)
    })
  })
}
