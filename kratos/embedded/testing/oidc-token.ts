import { createHash, sign, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { JsonObject } from '../json.js'
import { newSecret } from '../random.js'
import { json, KEY_ID, type Grant, type Realm, type Reply } from './oidc-realm.js'

const TOKEN_SECONDS = 3600

/** Redeems a code, once. */
export function token (
  { client, clock, grants, issuer, keys, people }: Realm,
  form: URLSearchParams,
  authorization: string,
): Reply {
  if (!isClient(client, form, authorization)) return json(401, { error: 'invalid_client' })
  const code = form.get('code') ?? ''
  const grant = grants.get(code)
  grants.delete(code)
  if (grant === undefined || grant.redirectUri !== form.get('redirect_uri') || !isChallengeMet(grant, form)) {
    return json(400, { error: 'invalid_grant' })
  }
  const access = newSecret(32)
  people.set(access, grant.claims)
  const now = Math.floor(clock.now() / 1000)
  const claims = {
    iss: issuer,
    aud: client.id,
    iat: now,
    exp: now + TOKEN_SECONDS,
    ...(grant.nonce === null ? {} : { nonce: grant.nonce }),
    ...grant.claims,
  }
  return json(200, {
    access_token: access,
    token_type: 'Bearer',
    expires_in: TOKEN_SECONDS,
    id_token: jwt(keys.privateKey, claims),
  })
}

function jwt (key: KeyObject, claims: JsonObject): string {
  const input = [{ alg: 'ES256', typ: 'JWT', kid: KEY_ID }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** The client's credentials are in a header or in the form (RFC 6749, section 2.3.1). */
function isClient (client: { id: string, secret: string }, form: URLSearchParams, authorization: string): boolean {
  const [id = '', secret = ''] = authorization.startsWith('Basic ')
    ? Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':').map(decodeURIComponent)
    : [form.get('client_id') ?? '', form.get('client_secret') ?? '']
  const [sent, wanted] = [`${id}:${secret}`, `${client.id}:${client.secret}`].map((value) =>
    createHash('sha256').update(value).digest(),
  ) as [Buffer, Buffer]
  return timingSafeEqual(sent, wanted)
}

/** Checks the proof key (RFC 7636), if the authorization request had one. */
const isChallengeMet = ({ challenge }: Grant, form: URLSearchParams): boolean =>
  challenge === null || createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url') === challenge
