import type { Credential, Identity } from '../identity/identity.js'
import type { Kratos } from '../kratos.js'
import { addressesOf } from './code/addresses.js'
import { isPasswordless, isSecondFactor } from './code/role.js'
import { hasCodes } from './lookup-secret/codes.js'
import { linkedAccounts } from './oidc/credential.js'
import { hasPassword } from './password/credential.js'
import { hasTotp } from './totp/key.js'
import { countFirstKeys, countPasskeys, countSecondKeys } from './webauthn/credential.js'

/** How many ways to log in a credential is at a level; 0 means that it cannot be used. */
type Count = (credential: Credential, kratos: Kratos) => number

/** What a method's credential counts as. */
type Factor = { [aal in 'aal1' | 'aal2']?: Count }

const once = (isUsable: (credential: Credential) => boolean): Count => (credential) =>
  isUsable(credential) ? 1 : 0

/**
 * By method id. Kept apart from the methods, so that each can ask what else an identity has without importing all the
 * others.
 */
const FACTORS: Record<string, Factor> = {
  password: { aal1: once(hasPassword) },
  oidc: { aal1: (credential) => linkedAccounts(credential).length },
  code: {
    aal2: (credential, kratos) =>
      isSecondFactor(kratos) ? addressesOf(credential).filter(({ to }) => to !== '').length : 0,
  },
  totp: { aal2: once(hasTotp) },
  lookup_secret: { aal2: once(hasCodes) },
  passkey: { aal1: countPasskeys },
  webauthn: { aal1: countFirstKeys, aal2: countSecondKeys },
}

export interface UsableFactor {
  method: string
  aal: 'aal1' | 'aal2'
  count: number
}

/** The credentials that an identity can log in with, even if their methods are disabled. */
export const usableFactors = (kratos: Kratos, identity: Identity): UsableFactor[] =>
  Object.values(identity.credentials).flatMap((credential) => {
    const factor = Object.hasOwn(FACTORS, credential.type) ? FACTORS[credential.type] : undefined
    return LEVELS.flatMap((aal) => {
      const count = factor?.[aal]?.(credential, kratos) ?? 0
      return count === 0 ? [] : [{ method: credential.type, aal, count }]
    })
  })

const LEVELS = ['aal1', 'aal2'] as const

/** How many ways to log in the identity has. Codes count for everybody, even without an address to send them to. */
export const countFirstFactors = (kratos: Kratos, identity: Identity): number =>
  usableFactors(kratos, identity)
    .filter(({ aal }) => aal === 'aal1')
    .reduce((sum, { count }) => sum + count, isPasswordless(kratos) ? 1 : 0)
