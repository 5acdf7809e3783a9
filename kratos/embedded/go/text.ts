import { isObject, type Json } from '../json.js'

/** Values as Go's fmt package prints them, because Kratos' messages contain them. */

const ESCAPES: Record<string, string> = {
  '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '"': '\\"', '\\': '\\\\',
}

function escaped (char: string): string {
  const known = ESCAPES[char]
  if (known !== undefined) return known
  const code = char.codePointAt(0) ?? 0
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** A text in Go's quotes. */
export const goQuote = (text: string): string =>
  `"${text.replace(/["\\]|[^ \p{L}\p{M}\p{N}\p{P}\p{S}]/gu, escaped)}"`

/** `%v` of a float: shortest digits, with an exponent from 1e+06 and below 0.0001. */
export function goFloat (value: number): string {
  const [digits = '', power = '0'] = value.toExponential().split('e')
  const exponent = Number(power)
  // Go counts digits before it decides: 1234567 has more than six, and still gets an exponent.
  if (value !== 0 && (exponent < -4 || exponent >= 21 || exponent >= 6)) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  return String(value)
}

/** A number without an exponent, as it is written into JSON. */
export const plainNumber = (value: number): string =>
  Number.isInteger(value) ? BigInt(value).toString() : String(value)

/** A composite value: lists in brackets, objects as maps with sorted keys. */
function composite (value: Json[] | { [key: string]: Json }, print: (item: Json) => string): string {
  if (Array.isArray(value)) return `[${value.map(print).join(' ')}]`
  const entries = Object.keys(value).sort().map((key) => `${print(key)}:${print(value[key] ?? null)}`)
  return `map[${entries.join(' ')}]`
}

/** `%s` or `%q`; numbers are texts there, and other plain values are a mistake that Go shows. */
function formatted (verb: 's' | 'q', value: Json): string {
  if (typeof value === 'string' || typeof value === 'number') {
    return verb === 'q' ? goQuote(String(value)) : String(value)
  }
  if (value === null) return `%!${verb}(<nil>)`
  if (typeof value === 'boolean') return `%!${verb}(bool=${value})`
  return composite(value, (item) => formatted(verb, item))
}

/** `%s` of a value. */
export const goText = (value: Json): string => formatted('s', value)

/** `%q` of a value. */
export const goQuoted = (value: Json): string => formatted('q', value)

/** `%#v` of a plain value. */
export function goSyntax (value: Json): string {
  if (value === null) return '<nil>'
  if (typeof value === 'boolean') return String(value)
  return isObject(value) || Array.isArray(value) ? JSON.stringify(value) : goQuote(String(value))
}
