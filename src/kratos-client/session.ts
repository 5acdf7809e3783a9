import type { DeepReadonly } from './deep-freeze.js'
import type { JsonObject } from './kratos-body.js'

/** Traits of the product's identity schema. Augment it, once, to type `session.identity.traits` everywhere. */
export interface KratosTraits {}

/** Shared by requests, so frozen: `structuredClone` makes a copy that can be changed. */
export interface KratosIdentity {
  /** UUID, lower case, never nil. */
  readonly id: string
  readonly traits: DeepReadonly<KratosTraits> & Readonly<JsonObject>
  readonly [member: string]: unknown
}

/** An active session as whoami answers it; members that are not named here are passed on unchecked. Frozen too. */
export interface KratosSession {
  readonly id: string
  readonly active: true
  /** RFC 3339. */
  readonly expires_at: string
  readonly authenticator_assurance_level?: string
  readonly authentication_methods?: readonly unknown[]
  readonly identity: KratosIdentity
  readonly [member: string]: unknown
}
