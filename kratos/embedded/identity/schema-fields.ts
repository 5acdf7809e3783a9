import { asObject, isObject, type JsonObject } from '../json.js'

export type FieldKind = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'strings' | 'numbers' | 'booleans'

/** One field of a JSON schema, for building and reading forms. */
export interface SchemaField {
  path: string
  kind: FieldKind
  schema: JsonObject
  required: boolean
}

const KINDS: Record<string, FieldKind> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  object: 'object',
  array: 'array',
}
const ITEM_KINDS: Record<string, FieldKind> = {
  string: 'strings',
  number: 'numbers',
  integer: 'numbers',
  boolean: 'booleans',
}

function kindOf (schema: JsonObject): FieldKind | undefined {
  const constant = schema['const']
  const type = constant === undefined ? schema['type'] : isObject(constant) ? 'object' : typeof constant
  if (typeof type !== 'string') return undefined
  if (type !== 'array') return KINDS[type]
  const items = asObject(schema['items'])['type']
  return typeof items === 'string' ? ITEM_KINDS[items] ?? 'array' : 'array'
}

/** Follows a local `$ref`. */
const resolved = (schema: JsonObject, root: JsonObject): JsonObject => {
  const ref = schema['$ref']
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return schema
  return ref
    .slice(2)
    .split('/')
    .reduce<JsonObject>((at, key) => asObject(at[key.replaceAll('~1', '/').replaceAll('~0', '~')]), root)
}

/** Schemas that apply to the same value. */
const alternatives = (schema: JsonObject): JsonObject[] => [
  ...['not', 'if', 'then', 'else'].flatMap((key) => isObject(schema[key]) ? [schema[key]] : []),
  ...['allOf', 'anyOf', 'oneOf'].flatMap((key) => Array.isArray(schema[key]) ? schema[key].map(asObject) : []),
]

function collect (
  given: JsonObject,
  root: JsonObject,
  parents: string[],
  required: boolean,
  found: Map<string, SchemaField>,
  depth: number,
): void {
  if (depth > 12) return
  const schema = resolved(given, root)
  const kind = kindOf(schema)
  const path = parents.join('.')
  if (kind !== undefined && path !== '' && !found.has(path)) found.set(path, { path, kind, schema, required })
  for (const other of alternatives(schema)) collect(other, root, parents, required, found, depth + 1)
  const names = Array.isArray(schema['required']) ? schema['required'] : []
  for (const [name, property] of Object.entries(asObject(schema['properties']))) {
    collect(asObject(property), root, [...parents, name], names.includes(name), found, depth + 1)
  }
}

/** All fields of a schema, sorted by path as in Kratos. */
export function fieldsOf (document: JsonObject): SchemaField[] {
  const found = new Map<string, SchemaField>()
  collect(document, document, [], false, found, 0)
  return [...found.values()].sort((left, right) => left.path < right.path ? -1 : 1)
}

/** Paths of the leaf fields in the order of the schema, which is the order of the form. */
export function keysInOrder (schema: JsonObject, parents: string[] = []): string[] {
  if (schema['type'] !== 'object') return [parents.join('.')]
  return Object.entries(asObject(schema['properties'])).flatMap(([name, property]) =>
    keysInOrder(asObject(property), [...parents, name]),
  )
}
