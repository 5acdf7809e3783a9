import { ApiError, badRequest, internal, misconfigured, plainError } from '../../http/errors.js'
import { newIdentity, type Identity } from '../../identity/identity.js'
import { lowered, trimmed } from '../../identity/normalization.js'
import { isObject, mergeJson, valueAt, type Json, type JsonObject } from '../../json.js'
import { evaluateMapper, JsonnetError } from '../../jsonnet.js'
import type { Kratos } from '../../kratos.js'
import { readResource } from '../../resources.js'
import type { Provider } from './config.js'

/** Claims that a mapper can read by name; all claims are in `raw_claims`. */
const KNOWN_CLAIMS = [
  'iss',
  'sub',
  'oid',
  'name',
  'given_name',
  'family_name',
  'last_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'email',
  'email_verified',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'phone_number',
  'phone_number_verified',
  'updated_at',
  'hd',
  'team',
  'nonce',
  'nonce_supported',
]

const isEmpty = (value: Json | undefined): boolean =>
  value === undefined || value === null || value === '' || value === false || value === 0

/** Some providers send booleans as text, or the locale in parts. */
function normalised (name: string, value: Json): Json {
  if (name.endsWith('_verified') && typeof value === 'string') return value === 'true'
  if (name === 'locale' && isObject(value)) {
    return [value['language'], value['country']].filter((part) => !isEmpty(part)).join('-')
  }
  return value
}

/**
 * Claims as a mapper gets them, without empty ones.
 * @param iss issuer of the ID token, for claims without one
 * @throws ApiError 502 without subject or issuer
 */
export function mapperClaims (raw: JsonObject, iss: Json): JsonObject {
  const found: JsonObject = { ...raw, iss: isEmpty(raw['iss']) ? iss : raw['iss'] ?? '' }
  const known = KNOWN_CLAIMS.map((name): [string, Json] => [name, normalised(name, found[name] ?? '')]).filter(
    ([, value]) => !isEmpty(value),
  )
  const claims: JsonObject = { ...Object.fromEntries(known), raw_claims: raw }
  const upstream = (reason: string): ApiError =>
    new ApiError({ code: 502, id: 'upstream_error', message: 'Upstream error', reason })
  if (claims['sub'] === undefined) throw upstream('provider did not return a subject')
  if (claims['iss'] === undefined) throw upstream('issuer not set in claims')
  return claims
}

export interface VerifiedAddress {
  value: string
  via: string
}

/**
 * The identity that the provider's mapper makes from claims, not checked yet. The user's input overrides the mapper.
 * @param traits from the form, before the browser went to the provider
 */
export async function identityFromClaims (
  kratos: Kratos,
  provider: Provider,
  claims: JsonObject,
  schemaId: string,
  traits: JsonObject,
): Promise<{ identity: Identity, verified: VerifiedAddress[] }> {
  const mapped = await evaluated(kratos, provider, claims)
  const mappedTraits = valueAt(mapped, 'identity.traits')
  if (!isObject(mappedTraits)) {
    throw internal(
      'OpenID Connect Jsonnet mapper did not return an object for key identity.traits. Please check your Jsonnet code!',
    )
  }
  const identity = newIdentity(schemaId, kratos.clock.now())
  identity.traits = mergeJson(mappedTraits, traits)
  identity.metadataPublic = metadata(mapped, 'identity.metadata_public')
  identity.metadataAdmin = metadata(mapped, 'identity.metadata_admin')
  return { identity, verified: verifiedAddresses(valueAt(mapped, 'identity.verified_addresses')) }
}

async function evaluated (kratos: Kratos, { mapperUrl }: Provider, claims: JsonObject): Promise<Json> {
  try {
    return await evaluateMapper(await readResource(mapperUrl, kratos.folder), { claims })
  } catch (error) {
    throw error instanceof JsonnetError ? plainError(error.message) : error
  }
}

function metadata (mapped: Json, key: string): Json {
  const found = valueAt(mapped, key)
  if (found !== undefined && !isObject(found)) {
    throw misconfigured(
      `OpenID Connect Jsonnet mapper did not return an object for key ${key}. Please check your Jsonnet code!`,
    )
  }
  return found ?? null
}

function verifiedAddresses (given: Json | undefined): VerifiedAddress[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) {
    throw badRequest(
      'OpenID Connect Jsonnet mapper did not return an array for key identity.verified_addresses. Please check your Jsonnet code!',
    )
  }
  return given
    .filter(isObject)
    .map(({ value, via }) => ({
      via: String(via),
      value: via === 'email' ? lowered(trimmed(String(value))) : String(value),
    }))
}
