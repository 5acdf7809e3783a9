import { phoneNumber } from '../json-schema/phone.js'

/**
 * Identifiers and addresses as Kratos stores and finds them. Each rule is used when a value is written and when it is
 * looked up, so that both agree.
 */

/** Go's unicode.IsSpace, which differs from JavaScript's `trim` in U+0085 and U+FEFF. */
const SPACES = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+'
const OUTER_SPACE = new RegExp(`^${SPACES}|${SPACES}$`, 'g')

/** Go's strings.TrimSpace. */
export const trimmed = (text: string): string => text.replace(OUTER_SPACE, '')

/** Go's strings.ToLower: one letter at a time, without the special rules for `İ` and the final sigma. */
export const lowered = (text: string): string =>
  text.replace(/[^\0-\x7f]|[A-Z]/gu, (char) => {
    const lower = char.toLowerCase()
    return [...lower].length === 1 ? lower : lower.charAt(0)
  })

const CASE_SENSITIVE = ['oidc', 'saml', 'totp', 'lookup_secret', 'passkey']

/** An identifier in the database. */
export const storedIdentifier = (type: string, identifier: string): string =>
  CASE_SENSITIVE.includes(type) ? identifier : lowered(trimmed(identifier))

/** An address in the database. */
export const storedAddress = (value: string): string => lowered(trimmed(value))

/** The address of a code credential: an e-mail address, or a phone number in E.164. @returns undefined for no number */
export function codeAddress (value: string, channel: string): string | undefined {
  if (channel === 'sms') return phoneNumber(value)
  return value.includes('@') ? trimmed(lowered(value)) : value
}

/** What a user types where an address of any kind is asked for. */
export const typedIdentifier = (value: string): string =>
  phoneNumber(value) ?? (value.includes('@') ? lowered(trimmed(value)) : trimmed(value))

/** What a form keeps of a typed identifier. */
export const shownIdentifier = (value: string): string => value.includes('@') ? lowered(value) : value
