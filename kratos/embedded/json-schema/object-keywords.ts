import { asObject, isObject, type Json } from '../json.js'
import { goQuote } from '../go/text.js'
import { found, listed, objects } from './keyword-kinds.js'
import { matches } from './patterns.js'
import { escapePart } from './problem.js'

/** Keywords for the members of an object. */

export const required = objects(({ schema, problem }, value) => {
  const missing = listed(schema['required']).map(String).filter((name) => !Object.hasOwn(value, name))
  if (missing.length === 0) return []
  const found = problem('required', `missing properties: ${missing.map(goQuote).join(', ')}`)
  return [{ ...found, missing: missing.map(escapePart) }]
})

export const properties = objects(({ schema, below }, value) =>
  Object.entries(asObject(schema['properties'])).flatMap(([name, inner]) =>
    Object.hasOwn(value, name)
      ? found(below(`properties/${escapePart(name)}`, inner, value[name], escapePart(name)))
      : [],
  ),
)

export const propertyNames = objects(({ schema, below }, value) =>
  Object.keys(value).flatMap((name) =>
    found(below('propertyNames', schema['propertyNames'] as Json, name, escapePart(name))),
  ),
)

export const patternProperties = objects(({ schema, below }, value) =>
  Object.entries(asObject(schema['patternProperties'])).flatMap(([pattern, inner]) =>
    Object.keys(value).filter((name) => matches(pattern, name)).flatMap((name) =>
      found(below(`patternProperties/${escapePart(pattern)}`, inner, value[name], escapePart(name))),
    ),
  ),
)

export const additionalProperties = objects(({ schema, below, problem }, value) => {
  const inner = schema['additionalProperties'] as Json
  const patterns = Object.keys(asObject(schema['patternProperties']))
  const others = Object.keys(value).filter(
    (name) =>
      !Object.hasOwn(asObject(schema['properties']), name) && !patterns.some((pattern) => matches(pattern, name)),
  )
  if (isObject(inner)) {
    return others.flatMap((name) => found(below('additionalProperties', inner, value[name], escapePart(name))))
  }
  return inner !== false || others.length === 0
    ? []
    : [problem('additionalProperties', `additionalProperties ${others.map(goQuote).join(', ')} not allowed`)]
})

export const dependencies = objects(({ schema, below, problem }, value) =>
  Object.entries(asObject(schema['dependencies'])).flatMap(([name, needed]) => {
    if (!Object.hasOwn(value, name)) return []
    const part = `dependencies/${escapePart(name)}`
    if (!Array.isArray(needed)) return found(below(part, needed))
    return needed.map(String).flatMap((other, index) =>
      Object.hasOwn(value, other)
        ? []
        : [problem(
            `${part}/${index}`,
            `property ${goQuote(other)} is required, if ${goQuote(name)} property exists`,
          )],
    )
  }),
)
