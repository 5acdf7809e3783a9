import type { JsonObject } from '../../src/kratos-client/kratos-body.js'

/** JSON Schema of an identity, as Kratos wants it. @param traits schema of the object `traits` */
export const identitySchema = <Traits extends JsonObject>(name: string, traits: Traits) => ({
  $id: `https://example.test/${name}.json`,
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: { traits: { type: 'object' as const, ...traits } },
})

/** Extension of a trait by which people log in with a password. */
export const identifier = { 'ory.sh/kratos': { credentials: { password: { identifier: true } } } }
