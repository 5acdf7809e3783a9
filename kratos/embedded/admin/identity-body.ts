import { badRequest } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { validateIdentity } from '../identity/extensions.js'
import { newIdentity, type Identity } from '../identity/identity.js'
import { FormError } from '../identity/validation.js'
import type { Json, JsonObject } from '../json.js'
import { problemText } from '../json-schema/problem.js'
import type { Kratos } from '../kratos.js'
import { RECOVERY_SHAPE, recoveryAddresses, VERIFIABLE_SHAPE, verifiableAddresses } from './addresses.js'
import { CREDENTIALS_SHAPE, importCredentials } from './identity-import.js'
import { ensureUuid, jsonBody, strictBody, type Members } from './strict-body.js'

const COMMON_SHAPE: Members = {
  schema_id: 'string',
  traits: 'any',
  credentials: CREDENTIALS_SHAPE,
  metadata_public: 'any',
  metadata_admin: 'any',
  state: 'string',
  external_id: 'string',
}

/** Members of an identity in a create request. */
export const CREATE_SHAPE: Members = {
  ...COMMON_SHAPE,
  organization_id: 'uuid',
  verifiable_addresses: [VERIFIABLE_SHAPE],
  recovery_addresses: [RECOVERY_SHAPE],
}

/** The identity of a create request: checked, with its password hashed, not stored. @throws ApiError 400 */
export async function identityFromBody (ex: Exchange): Promise<Identity> {
  const body = strictBody(ex, 'identity.CreateIdentityBody', CREATE_SHAPE)
  const identity = await identityFrom(ex.kratos, body)
  checkIdentity(ex.kratos, identity)
  return identity
}

/** The identity of a create request, with its password hashed but not checked. */
export async function identityFrom (kratos: Kratos, body: JsonObject): Promise<Identity> {
  const now = kratos.clock.now()
  const identity = newIdentity(String(body['schema_id'] ?? '') || kratos.schemas.get('').id, now)
  const organizationId = organizationOf(body['organization_id'])
  Object.assign(identity, described(body), {
    ...(organizationId === undefined ? {} : { organizationId }),
    state: stateOf(body) ?? 'active',
    verifiableAddresses: verifiableAddresses(body['verifiable_addresses'], now),
    recoveryAddresses: recoveryAddresses(body['recovery_addresses']),
  })
  await importCredentials(kratos, identity, body['credentials'])
  return identity
}

/**
 * Changes a stored identity to what a PUT says. Missing members are removed, except schema and state (recording 80).
 */
export async function replaceFromBody (ex: Exchange, identity: Identity, body: JsonObject): Promise<void> {
  const state = stateOf(body)
  if (state !== undefined && state !== identity.state) {
    Object.assign(identity, { state, stateChangedAt: ex.kratos.clock.now() })
  }
  if ((body['schema_id'] ?? '') !== '') identity.schemaId = String(body['schema_id'])
  delete identity.externalId
  Object.assign(identity, described(body))
  await importCredentials(ex.kratos, identity, body['credentials'])
  checkIdentity(ex.kratos, identity)
}

export const replacementBody = (ex: Exchange): JsonObject => jsonBody(ex, 'identity.UpdateIdentityBody', COMMON_SHAPE)

function described (body: JsonObject): Partial<Identity> {
  const externalId = String(body['external_id'] ?? '')
  return {
    // Not checked here, because the schema decides.
    traits: (body['traits'] === undefined ? {} : body['traits']) as JsonObject,
    metadataPublic: body['metadata_public'] ?? null,
    metadataAdmin: body['metadata_admin'] ?? null,
    ...(externalId === '' ? {} : { externalId }),
  }
}

/** @returns undefined when none is given @throws DecodingError for what is no UUID */
export const organizationOf = (given: Json | undefined): string | undefined =>
  given === undefined || given === null ? undefined : ensureUuid(String(given))

/** @returns undefined when none is given @throws ApiError 400 for an unknown state */
function stateOf ({ state = '' }: JsonObject): Identity['state'] | undefined {
  if (state === '' || state === null) return undefined
  if (!isState(state)) throw badRequest('identity state is not valid')
  return state
}

export const isState = (state: Json | undefined): state is Identity['state'] =>
  state === 'active' || state === 'inactive'

/**
 * Checks traits against the schema and derives credentials and addresses.
 * @throws ApiError 400 with the text of Kratos' validator
 */
export function checkIdentity (kratos: Kratos, identity: Identity): void {
  const schema = kratos.schemas.named(identity.schemaId)
  try {
    validateIdentity(identity, schema, kratos.clock.now())
  } catch (error) {
    throw error instanceof FormError && error.problem !== undefined ? badRequest(problemText(error.problem)) : error
  }
}
