import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { badRequest, plainError } from '../http/errors.js'
import { isObject, type JsonObject } from '../json.js'
import { documentOf, rootOf, SchemaError } from '../json-schema/document.js'
import { fieldsOf, keysInOrder, type SchemaField } from '../json-schema/fields.js'
import type { LoadedConfig } from '../config/types.js'
import { schemaDefect, schemaProblem } from './schema-check.js'

export interface IdentitySchema {
  id: string
  url: string
  document: JsonObject
  /**
   * All fields with their dotted paths, such as `traits.email`, sorted by path.
   * @throws ApiError 500 for a schema that Kratos starts with but cannot use
   */
  readonly fields: SchemaField[]
  /** Paths of the fields in the order of the schema. */
  keys: string[]
}

export interface IdentitySchemas {
  all: IdentitySchema[]
  /** By id or by id in base64; an empty one is the default. */
  find(id: string): IdentitySchema | undefined
  /** @throws ApiError 400 for an unknown id */
  get(id: string): IdentitySchema
}

/** The text at a `file://` or `base64://` address. */
export function readAddress (address: string, folder: string): string {
  if (address.startsWith('base64://')) return Buffer.from(address.slice('base64://'.length), 'base64').toString()
  if (!address.startsWith('file://')) {
    throw new TypeError(
      `"${address}" is neither a file:// nor a base64:// address; the embedded server fetches nothing`,
    )
  }
  const path = decodeURIComponent(address.slice('file://'.length))
  return readFileSync(isAbsolute(path) ? path : resolve(folder, path), 'utf8')
}

/**
 * Loads the configured schemas, or the given one as the default schema.
 * @throws Error with the setting whose schema cannot be read or used
 */
export function loadSchemas (config: LoadedConfig, override?: string | JsonObject): IdentitySchemas {
  const { schemas, default_schema_id: defaultId } = config.values.identity
  const all = override === undefined
    ? schemas.map(({ id, url }, index) =>
      load(`identity.schemas[${index}].url`, id, url, () => readAddress(url, config.folder)),
    )
    : [
        load(
          'the identity schema',
          defaultId,
          '',
          () => typeof override === 'string' ? readFileSync(override, 'utf8') : override,
        ),
      ]
  if (!all.some(({ id }) => id === defaultId)) {
    throw new Error(
      `identity.default_schema_id is ${defaultId}, but the schemas are ${all.map(({ id }) => id).join(', ')}`,
    )
  }
  const find = (id: string): IdentitySchema | undefined => {
    const wanted = id === '' ? defaultId : id
    return all.find((schema) => schema.id === wanted) ?? all.find((schema) => isEncoded(schema.id, wanted))
  }
  return {
    all,
    find,
    get: (id) => {
      const found = find(id)
      if (found === undefined) throw badRequest(`Unable to find JSON Schema ID: ${id}`)
      return found
    },
  }
}

/** Whether a text is an id in base64, without padding. */
const isEncoded = (id: string, text: string): boolean =>
  /^[\w-]+$/.test(text) && Buffer.from(text, 'base64url').toString() === id

/** @param setting where the schema comes from, for error messages */
function load (setting: string, id: string, url: string, read: () => string | JsonObject): IdentitySchema {
  const document = parsed(setting, read)
  const problem = schemaProblem(document)
  if (problem !== undefined) throw new Error(`${setting} ${problem}`)
  const defect = schemaDefect(document)
  let fields: SchemaField[] | undefined
  return {
    id,
    url,
    document,
    keys: keysInOrder(document),
    get fields () {
      if (defect !== undefined) throw plainError(defect)
      return (fields ??= usableFields(document))
    },
  }
}

function usableFields (document: JsonObject): SchemaField[] {
  try {
    return fieldsOf(rootOf(documentOf(document)))
  } catch (error) {
    throw error instanceof SchemaError ? plainError(error.message) : error
  }
}

function parsed (setting: string, read: () => string | JsonObject): JsonObject {
  try {
    const content = read()
    const document: unknown = typeof content === 'string' ? JSON.parse(content) : content
    if (isObject(document)) return document
  } catch (error) {
    throw new Error(`${setting} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  throw new TypeError(`${setting} is no JSON object`)
}
