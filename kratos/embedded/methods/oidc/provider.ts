import { createHash } from 'node:crypto'
import { ApiError, badRequest, misconfigured, plainError } from '../../http/errors.js'
import { attempt } from '../../http/outgoing.js'
import { asObject, type Json, type JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import { newKey } from '../../random.js'
import { callbackUrl, type Provider } from './config.js'
import type { ProviderTokens } from './credential.js'
import { verifiedClaims } from './id-token.js'

/** The provider's metadata (OpenID Connect Discovery 1.0). */
interface Discovery {
  authorizationEndpoint: string
  tokenEndpoint: string
  userinfoEndpoint: string
  jwksUri: string
  canPkce: boolean
}

interface Answer {
  status: number
  body: unknown
}

async function call (
  kratos: Kratos,
  url: string,
  options: { headers?: Record<string, string>, form?: URLSearchParams } = {},
): Promise<Answer> {
  const { headers = {}, form } = options
  const body = form?.toString() ?? ''
  const type = form === undefined
    ? {}
    : { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': String(Buffer.byteLength(body)) }
  const outcome = await attempt(
    {
      url,
      method: form === undefined ? 'GET' : 'POST',
      headers: { 'User-Agent': 'Go-http-client/1.1', ...type, ...headers },
      body,
      readsAnswer: true,
    },
    kratos.clock,
    kratos.closing,
  )
  if (outcome.kind === 'failed') throw plainError(outcome.reason)
  try {
    return { status: outcome.status, body: JSON.parse(outcome.body.toString()) }
  } catch {
    return { status: outcome.status, body: undefined }
  }
}

/** @throws ApiError 500 when the provider is unreachable or has another issuer */
async function discover (kratos: Kratos, { issuerUrl }: Provider): Promise<Discovery> {
  const unusable = (why: string): ApiError => misconfigured(`Unable to initialize OpenID Connect Provider: ${why}`)
  const { status, body } = await call(kratos, `${issuerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`)
    .catch((error) => {
      throw error instanceof ApiError ? unusable(error.fields.message) : error
    })
  if (status !== 200) throw unusable(`${status}: ${JSON.stringify(body)}`)
  const found = asObject(body)
  const text = (name: string): string => String(found[name] ?? '')
  if (found['issuer'] !== issuerUrl) {
    const [asked, answered] = [`provided to client ("${issuerUrl}")`, `returned by provider ("${text('issuer')}")`]
    throw unusable(`oidc: issuer URL ${asked} did not match the issuer URL ${answered}`)
  }
  const { code_challenge_methods_supported: challenges } = found
  return {
    authorizationEndpoint: text('authorization_endpoint'),
    tokenEndpoint: text('token_endpoint'),
    userinfoEndpoint: text('userinfo_endpoint'),
    jwksUri: text('jwks_uri'),
    canPkce: Array.isArray(challenges) && challenges.includes('S256'),
  }
}

/** A PKCE verifier (RFC 7636) if it is configured or the provider supports it, otherwise empty. */
export async function pkceVerifier (kratos: Kratos, provider: Provider): Promise<string> {
  if (provider.pkce === 'never') return ''
  // An unreachable provider is reported by `authorizationUrl`.
  const isWanted = provider.pkce === 'force' ||
    (await discover(kratos, provider).then(
      ({ canPkce }) => canPkce,
      () => false,
    ))
  return isWanted ? newKey(32).toString('base64url') : ''
}

export interface Departure {
  state: string
  verifier: string
  isForced: boolean
  upstream: JsonObject
}

const UPSTREAM_PARAMETERS = ['login_hint', 'hd', 'prompt', 'auth_type', 'acr_values']

/** The URL for signing in with the provider; parameters are sorted by name. */
export async function authorizationUrl (
  kratos: Kratos,
  provider: Provider,
  { state, verifier, isForced, upstream }: Departure,
): Promise<string> {
  const { authorizationEndpoint } = await discover(kratos, provider)
  const url = new URL(authorizationEndpoint)
  const parameters: Record<string, string> = {
    client_id: provider.clientId,
    redirect_uri: callbackUrl(kratos, provider),
    response_type: 'code',
    scope: provider.scope.join(' '),
    state,
    ...(verifier === ''
      ? {}
      : { code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' }),
    ...(isForced ? { prompt: 'login' } : {}),
    ...(Object.keys(provider.requestedClaims).length === 0 ? {} : { claims: JSON.stringify(provider.requestedClaims) }),
    ...Object.fromEntries(
      UPSTREAM_PARAMETERS.flatMap((name) => (typeof upstream[name] === 'string' ? [[name, upstream[name]]] : [])),
    ),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  url.searchParams.sort()
  return url.toString()
}

/** The claims that a code was redeemed for; `iss` is the issuer of the ID token. */
export interface Redeemed {
  claims: JsonObject
  iss: Json
  tokens: ProviderTokens
}

/** @throws ApiError when the code is refused or the claims cannot be trusted */
export async function redeemCode (
  kratos: Kratos,
  provider: Provider,
  code: string,
  verifier: string,
): Promise<Redeemed> {
  const discovery = await discover(kratos, provider)
  const answer = await tokensFor(kratos, provider, discovery, code, verifier)
  const { id_token: idToken = '', access_token: accessToken = '', refresh_token: refreshToken = '' } = asObject(answer)
  if (idToken === '') {
    throw badRequest(
      'Authentication failed because no id_token was returned. Please accept the "openid" permission and try again.',
      { message: 'authentication failed because id_token is missing' },
    )
  }
  const tokens = { idToken: String(idToken), accessToken: String(accessToken), refreshToken: String(refreshToken) }
  const { body: keys } = await call(kratos, discovery.jwksUri)
  const claims = verifiedClaims(tokens.idToken, {
    issuer: provider.issuerUrl,
    clientId: provider.clientId,
    keys,
    nowMs: kratos.clock.now(),
  })
  return {
    claims: provider.claimsSource === 'userinfo' ? await userinfo(kratos, discovery, tokens, claims) : claims,
    iss: claims['iss'] ?? '',
    tokens,
  }
}

/** As Go's client, sends the client's credentials in a header first and, if refused, in the form. */
async function tokensFor (
  kratos: Kratos,
  provider: Provider,
  { tokenEndpoint }: Discovery,
  code: string,
  verifier: string,
): Promise<unknown> {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: callbackUrl(kratos, provider),
    ...(verifier === '' ? {} : { code_verifier: verifier }),
  })
  const name = [provider.clientId, provider.clientSecret].map(encodeURIComponent).join(':')
  const first = await call(kratos, tokenEndpoint, {
    form,
    headers: { Authorization: `Basic ${Buffer.from(name).toString('base64')}` },
  })
  if (first.status < 300) return first.body
  form.set('client_id', provider.clientId)
  form.set('client_secret', provider.clientSecret)
  const second = await call(kratos, tokenEndpoint, { form })
  if (second.status < 300) return second.body
  throw plainError(
    `oauth2: ${JSON.stringify(asObject(second.body)['error'] ?? `cannot fetch token: ${second.status}`)}`,
  )
}

/** Claims from the userinfo endpoint, which must have the subject of the ID token. */
async function userinfo (
  kratos: Kratos,
  { userinfoEndpoint }: Discovery,
  { accessToken }: ProviderTokens,
  idClaims: JsonObject,
): Promise<JsonObject> {
  const { status, body } = await call(kratos, userinfoEndpoint, { headers: { Authorization: `Bearer ${accessToken}` } })
  if (status !== 200) throw plainError(`${status}: ${JSON.stringify(body)}`)
  const claims = asObject(body)
  if (claims['sub'] !== idClaims['sub']) {
    throw badRequest('sub (Subject) claim mismatch between ID token and UserInfo endpoint')
  }
  return claims
}
