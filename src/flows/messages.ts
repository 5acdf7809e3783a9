import type { ErrorCode } from '../errors.js'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'

/** One complaint of Kratos about a form, as a client shows and translates it. */
export interface FormError {
  /** null: the whole form. */
  field: string | null
  /** Our stable name for the kind of complaint; `other` for ids that have none. */
  code: string
  /** Kratos' numeric id of the message. */
  id: number
  /** For people, in English. */
  text: string
  /** What belongs into a translated text, as Kratos gave it: lengths, patterns, names. */
  context: JsonObject
}

type Row = [code: string, text?: (context: JsonObject) => string]
const rows = (ids: number[], row: Row): Record<number, Row> => Object.fromEntries(ids.map((id) => [id, row]))

// By Kratos' message ids (docs/kratos-facts.md, section 19), with a text where Kratos' own speaks to developers.
// docs/messages.md has the same table.
const MESSAGES: Record<number, Row> = {
  4000001: ['invalid'],
  4000002: ['required', () => 'Please fill in this field'],
  4000003: ['too_short', ({ min_length: min }) => `Please enter at least ${String(min)} characters`],
  4000004: ['pattern', () => 'Please check the format'],
  4000005: ['password_rejected'],
  4000006: ['invalid_credentials', () => 'The name or the password is not right'],
  4000007: ['identifier_taken', () => 'There is an account with this name already'],
  4000008: ['wrong_totp_code', () => 'The code is not right'],
  4000009: ['no_identifier', () => 'Please enter an e-mail address or a name'],
  4000010: ['address_not_verified', () => 'Please confirm your address first'],
  4000011: ['no_totp', () => 'No authenticator app is set up'],
  4000012: ['lookup_code_used', () => 'This backup code was used already'],
  4000013: ['no_security_key', () => 'No security key is set up'],
  4000014: ['no_lookup_codes', () => 'No backup codes are set up'],
  4000015: ['no_security_key', () => 'There is no account with this key'],
  4000016: ['wrong_lookup_code', () => 'This backup code is not right'],
  4000017: ['too_long', ({ max_length: max }) => `Please enter at most ${String(max)} characters`],
  4000018: ['too_small', ({ minimum }) => `Please enter ${String(minimum)} or more`],
  4000019: ['too_small', ({ exclusive_minimum: minimum }) => `Please enter more than ${String(minimum)}`],
  4000020: ['too_large', ({ maximum }) => `Please enter ${String(maximum)} or less`],
  4000021: ['too_large', ({ exclusive_maximum: maximum }) => `Please enter less than ${String(maximum)}`],
  4000022: ['not_a_multiple', ({ base }) => `Please enter a multiple of ${String(base)}`],
  4000023: ['too_many_items', ({ max_items: max }) => `Please enter at most ${String(max)}`],
  4000024: ['too_few_items', ({ min_items: min }) => `Please enter at least ${String(min)}`],
  4000025: ['items_not_unique', () => 'Please enter each value once'],
  4000026: ['wrong_type', () => 'Please check the format'],
  4000027: ['identifier_taken', () => 'There is an account with this name already'],
  4000028: ['identifier_taken', () => 'There is an account with this name already'],
  4000029: ['not_the_constant', () => 'Please confirm this'],
  4000030: ['not_the_constant', () => 'Please confirm this'],
  4000031: ['password_too_similar', () => 'The password is too similar to your name'],
  4000032: [
    'password_too_short',
    ({ min_length: min }) => `The password needs at least ${String(min)} characters`,
  ],
  4000033: [
    'password_too_long',
    ({ max_length: max }) => `The password may have at most ${String(max)} characters`,
  ],
  4000034: ['password_breached', () => 'This password is known from data leaks; please choose another one'],
  4000035: ['account_not_found', () => 'There is no account for this'],
  4000036: ['code_for_other_input', () => 'The code belongs to other entries; please ask for a new one'],
  4000037: ['account_not_found', () => 'There is no account for this'],
  4000039: ['password_unchanged', () => 'The new password is the old one'],
  4000040: ['invalid_email', () => 'Please enter an e-mail address'],
  4000041: ['invalid_phone', () => 'Please enter a phone number'],
  4010008: ['wrong_code', () => 'The code is not right, or was used already'],
  4040003: ['wrong_code', () => 'The code is not right, or was used already'],
  4060006: ['wrong_code', () => 'The code is not right, or was used already'],
  4070006: ['wrong_code', () => 'The code is not right, or was used already'],
  4010009: ['linked_credentials_differ', () => 'The two accounts do not belong together'],
  4010010: ['address_unknown', () => 'This is no address of the account'],
  ...rows([4010002, 4010003, 4010004, 4010005, 4010006], ['method_missing', () => 'Please fill in the form']),
  ...rows([4010001, 4040001, 4050001, 4060005, 4070005], [
    'flow_expired',
    () => 'That took too long; please start again',
  ]),
  ...rows([4060001, 4070002], ['flow_completed', () => 'This was done already; please start again']),
  4060002: ['flow_failed', () => 'This did not work; please start again'],
  ...rows([4060004, 4070001], ['wrong_link', () => 'The link is not right, or was used already']),
}

