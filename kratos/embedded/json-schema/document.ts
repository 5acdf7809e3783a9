import { isObject, type Json, type JsonObject } from '../json.js'

/** A schema that cannot be used, although it may be valid JSON Schema. */
export class SchemaError extends Error {}

/** A schema inside a document: an object, or true or false. */
export interface SchemaPlace {
  document: SchemaDocument
  schema: Json
  /** JSON pointer, as Kratos' messages show it. */
  pointer: string
}

export interface SchemaDocument {
  root: JsonObject
  draft: number
  /** The target of a `$ref`. @throws SchemaError */
  resolve(ref: string): SchemaPlace
}

/** The drafts that Kratos knows; others, and these without `#`, it refuses. */
const DRAFTS: Record<string, number> = {
  'http://json-schema.org/schema#': 7,
  'http://json-schema.org/draft-07/schema#': 7,
  'http://json-schema.org/draft-06/schema#': 6,
  'http://json-schema.org/draft-04/schema#': 4,
}

function draftOf ({ $schema }: JsonObject): number {
  if ($schema === undefined) return 7
  const draft = typeof $schema === 'string' ? DRAFTS[$schema] : undefined
  if (draft === undefined) throw new SchemaError(`unknown $schema ${JSON.stringify($schema)}`)
  return draft
}

/** @param others documents that a `$ref` may name, by the part before `#` @throws SchemaError */
export function openDocument (root: JsonObject, others: Record<string, SchemaDocument> = {}): SchemaDocument {
  const draft = draftOf(root)
  const known = new Map<string, SchemaPlace>()
  let named: Map<string, Json> | undefined
  const find = (ref: string): SchemaPlace => {
    const [address = '', fragment = ''] = ref.split('#')
    if (address === '' && (fragment === '' || fragment.startsWith('/'))) {
      return { document, schema: atPointer(root, fragment), pointer: `#${fragment}` }
    }
    const other = others[address]
    if (other !== undefined) return other.resolve(`#${fragment}`)
    named ??= schemasById(root, draft === 4 ? 'id' : '$id')
    const absolute = absoluteUrl(ref, baseOf(root, draft))
    const schema = named.get(absolute) ?? named.get(absolute.replace(/#$/, ''))
    if (schema === undefined) throw new SchemaError(`cannot follow $ref ${JSON.stringify(ref)}: nothing is fetched`)
    return { document, schema, pointer: fragment === '' ? '#' : `#${fragment}` }
  }
  const document: SchemaDocument = {
    root,
    draft,
    resolve: (ref) => {
      const place = known.get(ref) ?? find(ref)
      known.set(ref, place)
      return place
    },
  }
  return document
}

function atPointer (root: JsonObject, pointer: string): Json {
  let at: Json | undefined = root
  for (const part of pointer.split('/').slice(1)) {
    const name = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~')
    at = Array.isArray(at) ? at[Number(name)] : isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
  }
  if (typeof at !== 'boolean' && !isObject(at)) throw new SchemaError(`$ref to ${pointer}, where no schema is`)
  return at
}

function decoded (part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new SchemaError(`cannot read the JSON pointer ${JSON.stringify(part)}`)
  }
}

const BASE = 'schema://document/'

const absoluteUrl = (address: string, base: string): string => URL.canParse(address, base)
  ? new URL(address, base).href
  : address

const baseOf = (root: JsonObject, draft: number): string => {
  const id = root[draft === 4 ? 'id' : '$id']
  return typeof id === 'string' ? absoluteUrl(id, BASE) : BASE
}

function schemasById (value: Json, name: string, base = BASE, found = new Map<string, Json>()): Map<string, Json> {
  if (Array.isArray(value)) for (const item of value) schemasById(item, name, base, found)
  if (!isObject(value)) return found
  const id = value[name]
  const own = typeof id === 'string' ? absoluteUrl(id, base) : base
  if (typeof id === 'string') found.set(own.replace(/#$/, ''), value)
  for (const item of Object.values(value)) schemasById(item, name, own, found)
  return found
}

const documents = new WeakMap<JsonObject, SchemaDocument>()

/** The document of a schema, opened once. @throws SchemaError */
export function documentOf (root: JsonObject): SchemaDocument {
  const document = documents.get(root) ?? openDocument(root)
  documents.set(root, document)
  return document
}

/** Remembers a document that refers to others. */
export function register (document: SchemaDocument): JsonObject {
  documents.set(document.root, document)
  return document.root
}

export const rootOf = (document: SchemaDocument): SchemaPlace => ({ document, schema: document.root, pointer: '#' })
