const isGiven = (value: unknown): boolean =>
  [value].flat().some((one) => (typeof one === 'string' && one !== '') || typeof one === 'number')

/** Go reads a member by its name in whatever letters, `ſ` and the Kelvin sign among them. */
const foldName = (name: string): string => name.toUpperCase().toLowerCase()

export const withFoldedNames = (body: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(body).map(([name, value]) => [foldName(name), value]))

const holds = (body: unknown, names: readonly string[]): boolean =>
  typeof body === 'object' && body !== null &&
  Object.entries(body).some(([name, value]) => names.includes(foldName(name)) && isGiven(value))

export const triesSecondFactor = (body: unknown): boolean => holds(body, ['totp_code', 'lookup_secret'])

/** Which of them a body holds. */
export const triedFactor = (body: unknown): string | undefined =>
  holds(body, ['totp_code']) ? 'totp' : holds(body, ['lookup_secret']) ? 'lookup_secret' : undefined

const PROOFS = ['password', 'code', 'totp_code', 'lookup_secret', 'passkey_login', 'webauthn_login', 'id_token']

/** Whether a body wants to prove who somebody is; a name alone, or a wish for a code, does not. */
export const holdsProof = (body: unknown): boolean => holds(body, PROOFS)

const BY_IDENTIFIER = ['password', 'code']
const BY_SOMETHING_ELSE = ['passkey_login', 'webauthn_login', 'id_token', 'provider']

const methodsIn = (body: object): unknown[] =>
  [withFoldedNames(body as Record<string, unknown>)['method']].flat()

/**
 * Whether a login goes by the identifier in its body, and not by a key or a provider. By `method`, as Kratos decides:
 * what else is in the body it ignores, so nobody may name another's identifier there, or hide one's own.
 */
export function goesByIdentifier (body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  const [method] = methodsIn(body)
  if (typeof method === 'string' && method !== '') return BY_IDENTIFIER.includes(method)
  return holds(body, BY_IDENTIFIER) && !holds(body, BY_SOMETHING_ELSE)
}

const FACTORS = ['totp', 'lookup_secret']

/**
 * Whether a success of this body proves the second factor in it, by the same rule: a right password beside a made-up
 * code says nothing of the code.
 */
export function provesSecondFactor (body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  const methods = methodsIn(body).filter(isGiven)
  return methods.length > 0
    ? methods.every((method) => FACTORS.includes(String(method)))
    : !holds(body, [...BY_IDENTIFIER, ...BY_SOMETHING_ELSE])
}

export const triesCode = (body: unknown): boolean => holds(body, ['code'])

/** Only a wrong one is counted, and a right one makes up for those before it. */
export type TryResult = 'wrong' | 'right' | 'neither'
