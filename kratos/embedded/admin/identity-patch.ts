import { goQuote } from '../go/text.js'
import { badRequest, internal } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { Credential, Identity } from '../identity/identity.js'
import { adminIdentityJson } from '../identity/json.js'
import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import { FORMATS } from '../json-schema/formats.js'
import type { Kratos } from '../kratos.js'
import { changedAddresses } from './addresses.js'
import { checkIdentity, isState, organizationOf } from './identity-body.js'
import { CREDENTIAL_TYPES } from './identity-view.js'
import { patched, PatchError } from './json-patch.js'
import { DecodingError } from './strict-body.js'
import { isDeepStrictEqual } from 'node:util'

const refused = (message: string): Error => badRequest('An error occured when applying the JSON patch', { message })

interface Patched {
  identity: Identity
  /** What the answer to the patch shows: it can be patched and is not stored. */
  schemaUrl: string
}

/**
 * A patched and checked copy of the identity. The patch may change the configuration of credentials (recording 80).
 * @throws ApiError 400
 */
export function patchIdentity (ex: Exchange, identity: Identity): Patched {
  const { kratos } = ex
  const configOf = Object.keys(identity.credentials)
  const shown: JsonObject = adminIdentityJson(kratos, identity, { credentials: true, configOf })
  const document = namedAs(Object.keys(shown), asObject(applied(ex, shown)))
  for (const [member, type] of Object.entries(TEXTS)) {
    const value = document[member] ?? ''
    if (typeof value !== 'string') {
      throw refused(
        `json: cannot unmarshal ${
          Array.isArray(value) ? 'array' : typeof value
        } into Go struct field WithCredentialsAndAdminMetadataInJSON.${member} of type ${type}`,
      )
    }
  }
  const changed = decodedChanges(kratos, structuredClone(identity), document)
  checkIdentity(kratos, changed)
  return { identity: changed, schemaUrl: String(document['schema_url'] ?? '') }
}

function decodedChanges (kratos: Kratos, identity: Identity, document: JsonObject): Identity {
  const wrong = TIMES.map((name) => document[name] ?? null).find((time) => time !== null && !isTime(time))
  if (wrong !== undefined) {
    const text = goQuote(String(wrong))
    throw refused(`parsing time ${text} as "2006-01-02T15:04:05Z07:00": cannot parse ${text} as "2006"`)
  }
  try {
    return withChanges(kratos, identity, document)
  } catch (error) {
    throw error instanceof DecodingError ? refused(error.message) : error
  }
}

const TIMES = ['created_at', 'updated_at', 'state_changed_at']
const isTime = (value: Json): boolean => typeof value === 'string' && (FORMATS['date-time']?.(value) ?? false)

/** String members with the names of their Go types. */
const TEXTS = { state: 'identity.State', schema_id: 'string', schema_url: 'string', external_id: 'sqlxx.NullString' }

function applied (ex: Exchange, document: JsonObject): Json {
  try {
    return patched(document, parsed(ex))
  } catch (error) {
    throw error instanceof PatchError ? refused(error.message) : error
  }
}

function parsed ({ body }: Exchange): unknown {
  try {
    return JSON.parse(body.kind === 'read' ? body.bytes.toString() : '')
  } catch {
    throw new PatchError('invalid state detected')
  }
}

function withChanges ({ clock }: Kratos, identity: Identity, document: JsonObject): Identity {
  const now = clock.now()
  const { state, external_id: externalId } = document
  if (state !== identity.state) {
    if (!isState(state)) {
      throw badRequest(
        `The supplied state ('${String(state ?? '')}') was not valid. Valid states are ('active', 'inactive').`,
        { message: 'identity state is not valid' },
      )
    }
    Object.assign(identity, { state, stateChangedAt: now })
  }
  delete identity.externalId
  delete identity.organizationId
  const organizationId = organizationOf(document['organization_id'])
  return Object.assign(identity, changedAddresses(identity, document, now), {
    schemaId: String(document['schema_id'] ?? ''),
    traits: (document['traits'] === undefined ? {} : document['traits']) as JsonObject,
    metadataPublic: document['metadata_public'] ?? null,
    metadataAdmin: document['metadata_admin'] ?? null,
    ...(organizationId === undefined ? {} : { organizationId }),
    ...(typeof externalId === 'string' && externalId !== '' ? { externalId } : {}),
    credentials: changedCredentials(identity, asObject(document['credentials']), now),
  })
}

/**
 * The credentials that the patched document describes. Unchanged ones keep their times.
 * @throws ApiError 400 for a member of the wrong type
 */
function changedCredentials ({ credentials }: Identity, given: JsonObject, now: number): Record<string, Credential> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (value !== null && !isObject(value)) {
        throw new DecodingError(
          `json: cannot unmarshal ${
            Array.isArray(value) ? 'array' : typeof value
          } into Go struct field WithCredentialsAndAdminMetadataInJSON.credentials of type identity.Credentials`,
        )
      }
      const { type = '', config = {}, identifiers = null, version = 0 } = namedAs(MEMBERS, asObject(value))
      if (!CREDENTIAL_TYPES.includes(String(type))) {
        throw internal(
          `The SQL adapter failed to return the appropriate credentials_type for name ${
            goQuote(String(type))
          }. This is a bug in the code.`,
        )
      }
      const old = credentials[name]
      if (old !== undefined && isDeepStrictEqual([config, identifiers], [old.config, old.identifiers])) {
        return [name, old]
      }
      return [name, {
        type: String(type),
        config: asObject(config),
        identifiers: Array.isArray(identifiers) ? identifiers.map(String) : [],
        version: Number(version),
        createdAt: old?.createdAt ?? now,
        updatedAt: now,
      }]
    }),
  )
}

const MEMBERS = ['type', 'identifiers', 'config', 'version', 'created_at', 'updated_at']

/** Go finds members in any case; of several the last one counts. */
function namedAs (names: string[], given: JsonObject): JsonObject {
  const found = Object.entries(given).map(([name, value]): [string, Json] =>
    [names.find((known) => known.toLowerCase() === name.toLowerCase()) ?? name, value],
  )
  return Object.fromEntries(found)
}
