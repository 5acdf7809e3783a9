import type { Problem } from '../json-schema/problem.js'
import { MESSAGES, type UiMessage } from '../ui/message.js'

type Numbers = (first: number, second: number) => UiMessage
type Row = [pattern: RegExp, message: Numbers]

const NUMBER = '(\\S+?)'
const row = (text: string, message: Numbers): Row => [new RegExp(`^${text.replaceAll('#', NUMBER)}$`), message]

/** Rules with two numbers in their text. */
const NUMBERED: Record<string, Row> = {
  minLength: row('length must be >= #, but got #', MESSAGES.tooShort),
  maxLength: row('length must be <= #, but got #', MESSAGES.tooLong),
  minimum: row('must be >= # but found #', MESSAGES.minimum),
  exclusiveMinimum: row('must be > # but found #', MESSAGES.exclusiveMinimum),
  maximum: row('must be <= # but found #', MESSAGES.maximum),
  exclusiveMaximum: row('must be < # but found #', MESSAGES.exclusiveMaximum),
  multipleOf: row('# not multipleOf #', (actual, base) => MESSAGES.multipleOf(base, actual)),
  minItems: row('minimum # items allowed, but found # items', MESSAGES.minItems),
  maxItems: row('maximum # items allowed, but found # items', MESSAGES.maxItems),
  uniqueItems: row('items at index # and # are equal', MESSAGES.uniqueItems),
}

/** What Kratos reads from the texts of its validator; what it cannot read there stays -1. */
function numbered (text: string, [pattern, message]: Row): UiMessage {
  const [, first = '-1', second = '-1'] = pattern.exec(text) ?? []
  return message(Number(first), Number(second))
}

/** An empty value, and one with quotes, is not recognised. */
function formatMessage (text: string): UiMessage {
  const [, value, format] = /"([^"]+)"\s+is not valid\s+"([^"]+)"/.exec(text) ?? []
  if (value !== undefined && format === 'email') return MESSAGES.email(value)
  if (value !== undefined && format === 'tel') return MESSAGES.phone(value)
  return MESSAGES.generic(text)
}

function typeMessage (text: string): UiMessage {
  const [allowed = '', actual = ''] = text.replace(/^expected /, '').split(', but got ')
  return MESSAGES.wrongType(allowed.split(' or '), actual)
}

/** The message for a violated rule, by the last name in the rule's pointer as in Kratos. */
export function messageOf ({ rule, text, pattern }: Problem): UiMessage {
  const keyword = rule.split('/').at(-1) ?? ''
  const numbers = Object.hasOwn(NUMBERED, keyword) ? NUMBERED[keyword] : undefined
  if (numbers !== undefined) return numbered(text, numbers)
  switch (keyword) {
    case 'pattern':
      return MESSAGES.pattern(pattern ?? '')
    case 'type':
      return typeMessage(text)
    case 'const':
      return text === 'const failed' ? MESSAGES.constantGeneric() : MESSAGES.constant(text.replace(/^value must be /, ''))
    case 'format':
      return formatMessage(text)
    default:
      return MESSAGES.generic(text)
  }
}
