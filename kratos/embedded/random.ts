import { randomBytes, randomInt, randomUUID } from 'node:crypto'

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const LOWERCASE_ALPHANUMERIC = 'abcdefghijklmnopqrstuvwxyz0123456789'
const DIGITS = '0123456789'

const pick = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')

export const NIL_UUID = '00000000-0000-0000-0000-000000000000'

export const newId = (): string => randomUUID()
export const newSessionToken = (): string => `ory_st_${pick(ALPHANUMERIC, 32)}`
export const newLogoutToken = (): string => `ory_lo_${pick(ALPHANUMERIC, 32)}`
export const newCode = (): string => pick(DIGITS, 6)
/** A backup code: eight lower-case letters and digits. */
export const newBackupCode = (): string => pick(LOWERCASE_ALPHANUMERIC, 8)
export const newSecret = (length: number): string => pick(ALPHANUMERIC, length)
/** A user handle of a passkey. */
export const newUserHandle = (): string => pick(ALPHANUMERIC, 64)
export const newKey = (bytes: number): Buffer => randomBytes(bytes)

/** The id in canonical form, or undefined when the text is not a UUID. */
export function parseUuid (text: string | null | undefined): string | undefined {
  const hex = (text ?? '').replace(/^urn:uuid:/i, '').replace(/^\{(.*)\}$/, '$1')
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(hex)) return hex.toLowerCase()
  if (!/^[0-9a-f]{32}$/i.test(hex)) return undefined
  return hex.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
