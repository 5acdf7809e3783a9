import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import { documentOf, openDocument, rootOf, SchemaError } from '../json-schema/document.js'
import { DRAFT_07 } from '../json-schema/draft-07.js'
import { leavesOf } from '../json-schema/problem.js'
import { check } from '../json-schema/validate.js'
import { ensureUsable } from '../json-schema/usable.js'

type Check = (value: Json, path: string) => string | undefined

/** A member that must have one of these values, if it is there. */
const oneOf = (...allowed: Json[]): Check => (value, path) =>
  allowed.includes(value) ? undefined : `has ${JSON.stringify(value)} in ${path}; known here: ${allowed.join(', ')}`

const members = (known: Record<string, Check>): Check => (value, path) => {
  if (!isObject(value)) return `has no object in ${path}`
  for (const [name, content] of Object.entries(value)) {
    const inner = Object.hasOwn(known, name) ? known[name] : undefined
    if (inner === undefined) {
      return `has ${JSON.stringify(name)} in ${path}; known here: ${Object.keys(known).join(', ')}`
    }
    const problem = inner(content, `${path}.${name}`)
    if (problem !== undefined) return problem
  }
  return undefined
}

const FLAG = oneOf(true, false)
const VIA = members({ via: oneOf('email', 'sms') })
const IDENTIFIER = members({ identifier: FLAG })

/** Allowed content of `ory.sh/kratos`. */
const checkExtension = members({
  credentials: members({
    password: IDENTIFIER,
    webauthn: IDENTIFIER,
    passkey: members({ display_name: FLAG }),
    totp: members({ account_name: FLAG }),
    code: members({ identifier: FLAG, via: oneOf('email', 'sms') }),
  }),
  verification: VIA,
  recovery: VIA,
  organizations: members({ matcher: oneOf('email_domain') }),
})

/** Formats that an address for verification may have. */
const VERIFIABLE_FORMATS = ['email', 'tel', 'date', 'time', 'date-time', 'no-validate']

/** Why Kratos would not start with an identity schema, or undefined. */
export function schemaProblem (document: JsonObject): string | undefined {
  // Kratos starts with these and then answers every flow with 500; nobody can want that.
  if (/json-schema\.org\/draft\/20\d\d-\d\d\//.test(String(document['$schema'] ?? ''))) {
    return `has the draft ${String(document['$schema'])}; Kratos knows draft-04, draft-06 and draft-07`
  }
  const traits = asObject(document['properties'])['traits']
  if (!isObject(traits) || !isObject(traits['properties']) || Object.keys(traits['properties']).length === 0) {
    return 'has no traits (properties.traits.properties)'
  }
  if (traits['type'] !== undefined && traits['type'] !== 'object') return 'has traits whose type is not object'
  // Kratos checks schemas of any draft against that of draft 7.
  const problem = check(rootOf(documentOf(DRAFT_07)), document)
  if (problem !== undefined) {
    const [leaf = problem] = leavesOf(problem)
    return `is no JSON Schema: #/${leaf.instance.join('/')} ${leaf.text}`
  }
  for (const [name, trait] of Object.entries(traits['properties'])) {
    const wrong = traitProblem(`traits.${name}`, trait)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

function traitProblem (path: string, trait: Json): string | undefined {
  if (!isObject(trait)) return `has ${JSON.stringify(trait)} instead of a schema for ${path}`
  const { format } = trait
  if (
    asObject(trait['ory.sh/kratos'])['verification'] !== undefined && format !== undefined &&
    !VERIFIABLE_FORMATS.includes(String(format))
  ) {
    return `has an address for verification in ${path} with the format ${JSON.stringify(format)}; known here: ${
      VERIFIABLE_FORMATS.join(', ')
    }`
  }
  return extensionProblem(path, trait)
}

/** Kratos looks for its extension in all members of members, but not in lists. */
function extensionProblem (path: string, schema: JsonObject): string | undefined {
  const extension = schema['ory.sh/kratos']
  const own = extension === undefined ? undefined : checkExtension(extension, `ory.sh/kratos of ${path}`)
  if (own !== undefined) return own
  for (const [name, inner] of Object.entries(schema)) {
    const problem = isObject(inner)
      ? extensionProblem(name === 'properties' || name === 'items' ? path : `${path}.${name}`, inner)
      : undefined
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Why Kratos would start with a schema, but answer each flow with 500; undefined if it would not. */
export function schemaDefect (document: JsonObject): string | undefined {
  try {
    ensureUsable(rootOf(openDocument(document)))
    return undefined
  } catch (error) {
    if (error instanceof SchemaError) return error.message
    throw error
  }
}
