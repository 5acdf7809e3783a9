import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../src/kratos-client/kratos-body.js'
import type { JsonObject as Schema } from '../../kratos/embedded/index.js'
import { ROOT } from './process.js'

/** JSON Schema of an identity, as Kratos wants it. @param traits schema of the object `traits` */
export const identitySchema = <Traits extends JsonObject>(name: string, traits: Traits) => ({
  $id: `https://example.test/${name}.json`,
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: { traits: { type: 'object' as const, ...traits } },
})

/** Extension of a trait by which people log in with a password. */
export const identifier = { 'ory.sh/kratos': { credentials: { password: { identifier: true } } } }

/** The repository's own schema, whose e-mail address is also the name of a security key's owner. */
export function schemaWithSecurityKeys (): Schema {
  const schema = JSON.parse(readFileSync(join(ROOT, 'kratos/identity.schema.json'), 'utf8')) as {
    properties: { traits: { properties: { email: { 'ory.sh/kratos': { credentials: Schema } } } } }
  }
  schema.properties.traits.properties.email['ory.sh/kratos'].credentials['webauthn'] = { identifier: true }
  return schema
}
