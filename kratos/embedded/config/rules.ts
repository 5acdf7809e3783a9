import type { Json } from '../json.js'
import { isGoUrl, isGoUri } from './go-url.js'

/** How Kratos reads a value from an environment variable. */
export type ValueType = 'string' | 'number' | 'integer' | 'boolean' | 'any'

export interface Check {
  type: ValueType
  /** The problem with a value, as text that follows its path; undefined when there is none. */
  problem: (value: Json) => string | undefined
}

/** What the embedded server does with a setting of Kratos, or with everything below it. */
export type Rule =
  /** It works as in Kratos. */
  | { kind: 'read', check: Check }
  /** It changes no answer. It is accepted and mentioned at start; `why` is the reason. */
  | { kind: 'ignored', check: Check, why: string }
  /**
   * It would change answers. It is left out and mentioned at start, except for the values in `off`, which switch it
   * off. `what` names the missing feature.
   */
  | { kind: 'unbuilt', check: Check, off: Json[], what: string }
  /** A mapping or list that must have these keys and pass this check. */
  | {
    kind: 'group'
    check: Check
    required: string[]
    mayBeEmpty: boolean
    /** Names the missing feature if this one is left out with everything below it. */
    leftOut?: (value: Json) => string | undefined
  }

type Problem = Check['problem']

const expect = (type: ValueType, words: string, isGood: (value: Json) => boolean): Check => ({
  type,
  problem: (value) => isGood(value) ? undefined : `wants ${words}`,
})

export const anything: Check = { type: 'any', problem: () => undefined }

export const read = (check: Check): Rule => ({ kind: 'read', check })
export const ignored = (why: string, check: Check = anything): Rule => ({ kind: 'ignored', check, why })
export const unbuilt = (what: string, check: Check, ...off: Json[]): Rule => ({ kind: 'unbuilt', check, off, what })
export const group = (
  required: string[],
  problem: Problem = () => undefined,
  leftOut: (value: Json) => string | undefined = () => undefined,
): Rule => ({ kind: 'group', check: { type: 'any', problem }, required, mayBeEmpty: false, leftOut })
/** The section has no type in Kratos, so that it may have no value. */
export const untyped: Rule = { kind: 'group', check: anything, required: [], mayBeEmpty: true }

const isText = (value: Json): value is string => typeof value === 'string'
const textLike = (words: string, isGood: (value: string) => boolean): Check =>
  expect('string', words, (value) => isText(value) && isGood(value))

export const boolean = expect('boolean', 'true or false', (value) => typeof value === 'boolean')
export const number = expect('number', 'a number', (value) => typeof value === 'number')
export const text = textLike('a text', () => true)
export const object = expect(
  'any',
  'settings of its own below it',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)
export const duration = textLike('a duration such as 10m or 24h', (value) => /^([0-9]+(ns|us|ms|s|m|h))+$/.test(value))
/** In one unit only. */
export const plainDuration = textLike('a duration such as 10m', (value) => /^[0-9]+(ns|us|ms|s|m|h)$/.test(value))
export const memory = textLike('an amount such as 128MB', (value) => /^[0-9]+(B|KB|MB|GB|TB|PB|EB)/.test(value))
/** May be relative. */
export const url = textLike('a URL', isGoUrl)
export const absoluteUrl = textLike('a URL such as http://127.0.0.1:4433/', isGoUri)
export const httpUrl = textLike('a URL with http:// or https://', (value) => /^https?:\/\//.test(value))
export const smtpUrl = textLike('a URL with smtp:// or smtps://', (value) => /^smtps?:\/\/.*/.test(value))
/** Address of a schema or a Jsonnet template. */
export const address = textLike(
  'a file://, base64://, http:// or https:// address',
  (value) => /^(https?|file|base64):\/\//.test(value) && isGoUri(value),
)
export const mailAddress = textLike('a mail address', (value) => {
  const at = value.lastIndexOf('@')
  return value.length <= 254 && at > 0 && at <= 64 && !/[\s<>"(),:;]/.test(value.slice(0, at)) &&
    isHostName(value.slice(at + 1))
})
export const hostName = textLike('a host name', isHostName)

function isHostName (value: string): boolean {
  const name = value.replace(/\.$/, '')
  return name.length <= 253 && !name.startsWith('-') &&
    name.split('.').every((label) => /^[a-z0-9-]{1,63}$/i.test(label) && !label.endsWith('-'))
}

export const integer = (min = -Infinity, max = Infinity): Check => {
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`
  return expect(
    'integer',
    min === -Infinity ? 'a whole number' : `a whole number ${range}`,
    (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
  )
}

export const oneOf = (...values: string[]): Check =>
  textLike(values.join(', ').replace(/, ([^,]*)$/, ' or $1'), (value) => values.includes(value))

export const pattern = (words: string, expression: RegExp): Check => textLike(words, (value) => expression.test(value))

/** The value is never printed. */
export const secret = (min: number, max = Infinity): Check =>
  textLike(
    min === max ? `${min} characters` : `at least ${min} characters`,
    (value) => [...value].length >= min && [...value].length <= max,
  )

const isRepeated = (list: Json): boolean =>
  Array.isArray(list) && new Set(list.map((item) => JSON.stringify(item))).size < list.length

/** A list whose items differ. */
export const distinct: Rule = group([], (list) => isRepeated(list) ? 'has an item twice' : undefined)
/** A list with at least one item. */
export const filled: Rule = group([], (list) => Array.isArray(list) && list.length === 0 ? 'wants an item' : undefined)

/** A text without a scheme is taken too; calling the hook fails then. */
export const webHookBody = textLike(
  'a file://, base64://, http:// or https:// address',
  (value) => !/^(https?|file|base64):\/\//.test(value) || isGoUri(value),
)
