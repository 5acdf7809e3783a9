import type { Identity } from '../identity/identity.js'
import { newLogoutToken, newSessionToken, NIL_UUID } from '../random.js'

export type Aal = 'aal0' | 'aal1' | 'aal2'

export interface AuthenticationMethod {
  method: string
  aal: Aal
  completedAt: number
  provider?: string
  organization?: string
}

export interface Device {
  id: string
  ipAddress: string | null
  userAgent: string | null
  location: string | null
}

/** A session. Times are in milliseconds. */
export interface Session {
  id: string
  token: string
  logoutToken: string
  active: boolean
  aal: Aal
  methods: AuthenticationMethod[]
  issuedAt: number
  authenticatedAt: number
  expiresAt: number
  createdAt: number
  identityId: string
  identity: Identity
  devices: Device[]
}

/** A session without a login: nil id, new tokens. */
export const newSession = (identity: Identity): Session => ({
  id: NIL_UUID,
  token: newSessionToken(),
  logoutToken: newLogoutToken(),
  active: false,
  aal: 'aal0',
  methods: [],
  issuedAt: 0,
  authenticatedAt: 0,
  expiresAt: 0,
  createdAt: 0,
  identityId: identity.id,
  identity,
  devices: [],
})

/** The level of the completed methods: aal2 needs both factors. */
export function aalOf (methods: AuthenticationMethod[]): Aal {
  if (methods.length === 0) return 'aal0'
  const has = (aal: Aal): boolean => methods.some((method) => method.aal === aal)
  return has('aal1') && has('aal2') ? 'aal2' : 'aal1'
}

export const isActive = (session: Session, now: number): boolean =>
  session.active && session.expiresAt > now && session.identity.state === 'active'
