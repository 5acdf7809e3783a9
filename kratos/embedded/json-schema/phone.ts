import { ParseError, parsePhoneNumberWithError, type PhoneNumber } from 'libphonenumber-js/max'

/** Phone numbers as Go's port of libphonenumber reads them; the port for JavaScript reads less. */

const START = /[+＋\p{Nd}].*$/su
const EXTENSION =
  /(?:;ext=|[ \u00a0\t,]*(?:e?xt(?:ensi[oó]n|n)?|int|anexo|доб|[x#~])[:.]?[ \u00a0\t,-]*)\d{1,7}#?$/iu
const LETTERS = ['abc', 'def', 'ghi', 'jkl', 'mno', 'pqrs', 'tuv', 'wxyz']

/** The digit on the key of a letter. */
const keyOf = (letter: string): string =>
  String(LETTERS.findIndex((letters) => letters.includes(letter.toLowerCase())) + 2)

/** A number as in RFC 3966, whose parameters can come before it. */
function withContext (text: string): string {
  const [, context = ''] = /;phone-context=(\+[\d().-]+)/i.exec(text) ?? []
  const [number = ''] = text.replace(/^.*?tel:/is, '').split(/;phone-context=|;isub=/i)
  return context === '' ? text.replace(/;isub=.*$/is, '') : context + number
}

/** The number in a text without its extension; three letters or more stand for digits. */
function numberPart (given: string): string {
  const text = withContext(given)
  const found = START.exec(text)?.[0] ?? ''
  const number = found.replace(EXTENSION, '').replace(/^[+＋]+/, '+')
  return number.replace(/[^a-z]/gi, '').length < 3
    ? number.replace(/[x~*]/gi, '-')
    : number.replace(/[a-z]/gi, keyOf)
}

/** Go's port removes blanks at the end, but no tabs and no line breaks. @throws ParseError */
const parsed = (text: string): PhoneNumber =>
  parsePhoneNumberWithError(/[\t-\r]$/.test(text) ? '' : numberPart(text), { extract: true })

/** The number in a text in E.164, if libphonenumber finds it valid. Without a region it needs its country code. */
export function phoneNumber (text: string): string | undefined {
  try {
    const number = parsed(text)
    return number.isValid() ? number.number : undefined
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

const REASONS: Record<string, string> = {
  INVALID_COUNTRY: 'invalid country code',
  NOT_A_NUMBER: 'the phone number supplied is not a number',
  TOO_SHORT: 'the string supplied is too short to be a phone number',
  TOO_LONG: 'the string supplied is too long to be a phone number',
}

/** Why a text is no phone number, in the words that Kratos passes on. */
export function phoneProblem (text: string): string {
  try {
    parsed(text)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const isTiny = error.message === 'TOO_SHORT' && text.replace(/\D/g, '').length < 3
    const reason = REASONS[isTiny ? 'NOT_A_NUMBER' : error.message]
    if (reason !== undefined) return reason
  }
  return 'the provided number is not a valid phone number'
}
