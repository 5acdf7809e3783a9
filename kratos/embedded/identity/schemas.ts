import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { badRequest } from '../http/errors.js'
import { asObject, isObject, type JsonObject } from '../json.js'
import type { LoadedConfig } from '../config/types.js'
import { fieldsOf, keysInOrder, type SchemaField } from './schema-fields.js'

export interface IdentitySchema {
  id: string
  url: string
  document: JsonObject
  /** Every field with its dotted path below the document's root, such as `traits.email`, sorted by path. */
  fields: SchemaField[]
  /** Paths of the fields in the order written. */
  keys: string[]
}

export interface IdentitySchemas {
  all: IdentitySchema[]
  /** @throws ApiError 400 for an unknown id */
  get (id: string): IdentitySchema
}

/** Text behind a `file://` or `base64://` address of a configuration. */
export function readAddress (address: string, folder: string): string {
  if (address.startsWith('base64://')) return Buffer.from(address.slice('base64://'.length), 'base64').toString()
  if (!address.startsWith('file://')) throw new TypeError(`"${address}" is neither a file:// nor a base64:// address; the embedded server fetches nothing`)
  const path = decodeURIComponent(address.slice('file://'.length))
  return readFileSync(isAbsolute(path) ? path : resolve(folder, path), 'utf8')
}

/** Loads the schemas that the configuration names, or the one given instead as `default`. */
export function loadSchemas (config: LoadedConfig, override?: string | JsonObject): IdentitySchemas {
  const { schemas, default_schema_id: defaultId } = config.values.identity
  const documents = override === undefined
    ? schemas.map(({ id, url }) => ({ id, url, document: parse(readAddress(url, config.folder), url) }))
    : [{ id: defaultId, url: '', document: typeof override === 'string' ? parse(readFileSync(override, 'utf8'), override) : override }]
  const all = documents.map(({ id, url, document }) => ({ id, url, document, fields: fieldsOf(document), keys: keysInOrder(document) }))
  return {
    all,
    get: (id) => {
      const wanted = id === '' ? defaultId : id
      const found = all.find(schema => schema.id === wanted) ?? all.find(schema => schema.id === Buffer.from(wanted, 'base64url').toString())
      if (found === undefined) throw badRequest(`Unable to find JSON Schema ID: ${wanted}`)
      return found
    }
  }
}

function parse (text: string, address: string): JsonObject {
  const document: unknown = JSON.parse(text)
  if (!isObject(document)) throw new TypeError(`the identity schema ${address.slice(0, 60)} is no JSON object`)
  return asObject(document)
}
