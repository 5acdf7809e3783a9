import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import { isObject, valueAt, type Json, type JsonObject } from '../json.js'
import { MESSAGES, type UiMessage } from '../ui/message.js'
import { isEmail, isPhone } from './formats.js'

/** A message and the dotted path of its field; an empty path means the whole form. */
export interface FieldMessage {
  path: string
  message: UiMessage
}

/** The form has errors, which are shown at its fields (400 with the flow). */
export class FormError extends Error {
  readonly messages: FieldMessage[]

  constructor (messages: FieldMessage[]) {
    super(messages.map(({ message }) => message.text).join('; '))
    this.name = 'FormError'
    this.messages = messages
  }
}

/** A form error with one message. */
export const formError = (message: UiMessage, path = ''): FormError => new FormError([{ path, message }])

const compiled = new WeakMap<JsonObject, ValidateFunction>()

/** The schema's validator, compiled once. @throws Error when it is not a JSON Schema */
export function compile (schema: JsonObject): ValidateFunction {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true, addUsedSchema: false, logger: false })
  formats.default(ajv)
  ajv.addFormat('email', isEmail)
  ajv.addFormat('tel', isPhone)
  ajv.addFormat('no-validate', true)
  const validate = ajv.compile(schema)
  compiled.set(schema, validate)
  return validate
}

/** @returns one message per violated rule, in Kratos' order and with its texts; none for a valid value */
export const violations = (schema: JsonObject, value: Json): FieldMessage[] =>
  schemaErrors(schema, value).map((error) => ({ path: pathOf(error), message: messageFor(error, value) }))

/** The violated rules in Kratos' order. */
export function schemaErrors (schema: JsonObject, value: Json): ErrorObject[] {
  const validate = compile(schema)
  if (validate(value) === true) return []
  const errors = (validate.errors ?? []).filter((error) => !COMBINING.includes(error.keyword))
  return merged(errors).sort((left, right) => RANKS.indexOf(left.keyword) - RANKS.indexOf(right.keyword))
}

/** Keywords that only report failures of others. */
const COMBINING = ['if', 'allOf', 'anyOf', 'oneOf', '$ref']

/** The order in which Kratos' validator checks the rules of a value. */
const RANKS = [
  'type',
  'const',
  'enum',
  'format',
  'not',
  'required',
  'additionalProperties',
  'minLength',
  'maxLength',
  'pattern',
  'minimum',
  'exclusiveMinimum',
  'maximum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'uniqueItems',
]

/** Several unknown properties give one message. */
function merged (errors: ErrorObject[]): ErrorObject[] {
  const kept: ErrorObject[] = []
  for (const error of errors) {
    const first = kept.find(
      (other) =>
        other.keyword === 'additionalProperties' &&
        error.keyword === other.keyword &&
        other.instancePath === error.instancePath,
    )
    if (first === undefined) {
      kept.push({ ...error, params: { ...error.params, names: [error.params['additionalProperty']] } })
    } else {
      ;(first.params['names'] as string[]).push(String(error.params['additionalProperty']))
    }
  }
  return kept
}

/** A JSON pointer as a dotted path. */
export const dotted = (pointer: string): string =>
  pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')).join('.')

function pathOf (error: ErrorObject): string {
  const path = dotted(error.instancePath)
  if (error.keyword !== 'required') return path
  const missing = String(error.params['missingProperty'])
  return path === '' ? missing : `${path}.${missing}`
}

/** The name of a JSON type. */
export const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : isObject(value) ? 'object' : typeof value

const numberLimit: Record<string, (limit: number, actual: number) => UiMessage> = {
  minimum: MESSAGES.minimum,
  exclusiveMinimum: MESSAGES.exclusiveMinimum,
  maximum: MESSAGES.maximum,
  exclusiveMaximum: MESSAGES.exclusiveMaximum,
}

/** The message for a violated rule of `root`. */
export function messageFor (error: ErrorObject, root: Json): UiMessage {
  const { keyword, params } = error
  const value = valueAt(root, dotted(error.instancePath)) ?? error.data as Json
  const limit = Number(params['limit'])
  const length = typeof value === 'string' ? [...value].length : Array.isArray(value) ? value.length : 0
  switch (keyword) {
    case 'required':
      return MESSAGES.required(String(params['missingProperty']))
    case 'minLength':
      return MESSAGES.tooShort(limit, length)
    case 'maxLength':
      return MESSAGES.tooLong(limit, length)
    case 'pattern':
      return MESSAGES.pattern(String(params['pattern']))
    case 'minItems':
      return MESSAGES.minItems(limit, length)
    case 'maxItems':
      return MESSAGES.maxItems(limit, length)
    case 'uniqueItems':
      return MESSAGES.uniqueItems(
        Math.min(Number(params['i']), Number(params['j'])),
        Math.max(Number(params['i']), Number(params['j'])),
      )
    case 'multipleOf':
      return MESSAGES.multipleOf(Number(params['multipleOf']), Number(value))
    case 'type':
      return MESSAGES.wrongType([params['type'] as string | string[]].flat(), typeOf(value))
    case 'const':
      return MESSAGES.constant(JSON.stringify(params['allowedValue']))
    case 'format':
      return formatMessage(String(params['format']), value)
    case 'enum':
      return MESSAGES.generic(enumText(params['allowedValues'] as Json[]))
    case 'additionalProperties':
      return MESSAGES.generic(`additionalProperties ${quoted(params['names'] as string[])} not allowed`)
    default:
      return numberLimit[keyword]?.(limit, Number(value)) ?? MESSAGES.generic(error.message ?? keyword)
  }
}

const quoted = (values: Json[]): string => values.map((value) => JSON.stringify(value)).join(', ')

function enumText (allowed: Json[]): string {
  if (allowed.some((item) => typeof item === 'object' && item !== null)) return 'enum failed'
  return `value must be ${allowed.length === 1 ? '' : 'one of '}${quoted(allowed)}`
}

function formatMessage (format: string, value: Json): UiMessage {
  if (format === 'email') return MESSAGES.email(value)
  if (format === 'tel') return MESSAGES.phone(value)
  return MESSAGES.generic(`${JSON.stringify(value)} is not valid "${format}"`)
}
