import { isObject, type Json } from '../../json.js'
import { absoluteUrl, anything, group, ignored, oneOf, read, text, unbuilt, type Rule } from '../rules.js'

const PROVIDER = 'selfservice.methods.oidc.config.providers[]'
const CLAIM = `${PROVIDER}.requested_claims.{userinfo,id_token}.*`

/** Providers that Kratos knows by name. The built-in provider, or the one at `issuer_url`, plays them. */
export const PLAYED = [
  'github',
  'gitlab',
  'google',
  'microsoft',
  'discord',
  'slack',
  'facebook',
  'auth0',
  'apple',
  'linkedin',
  'linkedin_v2',
]

const OTHERS = [
  'github-app',
  'salesforce',
  'vk',
  'yandex',
  'spotify',
  'netid',
  'dingtalk',
  'patreon',
  'line',
  'lark',
  'x',
  'fedcm-test',
  'amazon',
  'uaepass',
]

const APPLE_KEYS = ['apple_private_key_id', 'apple_private_key', 'apple_team_id']

function providerProblem (given: Json): string | undefined {
  const provider = isObject(given) ? given : {}
  const has = (name: string): boolean => Object.hasOwn(provider, name)
  const isFilled = (name: string): boolean => typeof provider[name] === 'string' && provider[name] !== ''
  const { provider: kind } = provider
  if ((kind === 'microsoft') !== has('microsoft_tenant')) {
    return kind === 'microsoft' ? 'lacks microsoft_tenant' : 'has microsoft_tenant, which only microsoft knows'
  }
  if (kind !== 'apple') {
    const stray = APPLE_KEYS.find(isFilled)
    if (stray !== undefined) return `has ${stray}, which only apple knows`
    return has('client_secret') ? undefined : 'lacks client_secret'
  }
  const missing = APPLE_KEYS.find((name) => !has(name))
  if (missing !== undefined) return `lacks ${missing}`
  return isFilled('client_secret') ? 'has client_secret, which apple does not know' : undefined
}

/** @returns why a provider is left out */
function unknownProvider (given: Json): string | undefined {
  const { provider: kind } = isObject(given) ? given : {}
  return typeof kind === 'string' && OTHERS.includes(kind) ? `the OpenID Connect provider ${kind}` : undefined
}

const PLAYED_DIFFERENTLY = 'named providers are played by an OpenID Connect provider for development'

export const PROVIDERS: Record<string, Rule> = {
  [PROVIDER]: group(['id', 'provider', 'client_id', 'mapper_url'], providerProblem, unknownProvider),
  [`${PROVIDER}.provider`]: read(oneOf('generic', ...PLAYED, ...OTHERS)),
  [`${PROVIDER}.{id,label,client_id,client_secret}`]: read(text),
  [`${PROVIDER}.issuer_url`]: read(absoluteUrl),
  [`${PROVIDER}.{auth_url,token_url}`]: ignored('a provider is asked where its endpoints are', absoluteUrl),
  [`${PROVIDER}.mapper_url`]: read(absoluteUrl),
  [`${PROVIDER}.scope[]`]: read(text),
  [CLAIM]: read(anything),
  // Kratos sends them as they are.
  [`${PROVIDER}.requested_claims.*`]: read(anything),
  [`${PROVIDER}.claims_source`]: read(oneOf('id_token', 'userinfo')),
  [`${PROVIDER}.pkce`]: read(oneOf('auto', 'never', 'force')),
  [`${PROVIDER}.microsoft_tenant`]: ignored(PLAYED_DIFFERENTLY, text),
  [`${PROVIDER}.subject_source`]: ignored(PLAYED_DIFFERENTLY, oneOf('userinfo', 'me', 'oid')),
  [`${PROVIDER}.{apple_team_id,apple_private_key_id,apple_private_key}`]: ignored(PLAYED_DIFFERENTLY, text),
  [`${PROVIDER}.net_id_token_origin_header`]: ignored(PLAYED_DIFFERENTLY, text),
  [`${PROVIDER}.additional_id_token_audiences[]`]: ignored('a provider for development takes no id_token', text),
  [`${PROVIDER}.organization_id`]: unbuilt('organizations', text, ''),
  [`${PROVIDER}.fedcm_config_url`]: ignored('it works in the Ory Network only', absoluteUrl),
  [`${PROVIDER}.account_linking_mode`]: ignored(
    'it works in the Ory Network only',
    oneOf('confirm_with_existing_credential', 'automatic'),
  ),
}
