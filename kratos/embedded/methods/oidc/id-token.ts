import { createPublicKey, verify, type JsonWebKey } from 'node:crypto'
import { badRequest } from '../../http/errors.js'
import { asObject, isObject, type JsonObject } from '../../json.js'

const CLOCK_SKEW_S = 5 * 60
const KEY_TYPES: Record<string, string> = { RS256: 'RSA', ES256: 'EC' }

export interface Expectation {
  issuer: string
  clientId: string
  keys: unknown
  nowMs: number
}

const refused = (why: string): Error => badRequest(`oidc: ${why}`)

/**
 * The claims of an ID token after checking signature, issuer, audience and times.
 * @param expected `keys`: the provider's key set (RFC 7517)
 * @throws ApiError 400
 */
export function verifiedClaims (token: string, { issuer, clientId, keys, nowMs }: Expectation): JsonObject {
  const [head = '', payload = '', signature = '', ...more] = token.split('.')
  if (signature === '' || more.length > 0) throw refused('malformed jwt')
  const claims = decoded(payload)
  const { iss, aud, exp, nbf } = claims
  if (iss !== issuer) {
    throw refused(`id token issued by a different provider, expected "${issuer}" got "${String(iss)}"`)
  }
  if (![aud].flat().includes(clientId)) {
    throw refused(`expected audience "${clientId}" got ${JSON.stringify([aud].flat())}`)
  }
  if (typeof exp !== 'number' || exp * 1000 < nowMs) {
    throw refused(`token is expired (Token Expiry: ${new Date(Number(exp ?? 0) * 1000).toISOString()})`)
  }
  if (typeof nbf === 'number' && nbf - CLOCK_SKEW_S > nowMs / 1000) {
    throw refused('current time is before the nbf (not before) time')
  }
  if (!isSigned(decoded(head), `${head}.${payload}`, signature, keys)) {
    throw refused('failed to verify id token signature')
  }
  return claims
}

function decoded (part: string): JsonObject {
  try {
    return asObject(JSON.parse(Buffer.from(part, 'base64url').toString()))
  } catch {
    throw refused('malformed jwt payload')
  }
}

function isSigned ({ alg, kid }: JsonObject, input: string, signature: string, keys: unknown): boolean {
  const type = typeof alg === 'string' && Object.hasOwn(KEY_TYPES, alg) ? KEY_TYPES[alg] : undefined
  if (type === undefined) throw refused(`unexpected signature algorithm ${JSON.stringify(alg ?? '')}`)
  const { keys: list } = asObject(keys)
  return (Array.isArray(list) ? list : []).filter(isObject)
    .filter((key) => key['kty'] === type)
    .filter((key) => kid === undefined || key['kid'] === undefined || key['kid'] === kid)
    .some((key) => {
      const options = {
        key: createPublicKey({ key: key as JsonWebKey, format: 'jwk' }),
        ...(alg === 'ES256' ? { dsaEncoding: 'ieee-p1363' as const } : {}),
      }
      return verify('sha256', Buffer.from(input), options, Buffer.from(signature, 'base64url'))
    })
}
