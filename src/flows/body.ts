import type { JsonObject } from '../kratos-client/kratos-body.js'
import { FLAT_NAMES, TRAIT_OF, type TraitPointers, withTrait } from '../kratos-client/traits.js'

/** They name the flow or the schema, or are Kratos' to decide (A06); the JSON parser refuses some of them already. */
const WITHHELD = new Set(['flow', 'flow_id', 'schema_id', 'state', 'identity', '__proto__', 'constructor', 'prototype'])
const isWithheld = (name: string): boolean => WITHHELD.has(name) || name.startsWith('metadata_')

/** Kept in both forms: Kratos' CSRF token of browser flows, and what the product hands to its own hooks. */
const COMMON = ['csrf_token', 'transient_payload']

function pick (body: JsonObject, names: readonly string[]): JsonObject {
  const picked: JsonObject = {}
  for (const name of names) if (body[name] !== undefined) picked[name] = body[name]
  return picked
}

/** `{flow_id, method, …}`: what the method needs, without us knowing each. */
export const genericBody = (body: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !isWithheld(name)))

/** Traits by name. What is missing is left to Kratos to complain about. */
export const flatRegistration = (body: JsonObject, pointers: TraitPointers): JsonObject => ({
  method: 'password',
  traits: FLAT_NAMES.filter((name) => body[name] !== undefined).reduce<JsonObject>(
    (traits, name) => withTrait(traits, pointers[TRAIT_OF[name]], body[name]),
    {},
  ),
  ...pick(body, ['password', ...COMMON]),
})

export const flatLogin = (body: JsonObject): JsonObject => ({
  method: 'password',
  ...pick(body, ['identifier', 'password', ...COMMON]),
})

/** What Kratos trims: nothing else is left of it. */
const BLANK = /^[\s\u0085]*$/
const isBlank = (value: unknown): boolean => typeof value === 'string' && BLANK.test(value)
const size = (value: unknown): number => typeof value === 'object' && value !== null ? Object.keys(value).length : 0

/**
 * Fields that were left empty are not sent, at any depth: to Kratos an empty text is a value, which is no address, is
 * too short, or makes an identifier of nothing and with it a 500 (docs/kratos-facts.md, section 6).
 */
function withoutBlanks (value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).flatMap(([name, member]): Array<[string, unknown]> => {
    const rest = withoutBlanks(member)
    const isEmptied = size(rest) === 0 && size(member) > 0
    return isBlank(rest) || isEmptied ? [] : [[name, rest]]
  })
  return Array.isArray(value) ? kept.map(([, member]) => member) : Object.fromEntries(kept)
}

const isTrait = (name: string): boolean => name === 'traits' || name.startsWith('traits.')

/** A form that is empty altogether still has `traits`, of which Kratos says what is missing. */
export const withoutBlankTraits = (body: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, isTrait(name) ? withoutBlanks(value) : value] as const)
      .filter(([name, value]) => !(name.startsWith('traits.') && isBlank(value))),
  )

function holdsNul (value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0')
  return typeof value === 'object' && value !== null && Object.entries(value).some(memberHoldsNul)
}

const memberHoldsNul = ([name, value]: [string, unknown]): boolean => name.includes('\0') || holdsNul(value)

/** A NUL is the client's mistake, to which Kratos would answer 500 (A18). A password is hashed, so it may have one. */
export const memberWithNul = (body: JsonObject): string | undefined =>
  Object.entries(body).find((member) => member[0] !== 'password' && memberHoldsNul(member))?.[0]
