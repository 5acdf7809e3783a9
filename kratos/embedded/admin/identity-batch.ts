import { json, type Answer } from '../http/answer.js'
import { ApiError, badRequest, errorObject, plainError } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { Identity } from '../identity/identity.js'
import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import { parseUuid } from '../random.js'
import { DuplicateError } from '../store/identities.js'
import { checkIdentity, CREATE_SHAPE, identityFrom } from './identity-body.js'
import { decoded, DecodingError, type Members } from './strict-body.js'

const LIMIT = 1000
const PASSWORD_LIMIT = 200
const SHAPE: Members = { identities: [{ patch_id: 'any', create: CREATE_SHAPE }] }

/** Creates many identities. A failing one does not stop the others (recording 80). */
export async function batchPatch (ex: Exchange): Promise<Answer> {
  const patches = patchesIn(ex)
  if (patches.length > LIMIT) {
    throw badRequest(`The maximum number of identities per request that can be created or deleted at once is ${LIMIT}.`)
  }
  const creations = patches.map(({ create }) => isObject(create) ? create : undefined)
  const withPassword = creations.filter(
    (body) => asObject(asObject(asObject(body?.['credentials'])['password'])['config'])['password'] !== undefined,
  )
  if (withPassword.length > PASSWORD_LIMIT) {
    throw badRequest(
      `The maximum number of identities per request that can be created with a plaintext password is ${PASSWORD_LIMIT}.`,
    )
  }
  const results = await Promise.all(
    creations.map(async (body) => (body === undefined ? null : await candidate(ex.kratos, body))),
  )
  const isOnlyOne = results.filter((result) => result !== null && 'identity' in result).length === 1
  const identities = results.map((result, index): Json => {
    const id = patches[index]?.['patch_id']
    return result === null
      ? null
      : { ...stored(ex.kratos, result, isOnlyOne), ...(id === undefined || id === null ? {} : { patch_id: id }) }
  })
  return json(200, { identities })
}

/** The patches of the request. @throws ApiError, a plain one with status 400, when the body cannot be read */
function patchesIn (ex: Exchange): JsonObject[] {
  try {
    const { identities } = decoded(ex, 'identity.BatchPatchIdentitiesBody', SHAPE, true)
    const patches = (Array.isArray(identities) ? identities : []).map(asObject)
    for (const { patch_id: id } of patches) {
      if (typeof id === 'string' && parseUuid(id) === undefined) {
        throw new DecodingError(`uuid: incorrect UUID length ${id.length} in string ${JSON.stringify(id)}`)
      }
    }
    return patches
  } catch (error) {
    throw error instanceof DecodingError ? plainError(error.message).with({ httpStatus: 400 }) : error
  }
}

type Candidate = { identity: Identity } | { error: ApiError }

async function candidate (kratos: Kratos, body: JsonObject): Promise<Candidate> {
  const identity = await identityFrom(kratos, body)
  try {
    checkIdentity(kratos, identity)
    return { identity }
  } catch (error) {
    if (error instanceof ApiError) return { error }
    throw error
  }
}

/** @throws ApiError 409 when the only valid identity of the request conflicts, because nothing succeeded then */
function stored (kratos: Kratos, result: Candidate, isOnlyOne: boolean): JsonObject {
  if ('error' in result) return { action: 'error', error: errorObject(result.error) }
  try {
    kratos.store.identities.create(result.identity, kratos.clock.now())
    return { action: 'create', identity: result.identity.id }
  } catch (error) {
    if (!(error instanceof DuplicateError)) throw error
    const taken = new ApiError({
      code: 409,
      message: 'Unable to insert or update resource because a resource with that value exists already',
    })
    if (isOnlyOne) throw taken
    return { action: 'error', error: errorObject(taken) }
  }
}
