import { readFileSync } from 'node:fs'
import { badRequest } from '../http/errors.js'
import { isObject, type JsonObject } from '../json.js'
import { readResource } from '../resources.js'
import type { LoadedConfig } from '../config/types.js'
import { schemaProblem } from './schema-check.js'
import { fieldsOf, keysInOrder, type SchemaField } from './schema-fields.js'

export interface IdentitySchema {
  id: string
  url: string
  document: JsonObject
  /** All fields with their dotted paths, such as `traits.email`, sorted by path. */
  fields: SchemaField[]
  /** Paths of the fields in the order of the schema. */
  keys: string[]
}

export interface IdentitySchemas {
  all: IdentitySchema[]
  /** @throws ApiError 400 for an unknown id */
  get(id: string): IdentitySchema
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
  return {
    all,
    get: (id) => {
      const wanted = id === '' ? defaultId : id
      const found = all.find((schema) => schema.id === wanted) ??
        all.find((schema) => schema.id === Buffer.from(wanted, 'base64url').toString())
      if (found === undefined) throw badRequest(`Unable to find JSON Schema ID: ${wanted}`)
      return found
    },
  }
}

type Read = () => Promise<string | JsonObject>

/** @param setting where the schema comes from, for error messages */
async function load (setting: string, id: string, url: string, read: Read): Promise<IdentitySchema> {
  const document = await parsed(setting, read)
  const fields = fieldsOf(document)
  const problem = schemaProblem(document, fields)
  if (problem !== undefined) throw new Error(`${setting} ${problem}`)
  return { id, url, document, fields, keys: keysInOrder(document) }
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
