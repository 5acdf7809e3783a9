import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import { SchemaError, type SchemaPlace } from './document.js'

export type FieldKind =
  'string' | 'number' | 'boolean' | 'object' | 'array' | 'strings' | 'numbers' | 'booleans' | 'unknown'

/** One field of a JSON schema, for building and reading forms. */
export interface SchemaField {
  path: string
  kind: FieldKind
  /** Objects, and lists of anything but plain values: no form input, and an empty object when nothing is sent. */
  isComposite: boolean
  schema: JsonObject
  required: boolean
}

const KINDS: Record<string, FieldKind> = { string: 'string', number: 'number', integer: 'number', boolean: 'boolean' }
const ITEM_KINDS: Record<string, FieldKind> = {
  string: 'strings',
  number: 'numbers',
  integer: 'numbers',
  boolean: 'booleans',
}

type Kind = Pick<SchemaField, 'kind' | 'isComposite'>
const plain = (kind: FieldKind): Kind => ({ kind, isComposite: false })
const composite = (kind: FieldKind): Kind => ({ kind, isComposite: true })

const typesOf = (schema: Json): string[] => isObject(schema) ? [schema['type'] ?? []].flat().map(String) : []

/** The kind by `const`, otherwise by the only type. Neither gives no field, except with a default. */
function kindOf ({ document, schema }: SchemaPlace & { schema: JsonObject }): Kind | undefined {
  const constant = document.draft < 6 ? undefined : schema['const']
  if (constant !== undefined) {
    if (constant === null) return undefined
    if (typeof constant === 'object') return composite(Array.isArray(constant) ? 'array' : 'object')
    return plain(KINDS[typeof constant] ?? 'unknown')
  }
  const types = typesOf(schema)
  const [type = ''] = types
  if (types.length !== 1) return undefined
  if (type === 'object') return composite('object')
  return type === 'array' ? listKind(document, schema['items']) : KINDS[type] === undefined ? undefined : plain(KINDS[type])
}

/** A list whose items have one type; without `items`, or with several types, it still has an input. */
function listKind (document: SchemaPlace['document'], items: Json | undefined): Kind {
  const schemas = items === undefined ? [] : [items].flat()
  const types = schemas.flatMap((item) => {
    const ref = isObject(item) ? item['$ref'] : undefined
    return typeof ref === 'string' ? typesOf(document.resolve(ref).schema) : typesOf(item)
  })
  const distinct = types.filter((type, index) => type !== types[index - 1])
  if (distinct.length !== 1) return plain('array')
  const kind = ITEM_KINDS[distinct[0] ?? '']
  return kind === undefined ? composite('array') : plain(kind)
}

interface Walk {
  parents: string[]
  parent: JsonObject | undefined
  /** The schemas around this one. */
  around: Json[]
  recursion: number
}

/** Schemas that apply to the same value, in the order in which Kratos looks at them. */
function alternatives ({ document, schema }: SchemaPlace & { schema: JsonObject }): SchemaPlace[] {
  const { $ref, if: premise, then, else: otherwise } = schema
  const hasCondition = document.draft >= 7 && premise !== undefined && (then !== undefined || otherwise !== undefined)
  const schemas = [
    schema['not'],
    ...(hasCondition ? [premise, then, otherwise] : []),
    ...['allOf', 'anyOf', 'oneOf'].flatMap((key) => Array.isArray(schema[key]) ? schema[key] : []),
  ]
  return typeof $ref === 'string'
    ? [document.resolve($ref)]
    : schemas.flatMap((inner) => inner === undefined ? [] : [{ document, schema: inner, pointer: '' }])
}

function collect (place: SchemaPlace, walk: Walk, limit: number | undefined, found: SchemaField[]): void {
  const { document, schema } = place
  const { parents, parent, around } = walk
  if (!isObject(schema)) return
  const object = { ...place, schema }
  const isReference = typeof schema['$ref'] === 'string'
  const kind = isReference
    ? undefined
    : kindOf(object) ?? (schema['default'] === undefined || schema['default'] === null
      ? undefined
      : { kind: 'unknown' as const, isComposite: typesOf(schema).length > 2 })
  const name = parents.at(-1)
  if (kind !== undefined && name !== undefined) {
    const names = parent?.['required']
    found.push({
      path: parents.join('.'),
      ...kind,
      schema,
      required: Array.isArray(names) && names.includes(name),
    })
  }
  let { recursion } = walk
  if (around.includes(schema)) {
    if (limit === undefined) {
      throw new SchemaError(`detected circular dependency in schema path: ${parents.join('.')}`)
    }
    if (recursion > limit) return
    recursion++
  }
  // A reference has no `required`, so the target of one is never required.
  const next = { parent: isReference ? {} : schema, around: [...around, schema], recursion }
  for (const other of alternatives(object)) collect(other, { ...next, parents }, limit, found)
  if (isReference) return
  for (const [key, property] of Object.entries(asObject(schema['properties']))) {
    collect({ document, schema: property, pointer: '' }, { ...next, parents: [...parents, key] }, limit, found)
  }
}

const byPath = (left: SchemaField, right: SchemaField): number =>
  left.path === right.path ? 0 : Buffer.compare(Buffer.from(left.path), Buffer.from(right.path))

/**
 * All fields of a schema, sorted by path as in Kratos. Of several definitions of a field the last one counts, unless an
 * earlier one has a default.
 * @param limit how often a schema may contain itself; undefined for an error
 * @throws SchemaError
 */
export function fieldsOf (place: SchemaPlace, limit?: number): SchemaField[] {
  const found: SchemaField[] = []
  collect(place, { parents: [], parent: undefined, around: [], recursion: 0 }, limit, found)
  const chosen = new Map<string, SchemaField>()
  for (const field of found.sort(byPath)) {
    if ((chosen.get(field.path)?.schema['default'] ?? null) === null) chosen.set(field.path, field)
  }
  return [...chosen.values()]
}

/** Paths of the leaf fields in the order of the schema, which is the order of the form. */
export function keysInOrder (schema: JsonObject, parents: string[] = []): string[] {
  if (schema['type'] !== 'object') return [parents.join('.')]
  return Object.entries(asObject(schema['properties'])).flatMap(([name, property]) =>
    keysInOrder(asObject(property), [...parents, name]),
  )
}
