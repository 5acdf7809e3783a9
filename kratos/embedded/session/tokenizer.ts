import type { JWK } from 'jose'
import { durationMs } from '../clock.js'
import { badRequest, plainError } from '../http/errors.js'
import { asObject, isObject, valueAt, type JsonObject } from '../json.js'
import { evaluateMapper, JsonnetError } from '../jsonnet.js'
import type { Kratos } from '../kratos.js'
import { newId } from '../random.js'
import { readResource } from '../resources.js'
import { sessionJson } from './json.js'
import type { Session } from './session.js'

/** A JWT for a session, made with the template of this name (docs/kratos-facts.md, section 23). @throws ApiError */
export async function tokenized (kratos: Kratos, session: Session, name: string): Promise<string> {
  const template = asObject(asObject(kratos.config.session.whoami.tokenizer?.templates)[name])
  if (template['jwks_url'] === undefined) throw badRequest(`Unable to find tokenizer template ${JSON.stringify(name)}.`)
  const text = (key: string): string => typeof template[key] === 'string' ? template[key] : ''
  const key = await signingKey(kratos, text('jwks_url'))
  const now = Math.floor(kratos.clock.now() / 1000)
  const sub = subjectOf(session, text('subject_source'))
  const claims: JsonObject = {
    jti: newId(),
    iss: kratos.config.serve.public.base_url,
    exp: now + Math.floor(durationMs(text('ttl') || '1m') / 1000),
    sid: session.id,
    nbf: now,
    iat: now,
    sub,
  }
  const mapper = text('claims_mapper_url')
  const mapped = mapper === '' ? {} : await mappedClaims(kratos, session, mapper, claims)
  // Loaded with the first token, because most tests make none.
  const { SignJWT, importJWK } = await import('jose')
  return await new SignJWT({ ...claims, ...mapped, sub })
    .setProtectedHeader({ alg: String(key.alg), typ: 'JWT', ...(key.kid === undefined ? {} : { kid: key.kid }) })
    .sign(await importJWK(key))
}

function subjectOf ({ identityId, identity }: Session, source: string): string {
  if (source !== 'external_id') return identityId
  const { externalId } = identity
  if (externalId !== undefined && externalId !== null && externalId !== '') return externalId
  throw badRequest(
    "The session's identity does not have an external ID set, but it is required for the subject claim.",
  )
}

/** The first key of the set. */
async function signingKey ({ folder }: Kratos, address: string): Promise<JWK> {
  const set: unknown = JSON.parse(await readResource(address, folder).catch((error: unknown) => {
    throw plainError(error instanceof Error ? error.message : String(error))
  }))
  const keys = isObject(set) && Array.isArray(set['keys']) ? set['keys'] : []
  const [key] = keys
  if (!isObject(key)) throw badRequest('Could not find key a suitable key for tokenization in the JWKS url.')
  if (typeof key['alg'] !== 'string' || key['alg'] === '') {
    throw badRequest('The JSON Web Key must include a valid "alg" parameter but "" was given.')
  }
  return key as JWK
}

async function mappedClaims (
  kratos: Kratos,
  session: Session,
  mapper: string,
  claims: JsonObject,
): Promise<JsonObject> {
  try {
    const source = await readResource(mapper, kratos.folder)
    const result = await evaluateMapper(source, { session: sessionJson(kratos, session), claims })
    const mapped = valueAt(result, 'claims')
    if (isObject(mapped)) return mapped
  } catch (error) {
    if (error instanceof JsonnetError) throw badRequest('Unable to execute tokenizer JsonNet.', { debug: error.message })
    throw plainError(error instanceof Error ? error.message : String(error))
  }
  throw badRequest('Expected tokenizer JsonNet to return a claims object but it did not.')
}
