import {
  createHash,
  generateKeyPairSync,
  sign,
  timingSafeEqual,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock, type Clock } from '../clock.js'
import type { Json, JsonObject } from '../json.js'
import { newSecret } from '../random.js'
import { signInPage } from './oidc-page.js'

/** Who signs in: `sub` and other claims, such as `email`. */
export type Claims = JsonObject & { sub: string }

/** An OpenID Connect provider for tests: no passwords, one client. */
export interface OidcProvider {
  issuer: string
  /** Its entry for `selfservice.methods.oidc.config.providers`; the mapper passes on `email` as a trait. */
  config: JsonObject
  /** From now on, every visitor of the authorize page is this person and returns at once. */
  signInAs(claims: Claims): void
  /** From now on, every visitor declines and returns with `access_denied`. */
  refuse(): void
  /** From now on, the page asks who the visitor is. This is the default. */
  ask(): void
  close(): Promise<void>
}

export interface OidcProviderOptions {
  /** Provider id in Kratos; default `dummy`. */
  id?: string
  /** Text on the button; default `Dummy`. */
  label?: string
  clock?: Clock
  host?: string
  port?: number
}

const MAPPER =
  "local claims = std.extVar('claims'); { identity: { traits: { [if 'email' in claims then 'email']: claims.email } } }"
const TOKEN_SECONDS = 3600
const KEY_ID = 'key-1'

/** What a code stands for until it is redeemed. */
interface Grant {
  claims: Claims
  redirectUri: string
  nonce: string | null
  challenge: string | null
}

interface Reply {
  status: number
  headers?: Record<string, string>
  body: string
}

const json = (status: number, body: Json): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  body: JSON.stringify(body),
})

/** What the endpoints share. */
interface Realm {
  issuer: string
  clock: Clock
  client: { id: string, secret: string }
  keys: KeyPairKeyObjectResult
  /** By code. */
  grants: Map<string, Grant>
  /** By access token. */
  people: Map<string, Claims>
  /** Who visits the authorize page; undefined: the page asks. */
  visitor: Claims | 'refuses' | undefined
}

/** Starts a provider, by default on a free port. */
export async function startOidcProvider (options: OidcProviderOptions = {}): Promise<OidcProvider> {
  const { id = 'dummy', label = 'Dummy', clock = systemClock, host = '127.0.0.1', port = 0 } = options
  const realm: Realm = {
    issuer: '',
    clock,
    client: { id: 'embedded-kratos', secret: newSecret(32) },
    // ES256, because making an RSA key takes longer than the whole start.
    keys: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    grants: new Map(),
    people: new Map(),
    visitor: undefined,
  }
  const server = createServer((request, response) => {
    reply(realm, request).then(
      ({ status, headers, body }) => response.writeHead(status, headers).end(body),
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  realm.issuer = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`
  return {
    issuer: realm.issuer,
    config: kratosConfig(realm, id, label),
    signInAs: (claims) => {
      realm.visitor = claims
    },
    refuse: () => {
      realm.visitor = 'refuses'
    },
    ask: () => {
      realm.visitor = undefined
    },
    close: async () =>
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const kratosConfig = ({ issuer, client }: Realm, id: string, label: string): JsonObject => ({
  id,
  label,
  provider: 'generic',
  client_id: client.id,
  client_secret: client.secret,
  issuer_url: issuer,
  scope: ['openid', 'email'],
  mapper_url: `base64://${Buffer.from(MAPPER).toString('base64')}`,
})

async function reply (realm: Realm, request: IncomingMessage): Promise<Reply> {
  const { pathname, searchParams } = new URL(request.url ?? '/', realm.issuer)
  const { authorization = '' } = request.headers
  switch (`${request.method ?? ''} ${pathname}`) {
    case 'GET /.well-known/openid-configuration':
      return json(200, discovery(realm.issuer))
    case 'GET /jwks':
      return json(200, {
        keys: [
          { ...(realm.keys.publicKey.export({ format: 'jwk' }) as JsonObject), kid: KEY_ID, use: 'sig', alg: 'ES256' },
        ],
      })
    case 'GET /authorize':
      return authorize(realm, searchParams)
    case 'POST /token':
      return token(realm, new URLSearchParams(await text(request)), authorization)
    case 'GET /userinfo':
      return userinfo(realm, authorization)
    default:
      return json(404, { error: 'not_found' })
  }
}

/** Sends the browser back with a code or a refusal, or asks who the visitor is. */
function authorize ({ client, visitor, grants }: Realm, query: URLSearchParams): Reply {
  const redirectUri = query.get('redirect_uri') ?? ''
  if (query.get('client_id') !== client.id || !URL.canParse(redirectUri)) {
    return { status: 400, body: 'unknown client or redirect_uri' }
  }
  const claims = typedIn(query) ?? visitor
  if (claims === undefined) {
    return { status: 200, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: signInPage(query) }
  }
  const target = new URL(redirectUri)
  target.searchParams.set('state', query.get('state') ?? '')
  if (claims === 'refuses') {
    target.searchParams.set('error', 'access_denied')
    target.searchParams.set('error_description', 'The user refused')
  } else {
    const code = newSecret(32)
    grants.set(code, { claims, redirectUri, nonce: query.get('nonce'), challenge: query.get('code_challenge') })
    target.searchParams.set('code', code)
  }
  return { status: 303, headers: { Location: target.toString() }, body: '' }
}

/** The visitor from the page's form. */
function typedIn (query: URLSearchParams): Claims | undefined {
  const [sub, email] = [query.get('sub') ?? '', query.get('email') ?? '']
  if (sub === '') return undefined
  return email === '' ? { sub } : { sub, email, email_verified: true }
}

function token (
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

function userinfo ({ people }: Realm, authorization: string): Reply {
  const person = people.get(authorization.replace(/^Bearer /i, ''))
  return person === undefined ? json(401, { error: 'invalid_token' }) : json(200, person)
}

const discovery = (issuer: string): JsonObject => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
  code_challenge_methods_supported: ['S256'],
})

async function text (request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
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
