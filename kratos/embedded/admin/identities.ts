import { empty, json, type Answer } from '../http/answer.js'
import { ApiError, noRow } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { route, type Route } from '../http/router.js'
import { adminIdentityJson, type Identity } from '../identity/identity.js'
import { parseUuid } from '../random.js'
import { DuplicateError } from '../store/identities.js'
import { identityFromBody } from './identity-body.js'
import { listIdentities } from './identity-list.js'

/** @throws ApiError 404 for an unknown id and for what is no id (facts 18) */
export function identityById (ex: Exchange): Identity {
  const id = parseUuid(ex.params['id'])
  const identity = id === undefined ? undefined : ex.kratos.store.identities.get(id)
  if (identity === undefined) throw noRow()
  return identity
}

const get = (ex: Exchange): Answer =>
  json(200, adminIdentityJson(ex.kratos, identityById(ex), { credentials: true, configOf: ex.query.getAll('include_credential') }))

async function create (ex: Exchange): Promise<Answer> {
  const { kratos } = ex
  const identity = await identityFromBody(ex)
  try {
    kratos.store.identities.create(identity, kratos.clock.now())
  } catch (error) {
    if (!(error instanceof DuplicateError)) throw error
    throw new ApiError({ code: 409, message: 'The resource could not be created due to a conflict', reason: 'This identity conflicts with another identity that already exists.' })
  }
  const location = `${kratos.config.serve.admin.base_url.replace(/\/+$/, '')}/identities/${identity.id}`
  return json(201, adminIdentityJson(kratos, identity, { credentials: true, isNew: true }), { Location: location })
}

function remove (ex: Exchange): Answer {
  ex.kratos.store.identities.delete(identityById(ex).id)
  return empty(204)
}

/** Identities as an operator sees them (recording 80). */
export const identityRoutes: Route[] = [
  route('GET', '/admin/identities', listIdentities),
  route('POST', '/admin/identities', create),
  route('GET', '/admin/identities/{id}', get),
  route('DELETE', '/admin/identities/{id}', remove)
]
