import type { IdentitySchema } from '../identity/schemas.js'
import { asObject, type JsonObject } from '../json.js'
import { documentOf, openDocument, register } from '../json-schema/document.js'

const made = new WeakMap<JsonObject, Map<JsonObject, JsonObject>>()

/**
 * A method's fields together with the traits of an identity schema, and with nothing else of that schema. The same
 * arguments give the same object, so that its fields are listed only once.
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
  const traits = { $ref: 'identity#/properties/traits' }
  return register(
    openDocument(
      { ...fields, properties: { ...asObject(fields['properties']), traits } },
      { identity: documentOf(document) },
    ),
  )
}
