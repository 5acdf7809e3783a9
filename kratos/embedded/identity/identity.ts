import { rfc3339, ZERO_TIME } from '../clock.js'
import { publicUrl } from '../http/exchange.js'
import type { Json, JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import { NIL_UUID } from '../random.js'

export interface Credential {
  type: string
  identifiers: string[]
  config: JsonObject
  version: number
  createdAt: number
  updatedAt: number
}

export interface VerifiableAddress {
  id: string
  value: string
  via: string
  verified: boolean
  status: 'pending' | 'sent' | 'completed'
  verifiedAt?: number
  createdAt: number
  updatedAt: number
}

export interface RecoveryAddress { id: string, value: string, via: string, createdAt: number, updatedAt: number }

export type LostTime = 'state_changed_at' | 'verified_at'

/** An identity with everything that belongs to it; times are milliseconds, 0 = not stored yet. */
export interface Identity {
  id: string
  schemaId: string
  externalId?: string
  state: 'active' | 'inactive'
  stateChangedAt: number
  traits: JsonObject
  credentials: Record<string, Credential>
  verifiableAddresses: VerifiableAddress[]
  recoveryAddresses: RecoveryAddress[]
  metadataPublic: Json
  metadataAdmin: Json
  createdAt: number
  updatedAt: number
  /** Times that Kratos' copy for a change of traits shows as null; the first is not stored either. */
  lost?: LostTime[]
}

/** An identity that is not stored yet: nil id, zero times (recordings 75, 76). */
export const newIdentity = (schemaId: string, now: number): Identity => ({
  id: NIL_UUID,
  schemaId,
  state: 'active',
  stateChangedAt: now,
  traits: {},
  credentials: {},
  verifiableAddresses: [],
  recoveryAddresses: [],
  metadataPublic: null,
  metadataAdmin: null,
  createdAt: 0,
  updatedAt: 0
})

/** Adds or replaces a credential's configuration; identifiers stay. */
export function setCredential (identity: Identity, type: string, config: JsonObject, now: number, version = 0): void {
  const old = identity.credentials[type]
  identity.credentials[type] = {
    type, identifiers: old?.identifiers ?? [], config, version, createdAt: old?.createdAt ?? now, updatedAt: now
  }
}

const time = (ms: number): string => ms === 0 ? ZERO_TIME : rfc3339(ms)

/** An identity as the public API shows it: neither credentials nor admin metadata. */
export function identityJson (kratos: Kratos, identity: Identity): JsonObject {
  return {
    id: identity.id,
    ...(identity.externalId === undefined ? {} : { external_id: identity.externalId }),
    schema_id: identity.schemaId,
    // Filled in when it is stored (recording 75).
    schema_url: identity.id === NIL_UUID ? '' : publicUrl(kratos, `/schemas/${Buffer.from(identity.schemaId).toString('base64url')}`),
    state: identity.state,
    ...(identity.stateChangedAt === 0 ? {} : { state_changed_at: identity.lost?.includes('state_changed_at') === true ? null : time(identity.stateChangedAt) }),
    traits: identity.traits,
    ...(identity.verifiableAddresses.length === 0 ? {} : { verifiable_addresses: identity.verifiableAddresses.map(address => verifiableJson(address, identity.lost)) }),
    ...(identity.recoveryAddresses.length === 0 ? {} : { recovery_addresses: identity.recoveryAddresses.map(recoveryJson) }),
    metadata_public: identity.metadataPublic,
    created_at: time(identity.createdAt),
    updated_at: time(identity.updatedAt),
    organization_id: null
  }
}

/** An identity inside a list of sessions: without addresses and with an empty schema_url (recording 45). */
export function bareIdentityJson (kratos: Kratos, identity: Identity): JsonObject {
  const { verifiable_addresses: verifiable, recovery_addresses: recovery, ...shown } = identityJson(kratos, identity)
  return { ...shown, schema_url: '' }
}

const verifiableJson = (address: VerifiableAddress, lost: LostTime[] = []): JsonObject => ({
  id: address.id,
  value: address.value,
  verified: address.verified,
  via: address.via,
  status: address.status,
  ...(address.verifiedAt === undefined ? {} : { verified_at: lost.includes('verified_at') ? null : time(address.verifiedAt) }),
  created_at: time(address.createdAt),
  updated_at: time(address.updatedAt)
})

const recoveryJson = (address: RecoveryAddress): JsonObject => ({
  id: address.id,
  value: address.value,
  via: address.via,
  created_at: time(address.createdAt),
  updated_at: time(address.updatedAt)
})

export interface AdminView {
  credentials: boolean
  /** Types whose configuration is shown. */
  configOf?: string[]
  /** Leaves `metadata_admin` out where it is null. */
  omitsNullMetadata?: boolean
}

/** An identity as the admin API shows it (recording 80). */
export function adminIdentityJson (kratos: Kratos, identity: Identity, { credentials: withCredentials, configOf = [], omitsNullMetadata = false }: AdminView): JsonObject {
  const shown = identityJson(kratos, identity)
  if (identity.metadataAdmin !== null || !omitsNullMetadata) shown['metadata_admin'] = identity.metadataAdmin
  if (!withCredentials) return shown
  const credentials = Object.values(identity.credentials)
    .map(upgraded)
    .map((credential): [string, JsonObject] => [credential.type, credentialJson(credential, configOf.includes(credential.type))])
  return { ...shown, ...(credentials.length === 0 ? {} : { credentials: Object.fromEntries(credentials) }) }
}

/** Kratos raises the version of WebAuthn credentials when it reads them; one without times was not read yet. */
const upgraded = (credential: Credential): Credential =>
  credential.type === 'webauthn' && credential.createdAt !== 0 ? { ...credential, version: 1 } : credential

const credentialJson = (credential: Credential, withConfig: boolean): JsonObject => ({
  type: credential.type,
  identifiers: credential.identifiers,
  ...(withConfig ? { config: credential.config } : {}),
  version: credential.version,
  created_at: time(credential.createdAt),
  updated_at: time(credential.updatedAt)
})
