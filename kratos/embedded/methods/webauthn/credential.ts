import type { Credential } from '../../identity/identity.js'
import { asObject, type JsonObject } from '../../json.js'

/** A stored key, as Kratos has it: binary values are base64. */
export type StoredKey = JsonObject & {
  id: string
  public_key: string
  display_name: string
  added_at: string
  is_passwordless: boolean
}

export function keysOf (credential: Credential | undefined): StoredKey[] {
  const keys = credential?.config['credentials']
  return (Array.isArray(keys) ? keys.map(asObject) : []) as StoredKey[]
}

export const userHandleOf = (credential: Credential | undefined): string =>
  String(credential?.config['user_handle'] ?? '')

/** @param userHandle in base64 */
export const keyConfig = (keys: StoredKey[], userHandle: string): JsonObject => ({
  credentials: keys,
  user_handle: userHandle,
})

/** The id of a key as the settings form names it. */
export const hexId = ({ id }: StoredKey): string => Buffer.from(id, 'base64').toString('hex')

/** The id as WebAuthn names it. */
export const webId = ({ id }: StoredKey): string => Buffer.from(id, 'base64').toString('base64url')

const hasIdentifier = ({ identifiers }: Credential): boolean => identifiers.join('') !== ''

/** Passkeys are found by their user handle. */
export const countPasskeys = (credential: Credential): number =>
  hasIdentifier(credential) ? keysOf(credential).length : 0

/** Security keys that are a first factor are found by their identifier. */
export const countFirstKeys = (credential: Credential): number =>
  hasIdentifier(credential) ? keysOf(credential).filter(({ is_passwordless: isFirst }) => isFirst).length : 0

export const countSecondKeys = (credential: Credential): number =>
  keysOf(credential).filter(({ is_passwordless: isFirst }) => !isFirst).length
