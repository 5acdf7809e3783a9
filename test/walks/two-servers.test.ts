import type { Test } from 'tap'
import { CONFIGURATIONS, type Configuration } from './configurations.js'
import { findingsOf, type Finding } from './pair.js'
import type { JsonObject } from './steps.js'

/** Walks two embedded servers, of which the second has something planted. */
const findings = (t: Test, name: string, seeds: number[], overrides: JsonObject = {}): Promise<Finding[]> =>
  findingsOf(t, CONFIGURATIONS[name] as Configuration, { seeds, overrides })

export default async function (t: Test): Promise<void> {
  t.test('walks of two servers', async (t) => {
    t.test('find no difference between two embedded servers', async (t) => {
      for (const name of ['plain', 'second-factor']) t.same(await findings(t, name, [1, 2, 3]), [], name)
    })

    t.test('find a planted difference, and the smallest walk to it', async (t) => {
      const overrides = { selfservice: { methods: { password: { config: { min_password_length: 40 } } } } }
      const [found] = await findings(t, 'plain', [1], overrides)
      t.same(found?.walk.map((step) => step.do), ['open', 'submit'], 'a flow and a submit with the password')
      t.match(found?.differences[0], { at: /status|body/ })
    })
  })
}
