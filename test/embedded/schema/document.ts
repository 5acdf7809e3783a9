import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isJsonObject, type Json, type JsonObject } from '../replay/types.js'

/** Kratos' own API description. It is Ory's text, so it stays outside of this repository and may be missing. */
const documentPath = join(import.meta.dirname, '../../../../shared/kratos/openapi-v26.2.0.json')

/** Why nothing can be checked against the document here, as a test's `skip`; undefined when it is there. */
export const missingDocument: string | undefined = existsSync(documentPath)
  ? undefined
  : 'Kratos\' OpenAPI document is not there (../shared/kratos/openapi-v26.2.0.json): answers are not checked against it'

/** The document with its schemas as JSON Schema. */
export function loadDocument (): JsonObject {
  return asJsonSchema(JSON.parse(readFileSync(documentPath, 'utf8')) as JsonObject) as JsonObject
}

/** OpenAPI 3.0's `nullable` (section 4.7.24) is the one keyword that JSON Schema does not know and that decides. */
function asJsonSchema (node: Json): Json {
  if (Array.isArray(node)) return node.map(asJsonSchema)
  if (!isJsonObject(node)) return node
  const schema = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, asJsonSchema(value)]))
  if (schema['nullable'] !== true) return schema
  const { nullable, ...rest } = schema
  return { anyOf: [rest, { type: 'null' }] }
}

/** The parts of a JSON pointer (RFC 6901). */
export const partsOf = (pointer: string): string[] =>
  pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

/** A copy in which something else stands at a pointer; members on the way are made where there are none. */
export function replaceAt (node: Json | undefined, [member, ...rest]: string[], change: (old: Json | undefined) => Json): Json {
  if (member === undefined) return change(node)
  const old = isJsonObject(node) ? node : {}
  return { ...old, [member]: replaceAt(old[member], rest, change) }
}
