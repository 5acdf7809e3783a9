import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import { segmentsOf } from '../kratos-client/traits.js'

/** A schema that refers to itself, or deeper than a pointer may be. */
const MAX_DEPTH = 16
/** Places that are listed in a finding; a schema may have hundreds. */
const MAX_PLACES = 100

/** What a schema says of one place of its instance: `'unknown'` where a reference leads out of the document. */
type Place = JsonObject | 'unknown'

const listOf = (value: unknown): unknown[] => Array.isArray(value) ? value : []

function referenced (document: unknown, ref: string): Place[] {
  if (!ref.startsWith('#')) return ['unknown']
  const target = ref === '#'
    ? document
    : segmentsOf(decodeURIComponent(ref.slice(1))).reduce<unknown>(
      (at, name) => isRecord(at) ? at[name] : undefined,
      document,
    )
  return isRecord(target) ? [target] : []
}

/** A schema and all that it is put together from: each may describe a part of the same instance. */
function parts (document: unknown, schema: unknown, depth = 0): Place[] {
  if (!isRecord(schema) || depth > MAX_DEPTH) return []
  const ref = typeof schema['$ref'] === 'string' ? referenced(document, schema['$ref']) : []
  const within = [...['allOf', 'anyOf', 'oneOf'].flatMap((name) => listOf(schema[name])), schema['then'], schema['else']]
  return [
    schema,
    ...ref.flatMap((part) => part === 'unknown' ? [part] : parts(document, part, depth + 1)),
    ...within.flatMap((part) => parts(document, part, depth + 1)),
  ]
}

/** Members that a part names, by name; the first item of a list is `0`. */
function membersOf (part: JsonObject): Array<[name: string, schema: unknown]> {
  const { properties, items, prefixItems } = part
  const first = listOf(prefixItems)[0] ?? (Array.isArray(items) ? items[0] : items)
  return [...(isRecord(properties) ? Object.entries(properties) : []), ...(isRecord(first) ? [['0', first] as [string, unknown]] : [])]
}

/** What the schema of any member says, where none is named. */
function ofAnyName (part: JsonObject, name: string): unknown[] {
  const { patternProperties, additionalProperties } = part
  const patterns = isRecord(patternProperties) ? Object.entries(patternProperties) : []
  // Go's expressions are not all JavaScript's; one that cannot be read may match.
  const matches = (pattern: string): boolean => {
    try {
      return new RegExp(pattern, 'u').test(name)
    } catch {
      return true
    }
  }
  return [...patterns.filter(([pattern]) => matches(pattern)).map(([, schema]) => schema), additionalProperties]
}

const traitsOf = (document: unknown): Place[] =>
  parts(document, document).flatMap((part) =>
    part === 'unknown' ? [part] : parts(document, isRecord(part['properties']) ? part['properties']['traits'] : undefined),
  )

/** What an identity schema says of a place among the traits; empty where it names none. */
export const placesAt = (document: unknown, pointer: string): Place[] =>
  segmentsOf(pointer).reduce<Place[]>((at, name) => at.flatMap((part) => {
    if (part === 'unknown') return [part]
    const named = membersOf(part).filter(([member]) => member === name).map(([, schema]) => schema)
    return (named.length > 0 ? named : ofAnyName(part, name)).flatMap((schema) => parts(document, schema))
  }), traitsOf(document))

/** Whether a text may stand where all this is said of one place, by one schema or by several. */
export const mayBeText = (places: Place[]): boolean =>
  places.some((place) => place === 'unknown' || [place['type']].flat().includes('string')) ||
  places.every((place) => place === 'unknown' || place['type'] === undefined)

/** Pointers to the traits that an identity schema names and that are texts, with what it says of each. */
export function textTraits (document: unknown): Array<{ pointer: string, schema: JsonObject }> {
  const found = new Map<string, JsonObject>()
  const visit = (at: Place[], pointer: string, depth: number): void => {
    for (const part of at) {
      if (part === 'unknown' || found.size >= MAX_PLACES) continue
      if ([part['type']].flat().includes('string') && pointer !== '') found.set(pointer, { ...found.get(pointer), ...part })
      if (depth === 0) continue
      for (const [name, schema] of membersOf(part)) {
        visit(parts(document, schema), `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth - 1)
      }
    }
  }
  visit(traitsOf(document), '', 6)
  return [...found].map(([pointer, schema]) => ({ pointer, schema }))
}
