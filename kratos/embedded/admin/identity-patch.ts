import { badRequest } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { Credential, Identity } from '../identity/identity.js'
import { adminIdentityJson } from '../identity/json.js'
import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import { changedAddresses } from './addresses.js'
import { checkIdentity, isState } from './identity-body.js'
import { patched, PatchError } from './json-patch.js'
import { isDeepStrictEqual } from 'node:util'

const refused = (message: string): Error => badRequest('An error occured when applying the JSON patch', { message })

/**
 * A patched and checked copy of the identity. The patch may change the configuration of credentials (recording 80).
 * @throws ApiError 400
 */
export function patchIdentity (ex: Exchange, identity: Identity): Identity {
  const { kratos } = ex
  const shown = adminIdentityJson(kratos, identity, { credentials: true, configOf: Object.keys(identity.credentials) })
  const document = asObject(applied(ex, shown))
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
  const changed = withChanges(kratos, structuredClone(identity), document)
  checkIdentity(kratos, changed)
  return changed
}

/** String members with the names of their Go types. */
const TEXTS = { state: 'identity.State', schema_id: 'string', external_id: 'sqlxx.NullString' }

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
  return Object.assign(identity, changedAddresses(identity, document, now), {
    schemaId: String(document['schema_id'] ?? ''),
    traits: document['traits'] ?? {},
    metadataPublic: document['metadata_public'] ?? null,
    metadataAdmin: document['metadata_admin'] ?? null,
    ...(typeof externalId === 'string' && externalId !== '' ? { externalId } : {}),
    credentials: changedCredentials(identity, asObject(document['credentials']), now),
  })
}

/** A patch can change the configuration of a credential, but not add or remove one. */
function changedCredentials ({ credentials }: Identity, given: JsonObject, now: number): Record<string, Credential> {
  return Object.fromEntries(
    Object.entries(credentials).map(([type, credential]) => {
      const { config } = asObject(given[type])
      const isSame = !isObject(config) || isDeepStrictEqual(config, credential.config)
      return [type, isSame ? credential : { ...credential, config, updatedAt: now }]
    }),
  )
}
