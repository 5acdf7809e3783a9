import type { IdentitySchema } from '../identity/schemas.js'
import { asObject, type JsonObject } from '../json.js'

const made = new WeakMap<JsonObject, Map<JsonObject, JsonObject>>()

/**
 * A method's fields together with the traits of an identity schema, whose definitions stay reachable. The same
 * arguments give the same object, so that it is compiled only once.
 * @param fields `properties` and other keywords of the method's form
 */
export function formSchema (fields: JsonObject, { document }: IdentitySchema): JsonObject {
  const known = made.get(fields) ?? new Map<JsonObject, JsonObject>()
  made.set(fields, known)
  const schema = known.get(document) ?? combined(fields, document)
  known.set(document, schema)
  return schema
}

function combined (fields: JsonObject, document: JsonObject): JsonObject {
  const { $id, required, properties, ...rest } = document
  return {
    ...rest,
    ...fields,
    properties: { ...asObject(fields['properties']), traits: asObject(asObject(properties)['traits']) },
  }
}
