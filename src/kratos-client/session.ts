import { isIdentityId, isRecord, type JsonObject } from './kratos-body.js'

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

/** `inactive`: Kratos itself says that the session counts no more; `malformed`: nothing can be concluded from it (I15, A38). */
export type SessionReading = { kind: 'active', session: KratosSession } | { kind: 'inactive' } | { kind: 'malformed' }

/** Reads a whoami answer of status 200. The shape check is ours: a 200 alone proves nothing (J11). */
export function readSession (body: JsonObject, now = Date.now()): SessionReading {
  const { id, active, expires_at: expiresAt, identity } = body
  if (typeof id !== 'string' || typeof active !== 'boolean' || typeof expiresAt !== 'string') return { kind: 'malformed' }
  const expires = Date.parse(expiresAt)
  if (Number.isNaN(expires) || !isRecord(identity) || !isIdentityId(identity['id']) || !isRecord(identity['traits'])) return { kind: 'malformed' }
  return active && expires > now ? { kind: 'active', session: body as KratosSession } : { kind: 'inactive' }
}
