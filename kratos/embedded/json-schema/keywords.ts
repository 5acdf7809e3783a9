import { isDeepStrictEqual } from 'node:util'
import { isObject, type Json } from '../json.js'
import { contentProblems } from './content.js'
import { FORMATS } from './formats.js'
import { listed, texts } from './keyword-kinds.js'
import { uniqueItems, eachItem, contains } from './list-keywords.js'
import {
  required,
  properties,
  propertyNames,
  patternProperties,
  additionalProperties,
  dependencies,
} from './object-keywords.js'
import { goQuote, goQuoted, goSyntax } from '../go/text.js'
import { NUMBER_KEYWORDS } from './number-keywords.js'
import { matches } from './patterns.js'
import type { Keyword, Rules } from './rules.js'
import type { Problem } from './problem.js'

/** The name of a JSON type. */
export const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : isObject(value) ? 'object' : typeof value

const isPlain = (value: Json): boolean => typeof value !== 'object' || value === null
function constant ({ schema, value, problem }: Rules): Problem[] {
  const wanted = schema['const'] as Json
  if (isDeepStrictEqual(value, wanted)) return []
  return [problem('const', isPlain(wanted) ? `value must be ${goSyntax(wanted)}` : 'const failed')]
}

function enumeration ({ schema, value, problem }: Rules): Problem[] {
  const allowed = listed(schema['enum'])
  if (allowed.length === 0 || allowed.some((item) => isDeepStrictEqual(item, value))) return []
  if (!allowed.every(isPlain)) return [problem('enum', 'enum failed')]
  return [problem('enum', `value must be ${allowed.length === 1 ? '' : 'one of '}${allowed.map(goSyntax).join(', ')}`)]
}

/** Formats that Kratos does not know mean nothing. */
function format ({ schema, value, problem }: Rules): Problem[] {
  const name = String(schema['format'])
  const isValid = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined
  return isValid === undefined || isValid(value)
    ? []
    : [problem('format', `${goQuoted(value)} is not valid ${goQuote(name)}`)]
}

const not = ({ schema, below, problem }: Rules): Problem[] =>
  below('not', schema['not'] as Json) === undefined ? [problem('not', 'not failed')] : []

const allOf = ({ schema, below, problem }: Rules): Problem[] =>
  listed(schema['allOf']).flatMap((inner, index) => {
    const cause = below(`allOf/${index}`, inner)
    return cause === undefined ? [] : [problem(`allOf/${index}`, 'allOf failed', [cause])]
  })

function anyOf ({ schema, below, problem }: Rules): Problem[] {
  const causes: Problem[] = []
  for (const [index, inner] of listed(schema['anyOf']).entries()) {
    const cause = below(`anyOf/${index}`, inner)
    if (cause === undefined) return []
    causes.push(cause)
  }
  return causes.length === 0 ? [] : [problem('anyOf', 'anyOf failed', causes)]
}

/** Stops at the second match. */
function oneOf ({ schema, below, problem }: Rules): Problem[] {
  const causes: Problem[] = []
  let matched: number | undefined
  for (const [index, inner] of listed(schema['oneOf']).entries()) {
    const cause = below(`oneOf/${index}`, inner)
    if (cause !== undefined) causes.push(cause)
    else if (matched === undefined) matched = index
    else return [problem('oneOf', `valid against schemas at indexes ${matched} and ${index}`)]
  }
  return matched !== undefined || causes.length === 0 ? [] : [problem('oneOf', 'oneOf failed', causes)]
}

function condition ({ schema, below, problem }: Rules): Problem[] {
  const { if: premise, then, else: otherwise } = schema
  if (premise === undefined || (then === undefined && otherwise === undefined)) return []
  const [part, inner] = below('if', premise) === undefined ? ['then', then] as const : ['else', otherwise] as const
  const cause = inner === undefined ? undefined : below(part, inner)
  return cause === undefined ? [] : [problem(part, `if-${part} failed`, [cause])]
}

/** Limits of a number of things. */
const atLeast = (keyword: string, what: string, count: (value: Json) => number | undefined) =>
  ({ schema, value, problem }: Rules): Problem[] => {
    const [limit, actual] = [Number(schema[keyword]), count(value)]
    return actual === undefined || actual >= limit
      ? []
      : [problem(keyword, `minimum ${limit} ${what} allowed, but found ${actual} ${what}`)]
  }
const atMost = (keyword: string, what: string, count: (value: Json) => number | undefined) =>
  ({ schema, value, problem }: Rules): Problem[] => {
    const [limit, actual] = [Number(schema[keyword]), count(value)]
    return actual === undefined || actual <= limit
      ? []
      : [problem(keyword, `maximum ${limit} ${what} allowed, but found ${actual} ${what}`)]
  }
const members = (value: Json): number | undefined => isObject(value) ? Object.keys(value).length : undefined
const items = (value: Json): number | undefined => Array.isArray(value) ? value.length : undefined

const minLength = texts(({ schema, problem }, value) => {
  const [limit, actual] = [Number(schema['minLength']), [...value].length]
  return actual >= limit ? [] : [problem('minLength', `length must be >= ${limit}, but got ${actual}`)]
})
const maxLength = texts(({ schema, problem }, value) => {
  const [limit, actual] = [Number(schema['maxLength']), [...value].length]
  return actual <= limit ? [] : [problem('maxLength', `length must be <= ${limit}, but got ${actual}`)]
})
const pattern = texts(({ schema, problem }, value) => {
  const wanted = String(schema['pattern'])
  if (matches(wanted, value)) return []
  return [{ ...problem('pattern', `does not match pattern ${goQuote(wanted)}`), pattern: wanted }]
})

/** All keywords in the order in which Kratos' validator applies them; `type` and `$ref` come before. */
export const KEYWORDS: Keyword[] = [
  ['const', 6, constant],
  ['enum', 4, enumeration],
  ['format', 4, format],
  ['not', 4, not],
  ['allOf', 4, allOf],
  ['anyOf', 4, anyOf],
  ['oneOf', 4, oneOf],
  ['if', 7, condition],
  ['minProperties', 4, atLeast('minProperties', 'properties', members)],
  ['maxProperties', 4, atMost('maxProperties', 'properties', members)],
  ['required', 4, required],
  ['properties', 4, properties],
  ['propertyNames', 6, propertyNames],
  ['patternProperties', 4, patternProperties],
  ['additionalProperties', 4, additionalProperties],
  ['dependencies', 4, dependencies],
  ['minItems', 4, atLeast('minItems', 'items', items)],
  ['maxItems', 4, atMost('maxItems', 'items', items)],
  ['uniqueItems', 4, uniqueItems],
  ['items', 4, eachItem],
  ['contains', 6, contains],
  ['minLength', 4, minLength],
  ['maxLength', 4, maxLength],
  ['pattern', 4, pattern],
  ['contentEncoding', 7, texts(contentProblems)],
  ['contentMediaType', 7, texts((rules, value) =>
    rules.schema['contentEncoding'] === undefined ? contentProblems(rules, value) : [])],
  ...NUMBER_KEYWORDS,
]
