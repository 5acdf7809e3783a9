import { join } from 'node:path'
import type { Test } from 'tap'
import { ownConfiguration } from './own-configuration.js'
import { findingsOf, type Finding } from './pair.js'
import type { JsonObject } from './steps.js'
import { ROOT } from '../support/process.js'

export default async function (t: Test): Promise<void> {
  const configuration = ownConfiguration(join(ROOT, 'kratos/kratos.yml'))

  const findings = (overrides: JsonObject, seeds: number[]): Promise<Finding[]> =>
    findingsOf(t, configuration, { seeds, overrides })

  t.test('walks with a kratos.yml of somebody else', async (t) => {
    t.test('sign people up with traits that its schema takes', async (t) => {
      const [found] = await findings({ session: { lifespan: '7h' } }, [1])
      t.match(JSON.stringify(found?.real.body), /"authentication_methods"/, 'there is a session, and it differs')
    })

    t.test('differ nowhere between two servers with the same file', async (t) => {
      t.same(await findings({}, [1, 2]), [])
    })
  })
}
