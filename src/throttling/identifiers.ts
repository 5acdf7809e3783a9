import { segmentsOf, type TraitPointers } from '../kratos-client/traits.js'

/** Members of a body that may hold an identifier, whatever the traits are called. */
const MEMBERS = [
  'identifier',
  'password_identifier',
  'address',
  'email',
  'username',
  'phone',
  'recovery_address',
  'recovery_confirm_address',
  'recovery_select_address',
]
const TRAITS = ['traits.email', 'traits.username', 'traits.phone']

// Kratos reads a flat name as a path (docs/kratos-facts.md, section 7), so a place is known by its names with dots in
// between, however they are nested; an item of a list stands where the list is.
const pathOf = (path: string, name: string): string =>
  (path === '' ? name : `${path}.${name}`).replaceAll(/(?:^|\.)\d+(?=\.|$)/g, '')

/** Places in a body, with their order. */
export type IdentifierPaths = ReadonlyMap<string, number>

/** Where a body may have an identifier; its e-mail address and its username are where the settings say. */
export function identifierPaths ({ email, username }: Pick<TraitPointers, 'email' | 'username'>): IdentifierPaths {
  const own = [email, username].map((pointer) => segmentsOf(pointer).reduce(pathOf, 'traits'))
  return new Map([...new Set([...MEMBERS, ...TRAITS, ...own])].map((path, order) => [path, order]))
}

/** What Go counts as blank, U+0085 included. */
const LEADING_BLANKS = /^[\s\u0085]+/
const TRAILING_BLANKS = /(?<![\s\u0085])[\s\u0085]+$/

/** Letters fall together that do so for Go (`İ` loses the dot that JavaScript leaves); some more may do no harm. */
const foldText = (text: string): string =>
  text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('\u0307', '')
    .replace(LEADING_BLANKS, '').replace(TRAILING_BLANKS, '')

/** What may stand before and between the digits of a phone number: Kratos makes E.164 of all of them. */
const PHONE_MARKS = /[\s\p{Cf}\p{Pd}+()[\]./~*\u2212\u30fc]/gu
const PHONE_DIGITS = /^\p{Nd}{7,20}$/u
const MIN_DIGITS = 7
const NO_DIGITS = /\P{Nd}+/gu

const isDigit = (codePoint: number): boolean => /^\p{Nd}$/u.test(String.fromCodePoint(codePoint))

/** Of the 700 that there are. Sixty thousand digits are looked at in a packet. */
const knownDigits = new Map<string, string>()

/** Digits of every script stand in rows of ten. */
function asciiDigit (digit: string): string {
  const known = knownDigits.get(digit)
  if (known !== undefined) return known
  const codePoint = digit.codePointAt(0) ?? 0
  let value = 0
  while (value < 9 && isDigit(codePoint - value - 1)) value++
  knownDigits.set(digit, String(value))
  return String(value)
}

const digitsOf = (text: string): string => text.replaceAll(NO_DIGITS, '').replaceAll(/\p{Nd}/gu, asciiDigit)

// The digits of a phone number as Kratos may read them: of the whole text, and those before what may be an extension.
// Without a plus Kratos takes a text for a name, unless all of it looks like a number.
function phoneReadings (text: string): string[] {
  if (text.includes('@')) return []
  const withoutMarks = text.replaceAll(PHONE_MARKS, '')
  if (!text.includes('+')) return PHONE_DIGITS.test(withoutMarks) ? [digitsOf(withoutMarks)] : []
  const inFrontOfExtension = withoutMarks.replace(/^\P{Nd}+/u, '').split(/\P{Nd}/u, 1)[0] ?? ''
  const readings = [inFrontOfExtension, withoutMarks].map(digitsOf)
  return readings.filter(({ length }) => length >= MIN_DIGITS)
}

/** A trait by any name to which Kratos may send a message. A number without a plus is no phone number to it there. */
function isAddress (text: string): boolean {
  const folded = foldText(text)
  return folded.includes('@') || (folded.includes('+') && phoneReadings(folded).length > 0)
}

/** In a form also several times; Kratos makes text of a number. */
function sentIdentifiers (body: unknown, paths: IdentifierPaths): string[] {
  const found: Array<[order: number, text: string]> = []
  function collect (value: unknown, path: string): void {
    if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) collect(member, pathOf(path, name))
      return
    }
    if (typeof value !== 'string' && typeof value !== 'number') return
    const order = paths.get(path) ?? (path.startsWith('traits.') && isAddress(String(value)) ? paths.size : undefined)
    if (order !== undefined) found.push([order, String(value)])
  }
  collect(body, '')
  return found.sort(([a], [b]) => a - b).map(([, text]) => text)
}

/** They tell the numbers of one client apart; a national prefix within the number is not among them. */
const SIGNIFICANT_DIGITS = 8

/** One spelling for all that Kratos may take for the same identifier (G07); a phone number may be read in two ways. */
function spellingsOf (text: string): string[] {
  const folded = foldText(text)
  const readings = phoneReadings(folded)
  return readings.length > 0 ? readings.map((digits) => digits.slice(-SIGNIFICANT_DIGITS)) : [folded]
}

/** Each once, in one spelling; none for a step without an identifier, such as a code. */
export const identifiersOf = (body: unknown, paths: IdentifierPaths): string[] =>
  [...new Set(sentIdentifiers(body, paths).flatMap(spellingsOf))].filter((identifier) => identifier !== '')

/** Of a body that names one person only. */
export function soleIdentifier (body: unknown, paths: IdentifierPaths): string | undefined {
  const folded = new Set(sentIdentifiers(body, paths).map(foldText).filter((text) => text !== ''))
  return folded.size === 1 ? loginIdentifier(body, paths) : undefined
}

/** The one identifier of a login, in a spelling that no other account has: it is counted whatever the address. */
export function loginIdentifier (body: unknown, paths: IdentifierPaths): string | undefined {
  const folded = sentIdentifiers(body, paths).map(foldText).find((text) => text !== '')
  if (folded === undefined) return undefined
  const [digits] = folded.includes('+') ? phoneReadings(folded) : []
  return digits === undefined ? folded : `+${digits}`
}
