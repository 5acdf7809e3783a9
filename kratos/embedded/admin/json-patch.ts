import { isObject, type Json, type JsonObject } from '../json.js'

/** A patch that cannot be applied. The messages are those of the library that Kratos uses. */
export class PatchError extends Error {}

/** Paths that a patch of an identity must not change, in lower case. */
const DENIED = [/^\/id$/, /^\/statechangedat$/, /^\/credentials$/, /^\/credentials\/oidc\/.*$/]

const OPERATIONS = ['add', 'remove', 'replace']
const UNSUPPORTED = ['test', 'move', 'copy']

interface Operation {
  op: string
  path: string
  value: Json
}

/**
 * Applies a JSON Patch (RFC 6902) as Kratos does: only add, remove and replace. A replaced member need not exist, and
 * missing parents are created (recording 80).
 * @throws PatchError
 */
export function patched (document: JsonObject, patch: unknown): Json {
  if (patch === null) return document
  if (!Array.isArray(patch)) {
    throw new PatchError(
      `json: cannot unmarshal ${isObject(patch) ? 'object' : typeof patch} into Go value of type jsonpatch.Patch`,
    )
  }
  const operations = patch.map(checked)
  for (const { op, path } of operations) {
    if (!OPERATIONS.includes(op)) throw new PatchError(`unsupported operation: ${op}`)
    if (DENIED.some((denied) => denied.test(path.toLowerCase()))) {
      throw new PatchError(`patch includes denied path: ${path}`)
    }
  }
  return operations.reduce<Json>(applied, structuredClone(document))
}

function checked (given: unknown): Operation {
  const invalid = (why: string): PatchError => new PatchError(`invalid operation ${JSON.stringify(given)}: ${why}`)
  if (given === null) throw invalid('unsupported operation')
  if (!isObject(given)) {
    throw new PatchError(`json: cannot unmarshal ${Array.isArray(given) ? 'array' : typeof given} into Go value of type jsonpatch.Operation`)
  }
  const { op = '', path, value } = given
  if (![...OPERATIONS, ...UNSUPPORTED].includes(String(op))) throw invalid('unsupported operation')
  if (typeof path !== 'string') throw invalid("failed to decode 'path': operation missing path field: missing value")
  if (value === undefined && op !== 'remove' && op !== 'move' && op !== 'copy') {
    throw invalid("failed to decode 'value': operation, missing value field: missing value")
  }
  return { op: String(op), path, value: value ?? null }
}

const isElement = (key: string): boolean => key === '-' || /^[+-]?\d+$/.test(key)

function applied (document: Json, { op, path, value }: Operation): Json {
  if (path === '') return op === 'remove' ? null : value
  const keys = path.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = keys.at(-1) ?? ''
  // Replacing a member is adding it; only array elements must exist.
  const kind = op === 'replace' && !isElement(last) ? 'add' : op
  // What stands before the first slash is not looked at.
  const parent = keys.length > 1
    ? parentOf(document, keys.slice(1, -1), kind === 'add' ? last : undefined)
    : undefined
  if (parent === undefined) {
    throw new PatchError(
      `${kind} operation does not apply: doc is missing path: ${
        kind === 'replace' ? path : JSON.stringify(path)
      }: missing value`,
    )
  }
  if (kind === 'remove') remove(parent, last, path)
  else if (kind === 'add') add(parent, last, path, value)
  else replace(parent, last, path, value)
  return document
}

/**
 * The object or array that holds the last key.
 * @param made the key to create missing parents for; undefined: create none
 */
function parentOf (document: Json, keys: string[], made: string | undefined): Json[] | JsonObject | undefined {
  let at: Json | undefined = document
  for (const [index, key] of keys.entries()) {
    const next: Json | undefined = child(at, key)
    const isMissing = next === undefined || next === null
    at = isMissing && made !== undefined ? put(at, key, isElement(keys[index + 1] ?? made) ? [] : {}) : next
  }
  return Array.isArray(at) || isObject(at) ? at : undefined
}

function child (at: Json | undefined, key: string): Json | undefined {
  if (Array.isArray(at)) return at[Number(key)]
  return isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
}

function put (at: Json | undefined, key: string, value: Json): Json | undefined {
  if (Array.isArray(at)) at.push(value)
  else if (isObject(at) && key !== '__proto__') at[key] = value
  else return undefined
  return value
}

function add (parent: Json[] | JsonObject, key: string, path: string, value: Json): void {
  if (!Array.isArray(parent)) {
    put(parent, key, value)
    return
  }
  const index = key === '-' ? parent.length : Number(key)
  if (!Number.isInteger(index) || index < 0 || index > parent.length) {
    throw new PatchError(
      `error in add for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`,
    )
  }
  parent.splice(index, 0, value)
}

function replace (parent: Json[] | JsonObject, key: string, path: string, value: Json): void {
  if (child(parent, key) === undefined) {
    throw new PatchError(`replace operation does not apply: doc is missing key: ${path}: missing value`)
  }
  if (Array.isArray(parent)) parent[Number(key)] = value
  else put(parent, key, value)
}

function remove (parent: Json[] | JsonObject, key: string, path: string): void {
  if (child(parent, key) === undefined) {
    const why = Array.isArray(parent)
      ? `Unable to access invalid index: ${key}: invalid index referenced`
      : `unable to remove nonexistent key: ${key}: missing value`
    throw new PatchError(`error in remove for path: '${path}': ${why}`)
  }
  if (Array.isArray(parent)) parent.splice(Number(key), 1)
  else delete parent[key]
}
