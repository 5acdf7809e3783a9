import { deepFreeze } from './deep-freeze.js'
import { isIdentityId, isRecord, type JsonObject } from './kratos-body.js'
import type { KratosSession } from './session.js'

/**
 * `inactive`: Kratos itself says that the session counts no more; `malformed`: nothing can be concluded from it (I15,
 * A38).
 */
export type SessionReading = { kind: 'active', session: KratosSession } | { kind: 'inactive' } | { kind: 'malformed' }

/**
 * RFC 3339; `Date.parse` alone takes `0` or `2027` for a time, and a nonsense time must not read as an expired session.
 */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/
const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

/**
 * Reads a whoami answer of status 200. The shape check is ours: a 200 alone proves nothing (J11). Whether the session
 * is over is Kratos' to say, by its own clock: it has just looked (I15).
 */
export function readSession (body: JsonObject): SessionReading {
  const { id, active, expires_at: expiresAt, identity } = body
  if (!isName(id) || typeof active !== 'boolean' || typeof expiresAt !== 'string' || !TIME.test(expiresAt)) { return { kind: 'malformed' } }
  if (Number.isNaN(Date.parse(expiresAt)) || !isRecord(identity) || !isIdentityId(identity['id']) || !isRecord(identity['traits'])) { return { kind: 'malformed' } }
  return active ? { kind: 'active', session: deepFreeze(body) as KratosSession } : { kind: 'inactive' }
}
