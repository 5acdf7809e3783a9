import { badRequest } from '../../http/errors.js'
import type { Credential } from '../../identity/identity.js'
import { formError, type FormError } from '../../identity/validation.js'
import { MESSAGES } from '../../ui/message.js'
import { hexId, keyConfig, keysOf, userHandleOf, type StoredKey } from './credential.js'

/** A credential without one of its keys; `left` is undefined when that was the only one. */
export interface Removal {
  left: Credential | undefined
  removed: StoredKey | undefined
}

/** @param id as in the settings form @throws ApiError 400 when there is no credential */
export function withoutKey (credential: Credential | undefined, id: string): Removal {
  if (credential === undefined) throw badRequest('You tried to remove a WebAuthn but you have no WebAuthn set up.')
  const keys = keysOf(credential)
  const others = keys.filter((key) => hexId(key) !== id)
  return {
    left: others.length === 0 ? undefined : { ...credential, config: keyConfig(others, userHandleOf(credential)) },
    removed: keys.find((key) => hexId(key) === id),
  }
}

/** Kratos shows this at the field of security keys for passkeys too. */
export const lastKey = (): FormError =>
  formError(
    MESSAGES.generic('unable to remove this security key because it would lock you out of your account'),
    'webauthn_remove',
  )
