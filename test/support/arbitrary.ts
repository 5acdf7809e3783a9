import fc, { type Arbitrary } from 'fast-check'
import { damaged } from './damage.js'
import type { Schema } from './openapi.js'

/**
 * Values that mean something for members of a name: without them no step of a flow would ever get further than its
 * shape.
 */
export type Hints = Record<string, unknown[]>

/** Text that is trouble somewhere: for a database, a header, an object, a parser, a log. */
export const HOSTILE_TEXT = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udfff\ud800',
  '\uffff',
  '\u202e\u200b',
  '💥'.repeat(30),
  'é\u0301',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '\r\nx-evil: 1',
  '../../admin',
  '%00',
  '%',
  "' OR 1=1 --",
  '{{7*7}}',
  '<script>',
  '\u001b[31m',
  '9'.repeat(400),
  'x'.repeat(5000),
  'null',
  'NaN',
  '-1',
  '1e400',
  '00000000-0000-0000-0000-000000000000',
  'https://evil.example/',
  'javascript:alert(1)',
]

const hostileText = fc.oneof(fc.constantFrom(...HOSTILE_TEXT), fc.string({ unit: 'binary', maxLength: 40 }))
/** Anything that JSON can say, and mostly what a member should not be. */
export const oddValue: Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -0,
    -1,
    1.5,
    1e308,
    Number.MAX_SAFE_INTEGER + 2,
    [],
    {},
    [null],
    [[]],
    { length: -1 },
    { toString: 1 },
    { toJSON: 'x' },
    { constructor: 1 },
    { $ref: '#' },
  ),
  fc.jsonValue({ maxDepth: 3 }),
)

/** Text for a pattern. A look-ahead, which the library cannot make, is left to the filter. */
function matching (pattern: string): Arbitrary<string> {
  const whole = new RegExp(pattern, 'u')
  // What TypeBox and our own patterns say of whole classes of text is sooner met by trying.
  if (pattern.includes('\\u{')) return fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => whole.test(text))
  return fc.stringMatching(new RegExp(pattern.replace(/\(\?![^)]*\)/, ''))).filter((text) => whole.test(text))
}

function text ({ format, pattern, minLength = 0, maxLength = 200 }: Schema): Arbitrary<string> {
  if (format === 'uuid') return fc.uuid()
  const any = pattern === undefined
    ? fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 60) })
    : matching(pattern).filter(({ length }) => length >= minLength && length <= maxLength)
  // At its very limit, where the pattern leaves the choice.
  return pattern === undefined
    ? fc.oneof({ weight: 6, arbitrary: any }, { weight: 1, arbitrary: fc.constant('m'.repeat(maxLength)) })
    : any
}

function object (
  { properties = {}, required = [], additionalProperties }: Schema,
  hints: Hints,
): Arbitrary<Record<string, unknown>> {
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, arbitraryOf(schema, hints, name)])),
    { requiredKeys: required },
  )
  if (additionalProperties === false) return known
  const others = typeof additionalProperties === 'object'
    ? arbitraryOf(additionalProperties, hints)
    : fc.jsonValue({ maxDepth: 1 })
  const more = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 8 }).filter((name) =>
      name !== '__proto__' && !Object.hasOwn(properties, name),
    ),
    others,
    { maxKeys: 2 },
  )
  return fc.tuple(more, known).map(([more, known]) => ({ ...more, ...known }))
}

/** Values that a schema allows; members with a hint are mostly what the hint says. */
export function arbitraryOf (schema: Schema, hints: Hints = {}, name = ''): Arbitrary<unknown> {
  const hinted = Object.hasOwn(hints, name) ? hints[name] ?? [] : []
  const allowed = byType(schema, hints)
  return hinted.length === 0
    ? allowed
    : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...hinted) }, { weight: 1, arbitrary: allowed })
}

function byType (schema: Schema, hints: Hints): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((branch) => arbitraryOf(branch, hints)))
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map((type) => arbitraryOf({ ...schema, type }, hints)))
  const { minimum: min = -1000, maximum: max = 1000 } = schema
  switch (schema.type) {
    case 'string':
      return text(schema)
    case 'integer':
      return fc.integer({ min, max })
    case 'number':
      return fc.double({ min, max, noNaN: true })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}, hints), { maxLength: 4 })
    case 'object':
      return object(schema, hints)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

/** A value that a schema allows, with one member replaced by an odd one or left out. */
export const nearlyOf = (schema: Schema, hints: Hints): Arbitrary<unknown> =>
  fc.tuple(
    arbitraryOf(schema, hints),
    fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
    fc.option(oddValue, { nil: undefined, freq: 6 }),
  )
    .map(([value, path, replacement]) => damaged(value, path, replacement))

