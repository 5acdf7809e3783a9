import { durationMs } from '../clock.js'
import { ApiError } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { Identity } from '../identity/identity.js'
import type { Kratos } from '../kratos.js'
import { NIL_UUID } from '../random.js'
import { aalOf, type AuthenticationMethod, type Device, type Session } from './session.js'

type CompletedMethod = Omit<AuthenticationMethod, 'completedAt'>

/** Adds a completed method to a session; does not store it. */
export function completeMethod (session: Session, method: CompletedMethod, now: number): void {
  session.methods = [...session.methods, { ...method, completedAt: now }]
}

/** Adds a method to the stored session, because setting it up counts as completing it (recording 51). */
export function addMethod ({ clock, store }: Kratos, { id }: Session, method: CompletedMethod): void {
  const stored = store.sessions.get(id)
  if (stored === undefined) return
  completeMethod(stored, method, clock.now())
  stored.aal = aalOf(stored.methods)
  store.sessions.save(stored, clock.now())
}

/**
 * Binds the session to `identity` and adds a device for this request; does not store it.
 * @throws ApiError 401 for an inactive identity (recording 32)
 */
export function activateSession (ex: Exchange, session: Session, identity: Identity): void {
  const now = ex.kratos.clock.now()
  if (identity.state !== 'active') {
    throw new ApiError({
      code: 401,
      message: 'identity is disabled',
      reason: 'This account was disabled.',
      details: { identity_id: identity.id },
    })
  }
  Object.assign(session, {
    identity,
    identityId: identity.id,
    active: true,
    issuedAt: now,
    authenticatedAt: now,
    expiresAt: now + durationMs(ex.kratos.config.session.lifespan),
    aal: aalOf(session.methods),
  })
  session.devices = [...session.devices, deviceOf(ex)]
}

/** The client address that proxies report, otherwise the peer with its port (recordings 34, 71). */
function clientAddress (ex: Exchange): string {
  const named = ['true-client-ip', 'cf-connecting-ip', 'x-real-ip']
    .map((name) => ex.headers.get(name))
    .find((value) => value !== undefined && value !== '')
  const forwarded = ex.headers.get('x-forwarded-for') ?? ''
  if (named !== undefined || forwarded === '') return named ?? ex.peer
  return forwarded.split(',').map((part) => part.trim()).findLast((address) => !isPrivate(address)) ?? ''
}

const isPrivate = (address: string): boolean => /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd])/i.test(address)

function deviceOf (ex: Exchange): Device {
  const location = [ex.headers.get('cf-ipcity'), ex.headers.get('cf-ipcountry')].filter(
    (part) => part !== undefined && part !== '',
  )
  return {
    id: NIL_UUID,
    ipAddress: clientAddress(ex),
    userAgent: ex.headers.get('user-agent') ?? null,
    location: location.join(', '),
  }
}
