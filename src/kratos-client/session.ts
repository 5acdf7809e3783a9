import type { JsonObject } from './kratos-body.js'

/** Traits of the product's identity schema. Augment it to type `session.identity.traits`. */
export interface KratosTraits {}

export interface KratosIdentity {
  /** UUID, lower case, never nil. */
  id: string
  traits: KratosTraits & JsonObject
  [member: string]: unknown
}

/** An active session as whoami answers it; members that are not named here are passed on unchecked. */
export interface KratosSession {
  id: string
  active: true
  /** RFC 3339. */
  expires_at: string
  authenticator_assurance_level?: string
  authentication_methods?: unknown[]
  identity: KratosIdentity
  [member: string]: unknown
}
