import type { Credential } from '../../identity/identity.js'
import { isObject, type JsonObject } from '../../json.js'

/** An account at a provider, as stored in the credential. */
export type LinkedAccount = JsonObject & { provider: string, subject: string }

export interface ProviderTokens {
  idToken: string
  accessToken: string
  refreshToken: string
}

/** An identifier of the credential; it is case-sensitive. */
export const oidcIdentifier = (provider: string, subject: string): string => `${provider}:${subject}`

/** Kratos encrypts the tokens, which is not visible from outside. */
export const linkedAccount = (
  provider: string,
  subject: string,
  tokens?: ProviderTokens,
  extra: JsonObject = {},
): LinkedAccount => ({
  initial_id_token: tokens?.idToken ?? '',
  subject,
  provider,
  initial_access_token: tokens?.accessToken ?? '',
  initial_refresh_token: tokens?.refreshToken ?? '',
  ...extra,
})

const isLinkedAccount = (value: unknown): value is LinkedAccount =>
  isObject(value) && typeof value['provider'] === 'string' && typeof value['subject'] === 'string'

/** The accounts of a credential that are also among its identifiers. */
export function linkedAccounts (credential: Credential | undefined): LinkedAccount[] {
  const { providers } = credential?.config ?? {}
  return (Array.isArray(providers) ? providers : []).filter(isLinkedAccount)
    .filter(({ provider, subject }) => credential?.identifiers.includes(oidcIdentifier(provider, subject)) ?? false)
}

/** The credential with other accounts. */
export const oidcCredential = (accounts: LinkedAccount[], now: number, old?: Credential): Credential => ({
  type: 'oidc',
  identifiers: accounts.map(({ provider, subject }) => oidcIdentifier(provider, subject)),
  config: { providers: accounts },
  version: old?.version ?? 0,
  createdAt: old?.createdAt ?? now,
  updatedAt: now,
})
