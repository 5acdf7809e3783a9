import { Ajv } from 'ajv'
import type { Test } from 'tap'
import { ConfigSchema } from '../../src/config-schema.js'
import { OptionsSchema } from '../../src/plugin-options.js'
import { AuthRequirementSchema } from '../../src/sessions/strength.js'

export default async function (t: Test): Promise<void> {
  t.test('the schemas of settings are schemas, which nothing checks at the start', async (t) => {
    const ajv = new Ajv({ strict: false })
    for (const [name, schema] of Object.entries({ ConfigSchema, OptionsSchema, AuthRequirementSchema })) {
      t.ok(ajv.validateSchema(schema), `${name} ${ajv.errorsText()}`)
    }
    t.notOk(ajv.validateSchema({ type: 'sting' }))
  })
}