/** What Kratos says under one number for all, and a page has to tell apart. */
const BY_TEXT: Array<[said: RegExp, row: Row]> = [
  [
    /the OpenID Provider returned error/,
    ['provider_refused', () => 'You were not logged in there; please try again or choose another way'],
  ],
  [/submitted too often/, ['too_many_tries', () => 'That was tried too often; please ask for a new code']],
]

const rowOf = (id: number, text: string): Row | undefined =>
  (id === 4000001 ? BY_TEXT.find(([said]) => said.test(text))?.[1] : undefined) ?? MESSAGES[id]

export const MESSAGE_CODES = new Map(Object.entries(MESSAGES).map(([id, [code]]) => [Number(id), code]))

const messagesOf = (owner: JsonObject): JsonObject[] =>
  (Array.isArray(owner['messages']) ? owner['messages'] : []).filter(isRecord).filter(({ type }) => type === 'error')

/** Words of schemas and protocols: what a validator says of a format, a method that is not there, a header. */
const TECHNICAL =
  /["`{}[\]<>=]|\b(?:\w+Properties|\w+Of|(?:const|not|if-then|if-else) failed|JSON|HTTP|headers?|cookies?|CSRF|unmarshal|parse|strategy|misconfiguration|instance|payload)\b/i

/** Kratos' own words where they are for people. */
const plainText = (text: string, field: string | null): string => {
  if (!TECHNICAL.test(text)) return text
  return field === null ? 'This did not work; please check what you have entered' : 'Please check this entry'
}

function formError (field: string | null, message: JsonObject): FormError {
  const id = Number(message['id'])
  const context = isRecord(message['context']) ? message['context'] : {}
  const [code, words] = rowOf(id, String(message['text'])) ?? ['other']
  return { field, code, id, text: words?.(context) ?? plainText(String(message['text']), field), context }
}

/** Kratos answers without the form, and without a message that has a number. */
const NOT_OFFERED: FormError = {
  field: null,
  code: 'method_not_offered',
  id: 0,
  text: 'This is not possible here; please choose another way',
  context: {},
}

/** First the form itself, then its fields in their order. */
export function formErrors (flow: JsonObject, code?: ErrorCode): FormError[] {
  if (code === 'METHOD_NOT_OFFERED') return [NOT_OFFERED]
  const ui = isRecord(flow['ui']) ? flow['ui'] : {}
  const nodes = Array.isArray(ui['nodes']) ? ui['nodes'].filter(isRecord) : []
  return [
    ...messagesOf(ui).map((message) => formError(null, message)),
    ...nodes.flatMap((node) => {
      const name = isRecord(node['attributes']) ? node['attributes']['name'] : undefined
      return messagesOf(node).map((message) => formError(typeof name === 'string' ? name : null, message))
    }),
  ]
}
