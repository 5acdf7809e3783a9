import type { Json, JsonObject } from '../json.js'
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
  /** `pending`, `sent` or `completed`; an admin can write anything. */
  status: string
  verifiedAt?: number
  createdAt: number
  updatedAt: number
}

export interface RecoveryAddress {
  id: string
  value: string
  via: string
  createdAt: number
  updatedAt: number
}

export type LostTime = 'state_changed_at' | 'verified_at'

/** An identity with its credentials and addresses. Times are in milliseconds; 0 means not stored yet. */
export interface Identity {
  id: string
  schemaId: string
  externalId?: string
  organizationId?: string
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
  /**
   * Times that Kratos shows as null after a change of traits, because its copy lacks them. The first is not stored
   * either.
   */
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
  updatedAt: 0,
})

/** Sets a credential's configuration; identifiers stay. */
export function setCredential (identity: Identity, type: string, config: JsonObject, now: number, version = 0): void {
  const old = identity.credentials[type]
  identity.credentials[type] = {
    type,
    identifiers: old?.identifiers ?? [],
    config,
    version,
    createdAt: old?.createdAt ?? now,
    updatedAt: now,
  }
}
