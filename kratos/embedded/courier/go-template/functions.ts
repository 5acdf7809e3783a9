import { isObject, type Json } from '../../json.js'
import { GoTemplateError } from './lexer.js'

/** Whether Go takes a value for false in `if`, `with`, `and` and `or`. */
export const isEmpty = (value: Json | undefined): boolean =>
  value === undefined || value === null || value === false || value === 0 || value === '' ||
  (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0)

/** As Go's fmt prints a value. */
export function printed (value: Json | undefined): string {
  if (value === undefined || value === null) return '<no value>'
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`
  if (!isObject(value)) return String(value)
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
  return `map[${entries.map(([key, item]) => `${key}:${printed(item)}`).join(' ')}]`
}

type GoFunction = (...args: Json[]) => Json

const compare = (isWanted: (order: number) => boolean): GoFunction => (left = null, right = null) => {
  if (typeof left !== typeof right) throw new GoTemplateError('incompatible types for comparison')
  const order = typeof left === 'number' ? left - Number(right) : String(left) < String(right) ? -1 : 1
  return isWanted(left === right ? 0 : order)
}

function item (collection: Json, key: Json): Json {
  if (Array.isArray(collection)) {
    const found = collection[Number(key)]
    if (found === undefined) throw new GoTemplateError(`index out of range: ${printed(key)}`)
    return found
  }
  return isObject(collection) ? collection[String(key)] ?? null : null
}

const lengthOf = (value: Json = null): number => {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (isObject(value)) return Object.keys(value).length
  throw new GoTemplateError('len of a value without length')
}

const formatted = (format: Json = '', ...args: Json[]): string => {
  const rest = [...args]
  return String(format).replace(/%([sdvq%])/g, (_whole, verb: string) => {
    if (verb === '%') return '%'
    const value = rest.shift() ?? null
    return verb === 'q' ? JSON.stringify(value) : printed(value)
  })
}

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => HTML[character] ?? '')

/** Go prints maps by key. */
function sorted (value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key] ?? null)]))
}

const text = (change: (text: string) => Json): GoFunction => (...args) => change(String(args.at(-1) ?? ''))

/** Go's own functions and the common ones of sprig. */
export const FUNCTIONS: Record<string, GoFunction> = {
  eq: (left = null, ...others) => others.some((other) => other === left),
  ne: (left = null, right = null) => left !== right,
  lt: compare((order) => order < 0),
  le: compare((order) => order <= 0),
  gt: compare((order) => order > 0),
  ge: compare((order) => order >= 0),
  and: (...args) => args.find(isEmpty) ?? args.at(-1) ?? null,
  or: (...args) => args.find((arg) => !isEmpty(arg)) ?? args.at(-1) ?? null,
  not: (value = null) => isEmpty(value),
  len: lengthOf,
  index: (collection = null, ...keys) => keys.reduce(item, collection),
  print: (...args) => args.map(printed).join(''),
  println: (...args) => `${args.map(printed).join(' ')}\n`,
  printf: formatted,
  html: text(escapeHtml),
  urlquery: text((value) => encodeURIComponent(value).replaceAll('%20', '+')),
  upper: text((value) => value.toUpperCase()),
  lower: text((value) => value.toLowerCase()),
  title: text((value) => value.replace(/\b\p{Ll}/gu, (letter) => letter.toUpperCase())),
  trim: text((value) => value.trim()),
  quote: (...args) => args.map((arg) => JSON.stringify(printed(arg))).join(' '),
  default: (otherwise = null, value = null) => isEmpty(value) ? otherwise : value,
  coalesce: (...args) => args.find((arg) => !isEmpty(arg)) ?? null,
  ternary: (yes = null, no = null, test = null) => test === true ? yes : no,
  empty: (value = null) => isEmpty(value),
  contains: (part = '', whole = '') => String(whole).includes(String(part)),
  hasPrefix: (part = '', whole = '') => String(whole).startsWith(String(part)),
  hasSuffix: (part = '', whole = '') => String(whole).endsWith(String(part)),
  replace: (from = '', to = '', whole = '') => String(whole).replaceAll(String(from), String(to)),
  trimPrefix: (part = '', whole = '') =>
    String(whole).startsWith(String(part)) ? String(whole).slice(String(part).length) : whole,
  trimSuffix: (part = '', whole = '') =>
    String(whole).endsWith(String(part)) ? String(whole).slice(0, String(whole).length - String(part).length) : whole,
  hasKey: (map = null, key = '') => isObject(map) && Object.hasOwn(map, String(key)),
  get: (map = null, key = '') => isObject(map) ? map[String(key)] ?? '' : '',
  dict: (...args) =>
    Object.fromEntries(args.flatMap((key, at) => at % 2 === 0 ? [[String(key), args[at + 1] ?? null]] : [])),
  list: (...args) => args,
  first: (list = null) => Array.isArray(list) ? list[0] ?? null : null,
  last: (list = null) => Array.isArray(list) ? list.at(-1) ?? null : null,
  join: (by = '', list = null) => Array.isArray(list) ? list.map(printed).join(String(by)) : printed(list),
  toString: (...args: Json[]) => printed(args[0]),
  toJson: (value = null) => JSON.stringify(sorted(value)),
  add: (...args) => args.reduce<number>((sum, arg) => sum + Number(arg), 0),
  sub: (left = 0, right = 0) => Number(left) - Number(right),
}
