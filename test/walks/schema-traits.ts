import fc from 'fast-check'
import type { Traits } from './fields.js'
import type { ValidTraits } from './journeys.js'
import { asObject, isObject, type Json, type JsonObject } from './steps.js'

/** Traits for a schema that nobody here wrote. */

/** By the format; each address of a person is another one. */
const BY_FORMAT: Record<string, (person: number, name: string) => string> = {
  email: (person, name) =>
    /^e?-?mail(_?address)?$/i.test(name) ? `$email:${person}` : `${name.replace(/\W/g, '')}.$email:${person}`,
  tel: (person) => `$phone:${person}`,
  uri: () => 'https://ada.test/',
  date: () => '2001-02-03',
  'date-time': () => '2001-02-03T04:05:06Z',
  uuid: () => '7c1f3a52-0c33-4f0e-9d4a-2b6f5f1a7c11',
}
/** For patterns and lengths: the first that fits. `$user:1` becomes something like `user1abc123x0001`. */
const TEXTS = ['$user', 'Ada', 'Ada Lovelace', 'ada-lovelace', 'AB', 'en', 'DE', '12345', '+447700900123', 'a', '1234567890',
  'https://ada.test/', '#aabbcc', 'ada.lovelace@example.test', '0x0123456789abcdef0123456789abcdef01234567']

function textFor (schema: JsonObject, person: number, name: string): string {
  const { format, pattern, minLength = 0, maxLength = Infinity } = schema
  const known = BY_FORMAT[String(format)]
  if (known !== undefined) return known(person, name)
  const isFit = (text: string): boolean => {
    const sent = text === '$user' ? `user${person}abc123x0001` : text
    return sent.length >= Number(minLength) && sent.length <= Number(maxLength) && isMatch(pattern, sent)
  }
  const found = TEXTS.find(isFit) ?? 'x'.repeat(Number(minLength))
  return found === '$user' ? `$user:${person}` : found
}

function isMatch (pattern: Json | undefined, text: string): boolean {
  try {
    return typeof pattern !== 'string' || new RegExp(pattern, 'u').test(text)
  } catch {
    return false
  }
}

function validFor (given: Json | undefined, root: JsonObject, person: number, name = 'email', depth = 0): Json {
  const schema = asObject(given)
  const { $ref, type, const: only } = schema
  if (typeof $ref === 'string' && $ref.startsWith('#/') && depth < 6) {
    const target = $ref.slice(2).split('/').reduce<Json | undefined>((at, part) => asObject(at)[part], root)
    return validFor(target, root, person, name, depth + 1)
  }
  if (only !== undefined) return only
  const [choice] = [schema['enum'] ?? []].flat()
  if (choice !== undefined) return choice
  switch ([type].flat()[0]) {
    case 'object': return objectFor(schema, root, person, depth)
    case 'array': return schema['items'] === undefined ? [] : [validFor(schema['items'], root, person, name, depth + 1)]
    case 'boolean': return true
    case 'integer':
    case 'number': return Math.max(Number(schema['minimum'] ?? 20), Number(schema['exclusiveMinimum'] ?? 0) + 1)
    case 'null': return null
    default: return isObject(schema['properties']) ? objectFor(schema, root, person, depth) : textFor(schema, person, name)
  }
}

const objectFor = (schema: JsonObject, root: JsonObject, person: number, depth: number): JsonObject =>
  depth > 6
    ? {}
    : Object.fromEntries(Object.entries(asObject(schema['properties']))
      .map(([name, part]) => [name, validFor(part, root, person, name, depth + 1)]))

const traitsSchema = (schema: JsonObject): JsonObject => asObject(asObject(schema['properties'])['traits'])

export const validTraitsFor = (schema: JsonObject): ValidTraits => (person) =>
  validFor(traitsSchema(schema), schema, person)

/** Instead of a value that fits. */
const ODD = fc.constantFrom<Json | undefined>(undefined, undefined, '', 'x', 5, null, true, [], {}, 'no-address', ' a b ')

/** Mostly valid; else one member is something else, there is one more, or only what the schema wants is there. */
export const traitsFor = (schema: JsonObject): Traits => (person) => {
  const valid = asObject(validTraitsFor(schema)(person))
  const required = [traitsSchema(schema)['required'] ?? []].flat().map(String)
  const names = Object.keys(valid)
  const wanted = names.filter((name) => required.includes(name))
  const least = Object.fromEntries(wanted.map((name) => [name, valid[name] as Json]))
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant<Json>(valid) },
    { weight: 2, arbitrary: fc.constant<Json>(least) },
    { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...names), ODD).map(([name, odd]) => replaced(valid, name, odd)) },
    { weight: 1, arbitrary: fc.constantFrom<Json>({ ...valid, extra: 'x' }, {}, 'x') },
    { weight: 1, arbitrary: fc.constant<Json>(shouted(valid)) },
  )
}

function replaced (valid: JsonObject, name: string, odd: Json | undefined): JsonObject {
  const inner = valid[name]
  const [first] = isObject(inner) ? Object.keys(inner) : []
  if (isObject(inner) && first !== undefined && typeof odd !== 'object') {
    return { ...valid, [name]: replaced(inner, first, odd) }
  }
  const { [name]: _left, ...rest } = valid
  return odd === undefined ? rest : { ...valid, [name]: odd }
}

/** Addresses in capitals and with blanks around them. */
const shouted = (valid: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(valid).map(([name, value]) =>
    [name, typeof value === 'string' ? value.replace('$email', '$shouted').replace(/^\$user:1$/, ' $user:1 ') : value]))
