import type { KratosIdentity } from './kratos-client/session.js'

/** Of the API's whoami and the users table; null where the identity has none. */
export interface Profile {
  email: string | null
  first_name: string | null
  last_name: string | null
  username: string | null
}

export function profileOf (traits: Record<string, unknown>): Profile {
  const text = (name: string): string | null => {
    const value = traits[name]
    return typeof value === 'string' ? value : null
  }
  return {
    email: text('email'),
    first_name: text('first_name'),
    last_name: text('last_name'),
    username: text('username'),
  }
}

/** A row of the users table; times are RFC 3339, the moment of asking where Kratos gave none. */
export function userOf (
  identity: Pick<KratosIdentity, 'id' | 'traits'> & { created_at?: unknown, updated_at?: unknown },
  now = new Date(),
) {
  const time = (value: unknown): string => typeof value === 'string' ? value : now.toISOString()
  return {
    identity_id: identity.id.toLowerCase(),
    ...profileOf(identity.traits),
    created_at: time(identity.created_at),
    updated_at: time(identity.updated_at),
  }
}
