import { readFileSync } from 'node:fs'
import { isJsonObject, type Json, type JsonObject } from '../replay/types.js'

/**
 * Path of Kratos' own OpenAPI document. The document is Ory's and not in this repository: use `npm run test:contract --
 * --openapi <file>`. Without it, answers are not checked against it.
 */
const { KRATOS_OPENAPI: path } = process.env

export const hasDocument = path !== undefined

/** The document with its schemas as JSON Schema. */
export function loadDocument (): JsonObject {
  if (path === undefined) throw new Error('no OpenAPI document is given: npm run test:contract -- --openapi <file>')
  return asJsonSchema(JSON.parse(readFileSync(path, 'utf8')) as JsonObject) as JsonObject
}

/** `nullable` of OpenAPI 3.0 (section 4.7.24) is the only relevant keyword that JSON Schema does not have. */
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

/** A copy with another value at a pointer; missing members on the way are created. */
export function replaceAt (
  node: Json | undefined,
  [member, ...rest]: string[],
  change: (old: Json | undefined) => Json,
): Json {
  if (member === undefined) return change(node)
  const old = isJsonObject(node) ? node : {}
  return { ...old, [member]: replaceAt(old[member], rest, change) }
}
