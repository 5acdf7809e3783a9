import { isDeepStrictEqual } from 'node:util'
import { isObject, type Json } from '../json.js'
import { found, lists } from './keyword-kinds.js'
import type { Problem } from './problem.js'

/** Keywords for the items of a list. */

export const uniqueItems = lists(({ schema, problem }, value) =>
  schema['uniqueItems'] !== true
    ? []
    : value.flatMap((item, index) =>
      value.slice(0, index).flatMap((other, before) =>
        isDeepStrictEqual(item, other)
          ? [problem('uniqueItems', `items at index ${before} and ${index} are equal`)]
          : [],
      ),
    ),
)

export const eachItem = lists(({ schema, below, problem }, value) => {
  const { items: inner, additionalItems: others } = schema
  if (!Array.isArray(inner)) {
    return value.flatMap((item, index) => found(below('items', inner as Json, item, String(index))))
  }
  const tooMany = others === false && value.length > inner.length
    ? [problem('additionalItems', `only ${inner.length} items are allowed, but found ${value.length} items`)]
    : []
  return [
    ...tooMany,
    ...value.flatMap((item, index) => {
      const own = inner[index]
      if (own !== undefined) return found(below(`items/${index}`, own, item, String(index)))
      return isObject(others) ? found(below('additionalItems', others, item, String(index))) : []
    }),
  ]
})

export const contains = lists(({ schema, below, problem }, value) => {
  const causes: Problem[] = []
  for (const [index, item] of value.entries()) {
    const cause = below('contains', schema['contains'] as Json, item, String(index))
    if (cause === undefined) return []
    causes.push(cause)
  }
  return [problem('contains', 'contains failed', causes)]
})
