import { json, type Answer } from '../http/answer.js'
import { badRequest } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { Credential, Identity } from '../identity/identity.js'
import { adminIdentityJson } from '../identity/json.js'
import type { JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'

const CREDENTIAL_TYPES = ['password', 'oidc', 'saml', 'totp', 'lookup_secret', 'webauthn', 'code', 'link_recovery', 'code_recovery', 'passkey']

/** Types of credentials whose configuration is asked for. @throws ApiError 400 for one that does not exist */
export function includedCredentials ({ query }: Exchange, named: (known: string[], unknown: string) => string): string[] {
  const types = query.getAll('include_credential')
  const at = types.findIndex(type => !CREDENTIAL_TYPES.includes(type))
  if (at !== -1) throw badRequest(`Invalid value \`${named(types.slice(0, at), types[at] ?? '')}\` for parameter \`include_credential\`.`)
  return types
}

/** One identity. The text about an unknown type names the types before it: a slip of Kratos. */
export const oneIdentity = (ex: Exchange, identity: Identity): Answer =>
  json(200, adminIdentityJson(ex.kratos, identity, { credentials: true, configOf: includedCredentials(ex, known => `[${known.join(' ')}]`) }))

/**
 * An identity as the request that made or changed it answers: Kratos shows the times of its credentials as they were when it
 * read them, and metadata that the request left out not even as null (recording 80).
 * @param old the credentials as they were before
 */
export function writtenIdentity (kratos: Kratos, identity: Identity, old: Record<string, Credential>, showsNullMetadata: boolean): JsonObject {
  const credentials = Object.fromEntries(Object.entries(identity.credentials).map(([type, credential]) => {
    const { createdAt = 0, updatedAt = 0 } = old[type] ?? {}
    return [type, { ...credential, createdAt, updatedAt }]
  }))
  return adminIdentityJson(kratos, { ...identity, credentials }, { credentials: true, omitsNullMetadata: !showsNullMetadata })
}
