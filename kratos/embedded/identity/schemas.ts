import { readFileSync } from 'node:fs'
import { badRequest, plainError } from '../http/errors.js'
import { isObject, type JsonObject } from '../json.js'
import { documentOf, rootOf, SchemaError } from '../json-schema/document.js'
import { fieldsOf, keysInOrder, type SchemaField } from '../json-schema/fields.js'
import { readResource } from '../resources.js'
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
  /** By what an identity calls its schema: an empty id is the one named `default`, whichever the default is. */
  named(id: string): IdentitySchema
}

/**
 * Loads the configured schemas, or the given one as the default schema.
 * @throws Error with the setting whose schema cannot be read or used
 */
export async function loadSchemas (
  config: LoadedConfig,
  override?: string | JsonObject,
): Promise<IdentitySchemas> {
  const { schemas, default_schema_id: defaultId } = config.values.identity
  const all = override === undefined
    ? await Promise.all(
      schemas.map(async ({ id, url }, index) =>
        await load(`identity.schemas[${index}].url`, id, url, async () => await readResource(url, config.folder)),
      ),
    )
    : [
        await load(
          'the identity schema',
          defaultId,
          '',
          async () => typeof override === 'string' ? readFileSync(override, 'utf8') : override,
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
  const get = (id: string): IdentitySchema => {
    const found = find(id)
    if (found === undefined) throw badRequest(`Unable to find JSON Schema ID: ${id}`)
    return found
  }
  return { all, find, get, named: (id) => get(id === '' ? 'default' : id) }
}

/** Whether a text is an id in base64, without padding. */
const isEncoded = (id: string, text: string): boolean =>
  /^[\w-]+$/.test(text) && Buffer.from(text, 'base64url').toString() === id

type Read = () => Promise<string | JsonObject>

/** @param setting where the schema comes from, for error messages */
async function load (setting: string, id: string, url: string, read: Read): Promise<IdentitySchema> {
  const document = await parsed(setting, read)
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

async function parsed (setting: string, read: Read): Promise<JsonObject> {
  try {
    const content = await read()
    const document: unknown = typeof content === 'string' ? JSON.parse(content) : content
    if (isObject(document)) return document
  } catch (error) {
    throw new Error(`${setting} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  throw new TypeError(`${setting} is no JSON object`)
}
