import type { KratosIdentity } from './kratos-client/session.js'
import { FLAT_NAMES, type FlatName, segmentsOf, traitAt, TRAIT_OF, type TraitPointers } from './kratos-client/traits.js'

/** Of the API's whoami and the users table; null where the identity has none. */
export type Profile = Record<FlatName, string | null>

type Places = Array<[name: FlatName, segments: readonly string[]]>

/** By the settings' own object, which stays. */
const placesIn = new WeakMap<TraitPointers, Places>()

function placesOf (pointers: TraitPointers): Places {
  const known = placesIn.get(pointers)
  if (known !== undefined) return known
  const places = FLAT_NAMES.map((name): Places[number] => [name, segmentsOf(pointers[TRAIT_OF[name]])])
  placesIn.set(pointers, places)
  return places
}

export function profileOf (traits: Record<string, unknown>, pointers: TraitPointers): Profile {
  const profile: Profile = { email: null, first_name: null, last_name: null, username: null }
  for (const [name, segments] of placesOf(pointers)) {
    const value = traitAt(traits, segments)
    if (typeof value === 'string') profile[name] = value
  }
  return profile
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
