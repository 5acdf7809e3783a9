import type { ErrorObject } from 'ajv'
import { isObject, valueAt, type Json } from '../json.js'
import { extensionErrors } from './extension-errors.js'
import type { IdentitySchema } from './schemas.js'
import { dotted, messageFor, schemaErrors, typeOf } from './validation.js'

/** One violated rule: place in the value, place in the schema, and text. */
interface Problem {
  instance: string
  rule: string
  keyword: string
  text: string
}

/** What Kratos' validator says about traits, as one text (recording 80); empty if they are valid. */
export function violationText (schema: IdentitySchema, traits: Json): string {
  const root = { traits }
  const problems = [
    ...merged(schemaErrors(schema.document, root), root),
    ...extensionErrors(schema, root).map(({ path, format, value }) => ({
      instance: `/${path.replaceAll('.', '/')}`,
      rule: `#/${
        path
          .split('.')
          .map((part) => `properties/${part}`)
          .join('/')
      }/format`,
      keyword: 'extension',
      text: `${JSON.stringify(value)} is not valid "${format}"`,
    })),
  ]
  return problems.length === 0 ? '' : described('', problems).lines.join('\n')
}

/** All missing members of an object are one rule. */
function merged (errors: ErrorObject[], root: Json): Problem[] {
  const problems: Problem[] = []
  for (const error of errors) {
    const known = problems.find(
      ({ keyword, instance }) => keyword === 'required' && error.keyword === keyword && instance === error.instancePath,
    )
    const missing = JSON.stringify(error.params['missingProperty'])
    if (known !== undefined) {
      known.text += `, ${missing}`
    } else {
      problems.push({
        instance: error.instancePath,
        rule: error.schemaPath,
        keyword: error.keyword,
        text: textOf(error, root),
      })
    }
  }
  return problems
}

function textOf (error: ErrorObject, root: Json): string {
  const value = valueAt(root, dotted(error.instancePath))
  switch (error.keyword) {
    case 'required':
      return `missing properties: ${JSON.stringify(error.params['missingProperty'])}`
    case 'format':
      return `${JSON.stringify(value)} is not valid ${JSON.stringify(error.params['format'])}`
    case 'const':
      return isObject(error.params['allowedValue'])
        ? 'const failed'
        : `value must be ${JSON.stringify(error.params['allowedValue'])}`
    case 'type':
      return `expected ${[error.params['type']].flat().join(' or ')}, but got ${typeOf(value)}`
    default:
      return messageFor(error, root).text
  }
}

interface Description {
  lines: string[]
  rule: string
}

/** Rules that are checked before those of the members. */
const BEFORE_MEMBERS = ['type', 'const', 'enum', 'format', 'not', 'required']

/** The problems of a value and its members. One is a line of its own; several are listed below "validation failed". */
function described (instance: string, problems: Problem[]): Description {
  const own = problems.filter((problem) => problem.instance === instance)
  const names = new Set(
    problems
      .filter((problem) => problem.instance !== instance)
      .map((problem) => problem.instance.slice(instance.length + 1).split('/')[0] ?? ''),
  )
  const line = ({ rule, text }: Problem): Description => ({
    lines: [`I[#${instance}] S[${rule}] ${text}`],
    rule: rule.replace(/\/[^/]+$/, ''),
  })
  const isEarly = ({ keyword }: Problem): boolean => BEFORE_MEMBERS.includes(keyword)
  const parts = [
    ...own.filter(isEarly).map(line),
    ...[...names].map((name) => {
      const below = `${instance}/${name}`
      const { lines, rule } = described(
        below,
        problems.filter((problem) => problem.instance === below || problem.instance.startsWith(`${below}/`)),
      )
      return { lines, rule: rule.replace(/\/(properties\/[^/]+|items(\/\d+)?|additionalProperties)$/, '') }
    }),
    ...own.filter((problem) => !isEarly(problem)).map(line),
  ]
  const [first, ...others] = parts
  if (first === undefined || others.length === 0) return first ?? { lines: [], rule: '#' }
  return {
    lines: [
      `I[#${instance}] S[${first.rule}] validation failed`,
      ...parts.flatMap(({ lines }) => lines.map((text) => `  ${text}`)),
    ],
    rule: first.rule,
  }
}
