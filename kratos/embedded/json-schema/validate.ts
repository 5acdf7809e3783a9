import { isObject, type Json, type JsonObject } from '../json.js'
import { KEYWORDS, typeOf } from './keywords.js'
import type { Rules } from './rules.js'
import type { SchemaPlace } from './document.js'
import { goQuote } from '../go/text.js'
import type { Problem } from './problem.js'

/** A place that is being checked. */
export interface Visit {
  schema: JsonObject
  value: Json
  instance: string[]
  rule: string
}

/**
 * Called for each schema that is applied to a value, also below `not`, `if` and branches that fail in the end. So what
 * it collects can come from a branch that does not hold; Kratos collects identifiers in the same way.
 * @returns a problem that it found
 */
export type Visitor = (visit: Visit) => Problem | undefined

/**
 * Checks a value as Kratos' validator does. The order of the rules, the tree of problems and the visits are part of
 * its answers, and general validators report none of the three, so this one is written for them.
 */
export const check = (
  place: SchemaPlace,
  value: Json,
  visitor: Visitor = () => undefined,
  instance: string[] = [],
): Problem | undefined => checkAt({ ...place, rule: place.pointer, instance, value, visitor })

interface Task extends SchemaPlace {
  rule: string
  instance: string[]
  value: Json
  visitor: Visitor
}

function checkAt (task: Task): Problem | undefined {
  const { document, schema, rule, instance, value, visitor } = task
  const problem = (part: string, text: string, causes: Problem[] = []): Problem =>
    ({ instance, rule: part === '' ? rule : `${rule}/${part}`, text, causes })
  if (schema === false) return problem('', 'always fail')
  if (!isObject(schema)) return undefined
  const { $ref } = schema
  if (typeof $ref === 'string') {
    const target = document.resolve($ref)
    const cause = checkAt({ ...task, ...target, rule: target.pointer })
    if (cause === undefined) return undefined
    const shown = target.document === document ? target.pointer : `identity.schema.json${target.pointer}`
    return problem('$ref', `doesn't validate with ${goQuote(shown)}`, [cause])
  }
  const types = [schema['type'] ?? []].flat().map(String)
  const type = typeOf(value)
  if (types.length > 0 && !types.includes(type) && !(types.includes('integer') && Number.isInteger(value))) {
    return problem('type', `expected ${types.join(' or ')}, but got ${type}`)
  }
  const rules: Rules = {
    schema,
    value,
    draft: document.draft,
    problem,
    below: (part, inner, innerValue = value, name) =>
      checkAt({
        ...task,
        schema: inner,
        rule: part === '' ? rule : `${rule}/${part}`,
        instance: name === undefined ? instance : [...instance, name],
        value: innerValue,
      }),
  }
  const problems = KEYWORDS.flatMap(([keyword, since, apply]) =>
    schema[keyword] === undefined || document.draft < since ? [] : apply(rules),
  )
  const own = visitor({ schema, value, instance, rule })
  if (own !== undefined) problems.push(own)
  return problems.length < 2 ? problems[0] : problem('', 'validation failed', problems)
}
