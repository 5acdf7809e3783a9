import type { KratosIdentity } from './kratos-client/session.js'
import { FLAT_NAMES, type FlatName, traitAt, TRAIT_OF, type TraitPointers } from './kratos-client/traits.js'

/** Of the API's whoami and the users table; null where the identity has none. */
export type Profile = Record<FlatName, string | null>

export function profileOf (traits: Record<string, unknown>, pointers: TraitPointers): Profile {
  const text = (name: FlatName): string | null => {
    const value = traitAt(traits, pointers[TRAIT_OF[name]])
    return typeof value === 'string' ? value : null
  }
  return Object.fromEntries(FLAT_NAMES.map((name) => [name, text(name)])) as Profile
}

/** A row of the users table; times are RFC 3339, the moment of asking where Kratos gave none. */
export function userOf (
  identity: Pick<KratosIdentity, 'id' | 'traits'> & { created_at?: unknown, updated_at?: unknown },
  pointers: TraitPointers,
  now = new Date(),
) {
  const time = (value: unknown): string => typeof value === 'string' ? value : now.toISOString()
  return {
    identity_id: identity.id.toLowerCase(),
    ...profileOf(identity.traits, pointers),
    created_at: time(identity.created_at),
    updated_at: time(identity.updated_at),
  }
}
