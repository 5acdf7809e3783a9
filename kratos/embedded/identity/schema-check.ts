import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import type { SchemaField } from './schema-fields.js'
import { compile } from './validation.js'

/** Allowed members of `ory.sh/kratos`, and of each of them. */
const EXTENSION: Record<string, string[]> = {
  credentials: ['password', 'webauthn', 'passkey', 'totp', 'code'],
  verification: ['via'],
  recovery: ['via'],
}

/** Why Kratos could not use an identity schema, or undefined. */
export function schemaProblem (document: JsonObject, fields: SchemaField[]): string | undefined {
  const traits = asObject(document['properties'])['traits']
  if (!isObject(traits) || Object.keys(asObject(traits['properties'])).length === 0) {
    return 'has no traits (properties.traits.properties)'
  }
  try {
    compile(document)
  } catch (error) {
    return `is no JSON Schema: ${error instanceof Error ? error.message : String(error)}`
  }
  return fields
    .map(({ path, schema }) => extensionProblem(path, schema['ory.sh/kratos']))
    .find((problem) => problem !== undefined)
}

function extensionProblem (path: string, extension: Json | undefined): string | undefined {
  for (const [name, content] of Object.entries(asObject(extension))) {
    const known = EXTENSION[name]
    if (known === undefined) {
      return `has "${name}" in ory.sh/kratos of ${path}; known here: ${Object.keys(EXTENSION).join(', ')}`
    }
    const stranger = Object.keys(asObject(content)).find((key) => !known.includes(key))
    if (stranger !== undefined) {
      return `has "${stranger}" in ory.sh/kratos.${name} of ${path}; known here: ${known.join(', ')}`
    }
  }
  return undefined
}
