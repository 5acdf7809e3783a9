import type { Credential, Identity } from '../identity/identity.js'
import type { Kratos } from '../kratos.js'
import { addressesOf } from './code/addresses.js'
import { isPasswordless, isSecondFactor } from './code/role.js'
import { hasCodes } from './lookup-secret/codes.js'
import { linkedAccounts } from './oidc/credential.js'
import { hasPassword } from './password/credential.js'
import { hasTotp } from './totp/key.js'

/** What a method's credential counts as. */
interface Factor {
  aal: 'aal1' | 'aal2'
  /** How many ways to log in the credential is; 0 means that it cannot be used. */
  count(credential: Credential, kratos: Kratos): number
}

const once = (isUsable: (credential: Credential) => boolean) => (credential: Credential): number =>
  isUsable(credential) ? 1 : 0

/**
 * By method id. Kept apart from the methods, so that each can ask what else an identity has without importing all the
 * others.
 */
const FACTORS: Record<string, Factor> = {
  password: { aal: 'aal1', count: once(hasPassword) },
  oidc: { aal: 'aal1', count: (credential) => linkedAccounts(credential).length },
  code: {
    aal: 'aal2',
    count: (credential, kratos) =>
      isSecondFactor(kratos) ? addressesOf(credential).filter(({ to }) => to !== '').length : 0,
  },
  totp: { aal: 'aal2', count: once(hasTotp) },
  lookup_secret: { aal: 'aal2', count: once(hasCodes) },
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
    const count = factor?.count(credential, kratos) ?? 0
    return factor === undefined || count === 0 ? [] : [{ method: credential.type, aal: factor.aal, count }]
  })

/** How many ways to log in the identity has. Codes count for everybody, even without an address to send them to. */
export const countFirstFactors = (kratos: Kratos, identity: Identity): number =>
  usableFactors(kratos, identity)
    .filter(({ aal }) => aal === 'aal1')
    .reduce((sum, { count }) => sum + count, isPasswordless(kratos) ? 1 : 0)
