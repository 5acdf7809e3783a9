import { PLAYED } from '../../config/keys/providers.js'
import { notFound } from '../../http/errors.js'
import { publicUrl } from '../../http/exchange.js'
import { asObject, isObject, type JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'

/** One entry of `selfservice.methods.oidc.config.providers`. */
export interface Provider {
  id: string
  label: string
  clientId: string
  clientSecret: string
  issuerUrl: string
  /** Address of the Jsonnet snippet that makes traits from claims. */
  mapperUrl: string
  scope: string[]
  requestedClaims: JsonObject
  claimsSource: 'id_token' | 'userinfo'
  pkce: 'auto' | 'never' | 'force'
}

function provider (given: JsonObject): Provider {
  const text = (name: string): string => typeof given[name] === 'string' ? given[name] : ''
  const scope = Array.isArray(given['scope']) ? given['scope'].map(String) : []
  const pkce = text('pkce')
  return {
    id: text('id'),
    label: text('label'),
    clientId: text('client_id'),
    clientSecret: text('client_secret'),
    issuerUrl: text('issuer_url'),
    mapperUrl: text('mapper_url'),
    scope: scope.includes('openid') ? scope : [...scope, 'openid'],
    requestedClaims: asObject(given['requested_claims']),
    claimsSource: text('claims_source') === 'userinfo' ? 'userinfo' : 'id_token',
    pkce: pkce === 'never' || pkce === 'force' ? pkce : 'auto',
  }
}

const settings = ({ config }: Kratos): JsonObject => config.selfservice.methods['oidc']?.config ?? {}

export function providers (kratos: Kratos): Provider[] {
  const { providers: given } = settings(kratos)
  // The others are left out; they were mentioned at start.
  const isBuilt = ({ provider: kind }: JsonObject): boolean => kind === 'generic' || PLAYED.includes(String(kind))
  return (Array.isArray(given) ? given : []).filter(isObject).filter(isBuilt).map(provider)
}

/** @throws ApiError 404 */
export function providerById (kratos: Kratos, id: string): Provider {
  const found = providers(kratos).find((provider) => provider.id === id)
  if (found === undefined) throw notFound(`OpenID Connect Provider "${id}" is unknown or has not been configured`)
  return found
}

/** The text on a provider's button. */
export const labelOf = ({ id, label }: Provider): string => label === '' ? id : label

const CALLBACK = '/self-service/methods/oidc/callback'

/** Where the provider sends the browser back to. With forced PKCE it is one address for all providers. */
export function callbackUrl (kratos: Kratos, { id, pkce }: Provider): string {
  const { base_redirect_uri: base } = settings(kratos)
  const path = pkce === 'force' ? CALLBACK : `${CALLBACK}/${id}`
  return typeof base === 'string' && base !== '' ? `${base.replace(/(?<!\/)\/+$/, '')}${path}` : publicUrl(kratos, path)
}
