import { firstJson } from '../go/json.js'
import { empty, json, type Answer } from '../http/answer.js'
import { ApiError, conflict, noRow } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { route, type Route } from '../http/router.js'
import type { Identity } from '../identity/identity.js'
import { schemaUrl } from '../identity/json.js'
import type { Kratos } from '../kratos.js'
import { NIL_UUID, parseUuid } from '../random.js'
import { DuplicateError } from '../store/identities.js'
import { batchPatch } from './identity-batch.js'
import { identityFromBody, replaceFromBody, replacementBody } from './identity-body.js'
import { deleteCredential } from './identity-credentials.js'
import { listIdentities } from './identity-list.js'
import { patchIdentity } from './identity-patch.js'
import { oneIdentity, writtenIdentity } from './identity-view.js'

/** @throws ApiError 404 for an unknown id and for a malformed one (docs/kratos-facts.md, section 18) */
export function identityById (ex: Exchange): Identity {
  const identity = ex.kratos.store.identities.get(parseUuid(ex.params['id']) ?? NIL_UUID)
  if (identity === undefined) throw noRow()
  return identity
}

const get = (ex: Exchange): Answer => oneIdentity(ex, identityById(ex))

function getByExternalId (ex: Exchange): Answer {
  const identity = ex.kratos.store.identities.byExternalId(ex.params['externalId'] ?? '')
  if (identity === undefined) throw noRow()
  return oneIdentity(ex, identity)
}

async function create (ex: Exchange): Promise<Answer> {
  const { kratos } = ex
  const identity = await identityFromBody(ex)
  try {
    kratos.store.identities.create(identity, kratos.clock.now())
  } catch (error) {
    throw error instanceof DuplicateError
      ? conflict('This identity conflicts with another identity that already exists.')
      : error
  }
  const location = `${kratos.config.serve.admin.base_url.replace(/(?<!\/)\/+$/, '')}/identities/${identity.id}`
  return json(201, writtenIdentity(kratos, identity, { credentials: {} }, isMetadataGiven(ex)), { Location: location })
}

/** Metadata in the request is shown in the answer, even null. */
const isMetadataGiven = ({ body }: Exchange): boolean =>
  body.kind === 'read' && Object.hasOwn(firstJson(body.bytes.toString()) ?? {}, 'metadata_admin')

/** Stores changes. @throws ApiError 409 when an identifier is already used */
export function storeIdentity ({ store, clock }: Kratos, identity: Identity): void {
  try {
    store.identities.update(identity, clock.now())
  } catch (error) {
    if (!(error instanceof DuplicateError)) throw error
    throw new ApiError({
      code: 409,
      message: 'Unable to insert or update resource because a resource with that value exists already',
    })
  }
}

async function replace (ex: Exchange): Promise<Answer> {
  const body = replacementBody(ex)
  const identity = identityById(ex)
  const { password, ...others } = identity.credentials
  const url = schemaUrl(ex.kratos, identity.schemaId)
  await replaceFromBody(ex, identity, body)
  // A password from this request has no times yet.
  const isKept = password !== undefined && identity.credentials['password']?.config === password.config
  storeIdentity(ex.kratos, identity)
  const before = { credentials: isKept ? { ...others, password } : others, schemaUrl: url }
  return json(200, writtenIdentity(ex.kratos, identity, before, isMetadataGiven(ex)))
}

function patch (ex: Exchange): Answer {
  const before = identityById(ex)
  const { identity, schemaUrl } = patchIdentity(ex, before)
  storeIdentity(ex.kratos, identity)
  return json(200, writtenIdentity(ex.kratos, identity, { credentials: before.credentials, schemaUrl }, true))
}

function remove (ex: Exchange): Answer {
  ex.kratos.store.identities.delete(identityById(ex).id)
  return empty(204)
}

function removeCredential (ex: Exchange): Answer {
  const identity = identityById(ex)
  deleteCredential(ex, identity)
  storeIdentity(ex.kratos, identity)
  return empty(204)
}

/** Identities in the admin API (recording 80). */
export const identityRoutes: Route[] = [
  route('GET', '/admin/identities', listIdentities),
  route('POST', '/admin/identities', create),
  route('PATCH', '/admin/identities', batchPatch),
  route('GET', '/admin/identities/by/external/{externalId}', getByExternalId),
  route('GET', '/admin/identities/{id}', get),
  route('PUT', '/admin/identities/{id}', replace),
  route('PATCH', '/admin/identities/{id}', patch),
  route('DELETE', '/admin/identities/{id}', remove),
  route('DELETE', '/admin/identities/{id}/credentials/{type}', removeCredential),
]
