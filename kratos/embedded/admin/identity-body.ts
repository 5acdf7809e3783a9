import { ApiError, badRequest, notEmbedded } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { validateIdentity } from '../identity/extensions.js'
import { newIdentity, setCredential, type Identity, type VerifiableAddress } from '../identity/identity.js'
import { FormError } from '../identity/validation.js'
import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import { hashPassword } from '../methods/password/hashing.js'
import { newId } from '../random.js'

const KNOWN_FIELDS = ['schema_id', 'traits', 'credentials', 'metadata_public', 'metadata_admin', 'verifiable_addresses', 'recovery_addresses', 'state', 'organization_id', 'external_id']

/** A 400 with a message and nothing else, as Go's decoders give. */
const malformed = (message: string): ApiError => new ApiError({ code: 400, message })

/** The JSON object in the body of an admin request. @throws ApiError 400 */
export function adminBody (ex: Exchange, knownFields: string[]): JsonObject {
  if (ex.body.kind === 'too-large') throw malformed('http: request body too large')
  let body: unknown
  try {
    body = JSON.parse(ex.body.bytes.toString())
  } catch {
    throw malformed('unexpected EOF')
  }
  if (!isObject(body)) throw malformed('json: cannot unmarshal the body into an object')
  const unknown = Object.keys(body).find(key => !knownFields.includes(key))
  if (unknown !== undefined) throw malformed(`json: unknown field ${JSON.stringify(unknown)}`)
  return body
}

/** Schema violations, in the words of Kratos' validator as far as they matter (recording 80). */
export function validationProblem (error: unknown): unknown {
  return error instanceof FormError ? badRequest(error.messages.map(({ path, message }) => `I[#/${path.replaceAll('.', '/')}] ${message.text}`).join('\n')) : error
}

/** The identity that a create request describes, checked and with its password hashed; not stored. */
export async function identityFromBody (ex: Exchange): Promise<Identity> {
  const { kratos } = ex
  const body = adminBody(ex, KNOWN_FIELDS)
  const now = kratos.clock.now()
  const identity = newIdentity(kratos.schemas.get(String(body['schema_id'] ?? '')).id, now)
  identity.traits = asObject(body['traits'])
  identity.metadataPublic = body['metadata_public'] ?? null
  identity.metadataAdmin = body['metadata_admin'] ?? null
  identity.verifiableAddresses = givenAddresses(body['verifiable_addresses'], now)
  if (body['state'] === 'inactive') identity.state = 'inactive'
  if (typeof body['external_id'] === 'string' && body['external_id'] !== '') identity.externalId = body['external_id']
  await addCredentials(ex, identity, asObject(body['credentials']))
  try {
    validateIdentity(identity, kratos.schemas.get(identity.schemaId), now)
  } catch (error) {
    throw validationProblem(error)
  }
  return identity
}

function givenAddresses (given: Json | undefined, now: number): VerifiableAddress[] {
  return (Array.isArray(given) ? given.map(asObject) : []).map(address => ({
    id: newId(),
    value: String(address['value'] ?? ''),
    via: String(address['via'] ?? 'email'),
    verified: address['verified'] === true,
    status: address['status'] === 'completed' || address['status'] === 'sent' ? address['status'] : 'pending',
    ...(address['verified'] === true ? { verifiedAt: now } : {}),
    createdAt: now,
    updatedAt: now
  }))
}

async function addCredentials ({ kratos }: Exchange, identity: Identity, credentials: JsonObject): Promise<void> {
  for (const type of Object.keys(credentials)) {
    if (type !== 'password') throw notEmbedded(`Importing credentials of type ${type} is not built.`)
  }
  const config = asObject(asObject(credentials['password'])['config'])
  const hashed = config['hashed_password'] ?? (config['password'] === undefined ? undefined : await hashPassword(kratos, String(config['password'])))
  if (hashed !== undefined) setCredential(identity, 'password', { hashed_password: hashed }, kratos.clock.now())
}
