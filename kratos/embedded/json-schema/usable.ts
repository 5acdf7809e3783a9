import { asObject, isObject, type Json } from '../json.js'
import { SchemaError, type SchemaPlace } from './document.js'

const ONE = ['not', 'if', 'then', 'else', 'additionalProperties', 'additionalItems', 'contains', 'propertyNames']
const LIST = ['allOf', 'anyOf', 'oneOf']
const MAP = ['properties', 'patternProperties', 'dependencies']

function inner (schema: { [key: string]: Json }): Json[] {
  return [
    ...ONE.flatMap((key) => schema[key] ?? []),
    ...[...LIST, 'items'].flatMap((key) => schema[key] ?? []),
    ...MAP.flatMap((key) => Object.values(asObject(schema[key]))),
  ]
}

/** What draft 4 has not, although draft 7 has it. */
function ensureDraft4 (schema: { [key: string]: Json }): void {
  const isBoolean = inner(schema).some((item) => typeof item === 'boolean' && item !== schema['additionalProperties'] &&
    item !== schema['additionalItems'])
  if (isBoolean || typeof schema['exclusiveMinimum'] === 'number' || typeof schema['exclusiveMaximum'] === 'number') {
    throw new SchemaError("doesn't validate with the schema of draft 4")
  }
}

/** Follows all parts and references of a schema. @throws SchemaError when one cannot be used */
export function ensureUsable (place: SchemaPlace, seen = new Set<Json>()): void {
  const { document, schema } = place
  if (!isObject(schema) || seen.has(schema)) return
  seen.add(schema)
  if (typeof schema['$ref'] === 'string') {
    ensureUsable(document.resolve(schema['$ref']), seen)
    return
  }
  if (document.draft < 6) ensureDraft4(schema)
  for (const part of inner(schema)) ensureUsable({ document, schema: part, pointer: '' }, seen)
}
