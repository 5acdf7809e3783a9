import { isUuid } from '../../patterns.js'
import { InvalidValueError } from './errors.js'

export type Bindable = string | number | null

/**
 * The one check before both drivers. Left to itself libsql kills the process on a boolean, stores undefined and NaN as
 * NULL and cuts text at NUL; Postgres refuses NUL; both replace a lone surrogate by U+FFFD. @throws InvalidValueError
 * for anything but well-formed text without NUL, whole numbers and null
 */
export function toBindable (value: unknown): Bindable {
  if (value === null) return null
  if (typeof value === 'string') return checkText(value)
  if (typeof value !== 'number') throw new InvalidValueError(`${kindOf(value)} cannot be stored`)
  if (!Number.isSafeInteger(value)) throw new InvalidValueError('A number that is not a safe integer cannot be stored')
  return value
}

/** Kysely leaves an undefined property out of an INSERT, and the column would be NULL. */
export function checkRow<T extends object> (row: T): T {
  Object.values(row).forEach(toBindable)
  return row
}

/** Ids are compared as text, so they have one spelling: lower case, 8-4-4-4-12. */
export function toCanonicalUuid (value: string): string {
  if (!isUuid(value)) throw new InvalidValueError('An id that is not a UUID cannot be stored')
  return value.toLowerCase()
}

function checkText (text: string): string {
  if (text.includes('\0')) throw new InvalidValueError('Text with a NUL character cannot be stored')
  if (/\p{Surrogate}/u.test(text)) throw new InvalidValueError('Text with a lone surrogate cannot be stored')
  return text
}

function kindOf (value: unknown): string {
  if (typeof value === 'object') return `A ${value?.constructor?.name ?? 'plain'} object`
  return value === undefined ? 'An undefined value' : `A value of type ${typeof value}`
}
