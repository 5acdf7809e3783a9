import { timeJson } from '../clock.js'
import { publicUrl } from '../http/exchange.js'
import type { JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import { NIL_UUID } from '../random.js'
import type { Credential, Identity, LostTime, RecoveryAddress, VerifiableAddress } from './identity.js'

/** An identity in the public API: without credentials and admin metadata. */
export function identityJson (kratos: Kratos, identity: Identity): JsonObject {
  return {
    id: identity.id,
    ...(identity.externalId === undefined ? {} : { external_id: identity.externalId }),
    schema_id: identity.schemaId,
    // Set when the identity is stored (recording 75).
    schema_url: identity.id === NIL_UUID
      ? ''
      : schemaUrl(kratos, identity.schemaId),
    state: identity.state,
    ...(identity.stateChangedAt === 0
      ? {}
      : {
          state_changed_at: identity.lost?.includes('state_changed_at') === true
            ? null
            : timeJson(identity.stateChangedAt),
        }),
    traits: identity.traits,
    ...(identity.verifiableAddresses.length === 0
      ? {}
      : {
          verifiable_addresses: identity.verifiableAddresses.map((address) => verifiableJson(address, identity.lost)),
        }),
    ...(identity.recoveryAddresses.length === 0
      ? {}
      : { recovery_addresses: identity.recoveryAddresses.map(recoveryJson) }),
    metadata_public: identity.metadataPublic,
    created_at: timeJson(identity.createdAt),
    updated_at: timeJson(identity.updatedAt),
    organization_id: identity.organizationId ?? null,
  }
}

/** An identity can name its schema in base64, or not at all. */
export function schemaUrl (kratos: Kratos, id: string): string {
  const known = id === '' ? 'default' : kratos.schemas.find(id)?.id ?? id
  return publicUrl(kratos, `/schemas/${Buffer.from(known).toString('base64url')}`)
}

/** An identity in a list of sessions: without addresses, and mostly with an empty schema_url (recording 45). */
export function bareIdentityJson (kratos: Kratos, identity: Identity, hasUrl = false): JsonObject {
  const { verifiable_addresses: verifiable, recovery_addresses: recovery, ...shown } = identityJson(kratos, identity)
  return hasUrl ? shown : { ...shown, schema_url: '' }
}

const verifiableJson = (address: VerifiableAddress, lost: LostTime[] = []): JsonObject => ({
  id: address.id,
  value: address.value,
  verified: address.verified,
  via: address.via,
  status: address.status,
  ...(address.verifiedAt === undefined
    ? {}
    : { verified_at: lost.includes('verified_at') ? null : timeJson(address.verifiedAt) }),
  created_at: timeJson(address.createdAt),
  updated_at: timeJson(address.updatedAt),
})

const recoveryJson = (address: RecoveryAddress): JsonObject => ({
  id: address.id,
  value: address.value,
  via: address.via,
  created_at: timeJson(address.createdAt),
  updated_at: timeJson(address.updatedAt),
})

export interface AdminView {
  credentials: boolean
  /** Credential types whose configuration is shown. */
  configOf?: string[]
  /** Omits `metadata_admin` if it is null. */
  omitsNullMetadata?: boolean
}

/** An identity in the admin API (recording 80). */
export function adminIdentityJson (
  kratos: Kratos,
  identity: Identity,
  { credentials: withCredentials, configOf = [], omitsNullMetadata = false }: AdminView,
): JsonObject {
  const shown = identityJson(kratos, identity)
  if (identity.metadataAdmin !== null || !omitsNullMetadata) shown['metadata_admin'] = identity.metadataAdmin
  if (!withCredentials) return shown
  const credentials = Object.values(identity.credentials)
    .sort((left, right) => left.type < right.type ? -1 : 1)
    .map(upgraded)
    .map((credential): [string, JsonObject] => [
      credential.type,
      credentialJson(credential, configOf.includes(credential.type)),
    ])
  return { ...shown, ...(credentials.length === 0 ? {} : { credentials: Object.fromEntries(credentials) }) }
}

/**
 * Kratos raises the version of WebAuthn credentials when it reads them. A credential without times has not been read
 * yet.
 */
const upgraded = (credential: Credential): Credential =>
  credential.type === 'webauthn' && credential.createdAt !== 0 ? { ...credential, version: 1 } : credential

const NO_TOKENS = { initial_id_token: '', initial_access_token: '', initial_refresh_token: '' }

/** Social login that was imported without an account: Kratos shows an empty one. */
const isNobodys = ({ config }: Credential): boolean => config['providers'] === null
const shownConfig = (credential: Credential): JsonObject =>
  isNobodys(credential)
    ? { providers: [{ ...(credential.type === 'oidc' ? NO_TOKENS : {}), subject: '', provider: '' }] }
    : credential.config

const credentialJson = (credential: Credential, withConfig: boolean): JsonObject => ({
  type: credential.type,
  // Without times it has not been stored yet.
  identifiers: isNobodys(credential) && credential.createdAt === 0 ? null : credential.identifiers,
  ...(withConfig ? { config: shownConfig(credential) } : {}),
  version: credential.version,
  created_at: timeJson(credential.createdAt),
  updated_at: timeJson(credential.updatedAt),
})
