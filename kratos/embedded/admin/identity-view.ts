import { json, type Answer } from '../http/answer.js'
import { badRequest } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { Identity } from '../identity/identity.js'
import { adminIdentityJson } from '../identity/json.js'
import type { JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'

export const CREDENTIAL_TYPES = [
  'password',
  'oidc',
  'saml',
  'totp',
  'lookup_secret',
  'webauthn',
  'code',
  'link_recovery',
  'code_recovery',
  'passkey',
]

/** Credential types whose configuration is asked for. @throws ApiError 400 for an unknown type */
export function includedCredentials (
  { query }: Exchange,
  named: (known: string[], unknown: string) => string,
): string[] {
  const types = query.getAll('include_credential')
  const at = types.findIndex((type) => !CREDENTIAL_TYPES.includes(type))
  if (at !== -1) {
    throw badRequest(
      `Invalid value \`${named(types.slice(0, at), types[at] ?? '')}\` for parameter \`include_credential\`.`,
    )
  }
  return types
}

/** One identity. The error about an unknown type lists the types before it: a mistake of Kratos. */
export const oneIdentity = (ex: Exchange, identity: Identity): Answer =>
  json(
    200,
    adminIdentityJson(ex.kratos, identity, {
      credentials: true,
      configOf: includedCredentials(ex, (known) => `[${known.join(' ')}]`),
    }),
  )

/**
 * The identity as the request that wrote it is answered. Kratos shows the times of credentials as they were before the
 * change, omits null metadata that the request did not have (recording 80), and computes no new address of the schema.
 */
export function writtenIdentity (
  kratos: Kratos,
  identity: Identity,
  before: Pick<Identity, 'credentials'> & { schemaUrl?: string },
  showsNullMetadata: boolean,
): JsonObject {
  const credentials = Object.fromEntries(
    Object.entries(identity.credentials).map(([type, credential]) => {
      const { createdAt = 0, updatedAt = 0 } = before.credentials[type] ?? {}
      return [type, { ...credential, createdAt, updatedAt }]
    }),
  )
  const shown = adminIdentityJson(
    kratos,
    { ...identity, credentials },
    { credentials: true, omitsNullMetadata: !showsNullMetadata },
  )
  return before.schemaUrl === undefined ? shown : { ...shown, schema_url: before.schemaUrl }
}
