import { deepFreeze } from './deep-freeze.js'
import { isIdentityId, isRecord, type JsonObject } from './kratos-body.js'
import type { KratosSession } from './session.js'

/** `inactive`: Kratos says so itself; `malformed`: nothing can be concluded (I15, A38). */
export type SessionReading = { kind: 'active', session: KratosSession } | { kind: 'inactive' } | { kind: 'malformed' }

/** RFC 3339; `Date.parse` also takes `0` or `2027`, and a nonsense time must not read as an expired session. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/
const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** A 200 alone proves nothing (J11). Expiry is not compared: Kratos has just looked, by its own clock (I15). */
export function readSession (body: JsonObject): SessionReading {
  const { id, active, expires_at: expiresAt, identity } = body
  if (!isName(id) || typeof active !== 'boolean' || typeof expiresAt !== 'string' || !TIME.test(expiresAt)) { return { kind: 'malformed' } }
  if (Number.isNaN(Date.parse(expiresAt)) || !isRecord(identity) || !isIdentityId(identity['id']) || !isRecord(identity['traits'])) { return { kind: 'malformed' } }
  return active ? { kind: 'active', session: deepFreeze(body) as KratosSession } : { kind: 'inactive' }
}
