import { goFloat } from '../go/text.js'
import type { Keyword, Rules } from './rules.js'
import type { Problem } from './problem.js'

interface Limit {
  keyword: string
  sign: string
  isKept(value: number, limit: number): boolean
}

const LIMITS = {
  minimum: { keyword: 'minimum', sign: '>=', isKept: (value, limit) => value >= limit },
  exclusiveMinimum: { keyword: 'exclusiveMinimum', sign: '>', isKept: (value, limit) => value > limit },
  maximum: { keyword: 'maximum', sign: '<=', isKept: (value, limit) => value <= limit },
  exclusiveMaximum: { keyword: 'exclusiveMaximum', sign: '<', isKept: (value, limit) => value < limit },
} satisfies Record<string, Limit>

function limited ({ value, problem }: Rules, { keyword, sign, isKept }: Limit, limit: unknown): Problem[] {
  if (typeof value !== 'number' || typeof limit !== 'number' || isKept(value, limit)) return []
  return [problem(keyword, `must be ${sign} ${goFloat(limit)} but found ${value}`)]
}

/** In draft 4, `exclusiveMinimum: true` changes the meaning of `minimum`. */
const inclusive = (limit: Limit, exclusive: Limit) => (rules: Rules): Problem[] =>
  limited(rules, rules.schema[exclusive.keyword] === true ? exclusive : limit, rules.schema[limit.keyword])
const exclusive = (limit: Limit) => (rules: Rules): Problem[] => limited(rules, limit, rules.schema[limit.keyword])

function multipleOf ({ schema, value, problem }: Rules): Problem[] {
  const base = Number(schema['multipleOf'])
  if (typeof value !== 'number' || isMultiple(value, base)) return []
  return [problem('multipleOf', `${value} not multipleOf ${goFloat(base)}`)]
}

const PRECISION = 64n

/** The fraction, rounded to a mantissa of 64 bits as in Go's big.Float, as numerator and denominator. */
function rounded (numerator: bigint, denominator: bigint): [bigint, bigint] {
  if (numerator === 0n) return [0n, 1n]
  let shift = PRECISION - BigInt(numerator.toString(2).length - denominator.toString(2).length)
  const scaled = (by: bigint): [bigint, bigint] =>
    by >= 0n ? [numerator << by, denominator] : [numerator, denominator << -by]
  if (scaled(shift)[0] / scaled(shift)[1] >= 1n << PRECISION) shift--
  const [top, bottom] = scaled(shift)
  const [quotient, rest] = [top / bottom, top % bottom]
  const isUp = rest * 2n > bottom || (rest * 2n === bottom && quotient % 2n === 1n)
  const mantissa = isUp ? quotient + 1n : quotient
  return shift >= 0n ? [mantissa, 1n << shift] : [mantissa << -shift, 1n]
}

function decimal (value: number): [bigint, bigint] {
  const [digits = '0', power = '0'] = Math.abs(value).toExponential().split('e')
  const [whole = '0', fraction = ''] = digits.split('.')
  const exponent = BigInt(Number(power) - fraction.length)
  const mantissa = BigInt(whole + fraction)
  return exponent >= 0n ? [mantissa * 10n ** exponent, 1n] : [mantissa, 10n ** -exponent]
}

/** Whether the quotient of two floats of 64 bits is an integer: 0.3 is a multiple of 0.1 only as they round it. */
function isMultiple (value: number, base: number): boolean {
  const [a, b] = rounded(...decimal(value))
  const [c, d] = rounded(...decimal(base))
  const [top, bottom] = rounded(a * d, b * c)
  return top % bottom === 0n
}

export const NUMBER_KEYWORDS: Keyword[] = [
  ['minimum', 4, inclusive(LIMITS.minimum, LIMITS.exclusiveMinimum)],
  ['exclusiveMinimum', 4, exclusive(LIMITS.exclusiveMinimum)],
  ['maximum', 4, inclusive(LIMITS.maximum, LIMITS.exclusiveMaximum)],
  ['exclusiveMaximum', 4, exclusive(LIMITS.exclusiveMaximum)],
  ['multipleOf', 4, multipleOf],
]