const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth)

/** Bodies that are no JSON, or JSON that nobody sends in good faith; as bytes, because not all of them are text. */
export const hostileBody = (valid: Arbitrary<unknown>): Arbitrary<Buffer> =>
  fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      'null',
      '[]',
      '"x"',
      '1',
      'true',
      '{',
      '}',
      '{}}',
      '{"a":}',
      '{"a":1,}',
      "{'a':1}",
      '{"a":1}{"b":2}',
      'NaN',
      '{"a":NaN}',
      '{"a":1e999}',
      '{"a":0x10}',
      '{"a":"\n"}',
      '{"a":"\\ud800"}',
      '{"\\u0000":1}',
      '{"__proto__":{"x":1}}',
      '{"a":{"__proto__":null}}',
      '{"constructor":{"prototype":{"x":1}}}',
      '{"__proto__":1,"__proto__":2}',
      '\ufeff{}',
      'flow_id=x&method=password',
      '<xml/>',
      nested('[', ']', 100_000 / 4),
      nested('{"a":', '}', 10_000).replace('}', '1}'),
      nested('[', ']', 65),
      `{"a":${nested('[', ']', 64)}}`,
      '['.repeat(20_000),
    ).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
    fc.tuple(valid, fc.nat(200)).map(([value, cut]) => Buffer.from((JSON.stringify(value) ?? '').slice(0, -1 - cut))),
    fc.tuple(
      valid,
      fc.constantFrom(Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from([0xff, 0xfe]), Buffer.from([0xc0, 0x80])),
    ).map(([value, bytes]) => Buffer.concat([bytes, Buffer.from(JSON.stringify(value) ?? '')])),
    fc.tuple(
      valid,
      fc.constantFrom(
        '"__proto__":{"a":1}',
        '"a":1,"a":2',
        '"constructor":{"prototype":{}}',
        '"\\u005f_proto__":{"a":1}',
      ),
    ).map(([value, member]) => Buffer.from(`{${member},${(JSON.stringify(value) ?? '').slice(1)}`)),
    valid.map((value) => Buffer.from(JSON.stringify(value)?.replaceAll(/"([^"]{3})/g, '"\\ud83d$1') ?? '')),
    fc.constant(Buffer.from(JSON.stringify({ a: 'x'.repeat(70_000) }))),
  )

const encoded = (value: unknown): string => {
  try {
    return encodeURIComponent(String(value))
  } catch {
    // A lone surrogate, as a careless encoder writes it.
    return '%ED%A0%80'
  }
}

/** Query strings: pairs that may be right, odd, there twice or not decodable. */
export function queryOf (
  parameters: Array<{ name: string, schema: Schema, required: boolean }>,
  hints: Hints,
): Arbitrary<string> {
  const value = (schema: Schema, name: string): Arbitrary<string> =>
    fc.oneof({ weight: 5, arbitrary: arbitraryOf(schema, hints, name).filter((text) => text !== '').map(encoded) }, {
      weight: 1,
      arbitrary: hostileText.map(encoded),
    }, { weight: 1, arbitrary: fc.constantFrom('', '%', '%zz', '%ff', '+', '%00', '[]') })
  const pairs = parameters.map(({ name, schema }) =>
    fc.array(value(schema, name), { maxLength: 1 }).map((values) => values.map((text) => `${name}=${text}`)),
  )
  const doubled = parameters.map(({ name, schema }) =>
    fc.tuple(value(schema, name), value(schema, name)).map((values) => values.map((text) => `${name}=${text}`)),
  )
  const noise = fc.constantFrom<string[][]>(
    [],
    ['x=1'],
    ['__proto__=1'],
    ['constructor[prototype][x]=1'],
    ['&&=&'],
    ['%ff'],
    ['a'.repeat(3000)],
    ['limit[]=1'],
    ['flow[flow]=1'],
    ['?'],
  )
  return fc.tuple(
    fc.tuple(...pairs),
    doubled.length === 0 ? fc.constant<string[]>([]) : fc.option(fc.oneof(...doubled), { nil: [], freq: 9 }),
    noise,
  )
    .map(([single, double, more]) => [...single.flat(), ...double, ...more].join('&'))
}

/** Path segments: what the schema allows, and what a router may trip over. */
export const segmentOf = (schema: Schema, hints: Hints, name: string): Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: arbitraryOf(schema, hints, name).map(encoded) },
    { weight: 1, arbitrary: hostileText.filter((text) => text !== '').map(encoded) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('%2e%2e', '..%2f..', '%00', 'x'.repeat(600), ';a', '*', ':id', '%E0%A4%A', '{id}'),
    },
  )
