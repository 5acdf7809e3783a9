import { timeJson } from '../clock.js'
import { bareIdentityJson, identityJson } from '../identity/json.js'
import type { JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import { isActive, type Session } from './session.js'

/**
 * A session as Kratos shows it.
 * @param options `identity`: `none` if the caller must not see it yet (recording 34), `bare` in lists of one identity's
 * sessions (recording 45), `listed` in the list of all
 */
export function sessionJson (
  kratos: Kratos,
  session: Session,
  options: { identity?: 'full' | 'bare' | 'listed' | 'none', devices?: boolean } = {},
): JsonObject {
  const { identity = 'full', devices = true } = options
  return {
    id: session.id,
    active: isActive(session, kratos.clock.now()),
    expires_at: timeJson(session.expiresAt),
    authenticated_at: timeJson(session.authenticatedAt),
    authenticator_assurance_level: session.aal,
    authentication_methods: session.methods.map(({ method, aal, completedAt, provider, organization }) => ({
      method,
      aal,
      completed_at: timeJson(completedAt),
      ...(provider === undefined ? {} : { provider }),
      ...(organization === undefined ? {} : { organization }),
    })),
    issued_at: timeJson(session.issuedAt),
    identity: identity === 'none'
      ? null
      : identity === 'bare' || identity === 'listed'
        ? bareIdentityJson(kratos, session.identity, identity === 'listed')
        : identityJson(kratos, session.identity),
    devices: devices
      ? session.devices.map(({ id, ipAddress, userAgent, location }) => ({
        id,
        ip_address: ipAddress,
        user_agent: userAgent,
        location,
      }))
      : null,
  }
}
