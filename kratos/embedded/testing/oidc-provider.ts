import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock, type Clock } from '../clock.js'
import type { JsonObject } from '../json.js'
import { newSecret } from '../random.js'
import { signInPage } from './oidc-page.js'
import { json, KEY_ID, type Claims, type Realm, type Reply } from './oidc-realm.js'
import { token } from './oidc-token.js'

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
