import { firstJson } from '../go/json.js'
import { ApiError, badRequest } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { goQuote } from '../go/text.js'
import { timeProblem } from '../go/time.js'
import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import { parseUuid } from '../random.js'

/** What a Go struct accepts: a type, any value, or members. A list contains the shape of its items. */
export type Shape = 'string' | 'boolean' | 'uuid' | 'time' | 'any' | Members | [Shape]
export interface Members {
  [member: string]: Shape
}

/** The body is not the JSON that was expected. */
export class DecodingError extends Error {}

/**
 * The request's body, decoded as Go would decode it into a struct.
 * @param struct name of the struct with its package, for messages
 * @param isStrict whether unknown members are an error
 * @throws DecodingError
 */
export function decoded (ex: Exchange, struct: string, shape: Members, isStrict: boolean): JsonObject {
  if (ex.body.kind === 'too-large') throw new DecodingError('http: request body too large')
  const body = parsed(ex.body.bytes.toString())
  if (body === null) return {}
  if (!isObject(body)) {
    throw new DecodingError(`json: cannot unmarshal ${typeName(body)} into Go value of type ${struct}`)
  }
  const named = asObject(withKnownNames(body, shape))
  check(named, shape, struct.replace(/^\w+\./, ''), isStrict)
  return named
}

/** Go finds members in any case. */
function withKnownNames (value: Json, shape: Shape): Json {
  if (Array.isArray(shape)) return Array.isArray(value) ? value.map((item) => withKnownNames(item, shape[0])) : value
  if (typeof shape !== 'object' || !isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const known = Object.keys(shape).find((member) => member.toLowerCase() === name.toLowerCase())
      return [known ?? name, withKnownNames(inner, shape[known ?? ''] ?? 'any')]
    }),
  )
}

function parsed (text: string): unknown {
  const start = text.replace(/^[ \t\r\n]+/, '')
  if (start === '') throw new DecodingError('EOF')
  try {
    return firstJson(text)
  } catch {
    throw new DecodingError(
      /^[[{"]/.test(start)
        ? 'unexpected EOF'
        : `invalid character '${Buffer.from(start).toString('latin1', 0, 1)}' looking for beginning of value`,
    )
  }
}

const typeName = (value: unknown): string =>
  Array.isArray(value) ? 'array' : isObject(value) ? 'object' : typeof value === 'boolean' ? 'bool' : typeof value

function check (value: Json | undefined, shape: Shape, path: string, isStrict: boolean): void {
  if (value === undefined || value === null || shape === 'any') return
  if (shape === 'uuid') {
    if (typeof value !== 'string') throw mismatch(value, path, 'uuid.UUID')
    ensureUuid(value)
  } else if (shape === 'time') {
    const problem = typeof value === 'string' ? timeProblem(value) : 'Time.UnmarshalJSON: input is not a JSON string'
    if (problem !== undefined) throw new DecodingError(problem)
  } else if (Array.isArray(shape)) {
    if (!Array.isArray(value)) throw mismatch(value, path, `[]${structAt(path)}`)
    for (const item of value) check(item, shape[0], path, isStrict)
  } else if (typeof shape === 'object') {
    if (!isObject(value)) throw mismatch(value, path, structAt(path))
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(shape, name))
    if (unknown !== undefined && isStrict) throw new DecodingError(`json: unknown field ${JSON.stringify(unknown)}`)
    for (const [name, inner] of Object.entries(shape)) check(value[name], inner, `${path}.${name}`, isStrict)
  } else if (typeName(value) !== (shape === 'boolean' ? 'bool' : shape)) {
    throw mismatch(value, path, shape === 'boolean' ? 'bool' : shape)
  }
}

/** @throws DecodingError */
export function ensureUuid (text: string): string {
  const id = parseUuid(text)
  if (id !== undefined) return id
  throw new DecodingError(`uuid: incorrect UUID length ${text.length} in string ${goQuote(text)}`)
}

/** What Kratos calls the members of an identity that are no plain values. */
const STRUCTS: Record<string, string> = {
  verifiable_addresses: 'VerifiableAddress',
  recovery_addresses: 'RecoveryAddress',
  credentials: 'IdentityWithCredentials',
  'credentials.password': 'AdminIdentityImportCredentialsPassword',
  'credentials.password.config': 'AdminIdentityImportCredentialsPasswordConfig',
  ...Object.fromEntries(['oidc', 'saml'].flatMap((type) => [
    [`credentials.${type}`, `AdminIdentityImportCredentials${type.toUpperCase()}`],
    [`credentials.${type}.config`, `AdminIdentityImportCredentials${type.toUpperCase()}Config`],
    [`credentials.${type}.config.providers`, `AdminCreateIdentityImportCredentials${type.toUpperCase()}Provider`],
  ])),
}
/** @param path with the name of the outermost struct first */
function structOf (path: string): string {
  const [outermost = '', ...members] = path.split('.')
  if (members.length === 0) return outermost
  const inIdentity = members.join('.').replace(/^identities\.create(\.|$)/, '')
  return inIdentity === '' ? 'CreateIdentityBody' : STRUCTS[inIdentity] ?? 'BatchIdentityPatch'
}
const structAt = (path: string): string => `identity.${structOf(path)}`

/** Go names the struct that holds the member, before the whole path. */
function mismatch (value: Json, path: string, type: string): DecodingError {
  const holder = structOf(path.replace(/\.?\w+$/, ''))
  const field = path.replace(/^\w+/, holder)
  return new DecodingError(`json: cannot unmarshal ${typeName(value)} into Go struct field ${field} of type ${type}`)
}

/** A strict body. Errors have a message and no reason, as for POST of identities. @throws ApiError 400 */
export function strictBody (ex: Exchange, struct: string, shape: Members): JsonObject {
  try {
    return decoded(ex, struct, shape, true)
  } catch (error) {
    throw error instanceof DecodingError ? new ApiError({ code: 400, message: error.message }) : error
  }
}

/**
 * A body that needs the content type JSON and may have unknown members, as for PUT of an identity.
 * @throws ApiError 400
 */
export function jsonBody (ex: Exchange, struct: string, shape: Members): JsonObject {
  const type = ex.headers.get('content-type') ?? ''
  if (ex.headers.get('content-length') === '0') {
    throw badRequest('Unable to decode HTTP Request Body because its HTTP Header "Content-Length" is zero.')
  }
  if (type.split(';')[0]?.trim() !== 'application/json') {
    throw badRequest(
      `HTTP ${ex.method} Request used unknown HTTP Header "Content-Type: ${type}", only [application/json] are supported.`,
    )
  }
  try {
    return decoded(ex, struct, shape, false)
  } catch (error) {
    throw error instanceof DecodingError ? badRequest(`Unable to decode JSON payload: ${error.message}`) : error
  }
}
