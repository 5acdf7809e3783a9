import { isObject } from '../json.js'
import {
  absoluteUrl,
  address,
  boolean,
  booleanText,
  duration,
  group,
  ignored,
  integer,
  oneOf,
  read,
  secret,
  text,
  unbuilt,
  uri,
  url,
  type Check,
  type Rule,
} from './rules.js'

const NOT_READ = 'Kratos v26.2.0 does not read it either'

/** Kratos refuses both combinations: an ignored response cannot be read. */
const consistentWebHook: Check = (config) => {
  const { response, can_interrupt: canInterrupt } = isObject(config) ? config : {}
  const { ignore, parse } = isObject(response) ? response : {}
  return ignore === true && (parse === true || canInterrupt === true)
    ? 'ignores the response and wants to read it'
    : undefined
}

/** Keys are made for a relying party, so that it must be given. */
const completeKeys: Check = (method) =>
  isObject(method) && method['enabled'] === true && method['config'] === undefined ? 'lacks config' : undefined

/** Kratos checks the icon, although it does not use it any more. */
const fittingParty: Check = (party) => {
  const { origin, origins, icon } = isObject(party) ? party : {}
  if (origin !== undefined && origins !== undefined) return 'has both origin and origins'
  return icon !== undefined && uri(icon) !== undefined ? 'has an icon that is no URL' : undefined
}

const AUTH_NEEDS: Record<string, string[]> = { api_key: ['name', 'value', 'in'], basic_auth: ['user', 'password'] }

/** Kratos may get keys from its environment. The embedded server does not, so they must be in the file. */
const completeAuth: Check = (auth) => {
  const { type, config } = isObject(auth) ? auth : {}
  const missing = (AUTH_NEEDS[String(type)] ?? []).filter((name) => !isObject(config) || !Object.hasOwn(config, name))
  return missing.length === 0 ? undefined : `needs config.${missing.join(' and config.')}`
}

const complete: Check = (hook) =>
  isObject(hook) && hook['hook'] === 'web_hook' && hook['config'] === undefined ? 'lacks config' : undefined

/** The hooks that Kratos allows in one place, with their settings. */
const hooks = (place: string, ...names: string[]): Record<string, Rule> => ({
  [`${place}.hooks[]`]: group(['hook'], complete),
  [`${place}.hooks[].hook`]: read(oneOf(...names)),
  [`${place}.hooks[].config`]: group(['url', 'method'], consistentWebHook),
  [`${place}.hooks[].config.id`]: ignored('it only names the hook in the log'),
  [`${place}.hooks[].config.url`]: read(absoluteUrl),
  [`${place}.hooks[].config.method`]: read(text),
  [`${place}.hooks[].config.headers.*`]: read(text),
  [`${place}.hooks[].config.body`]: read(address),
  [`${place}.hooks[].config.{can_interrupt,emit_analytics_event}`]: read(boolean),
  [`${place}.hooks[].config.response.{ignore,parse}`]: read(boolean),
  [`${place}.hooks[].config.auth`]: group(['type', 'config'], completeAuth),
  [`${place}.hooks[].config.auth.type`]: read(oneOf('api_key', 'basic_auth')),
  [`${place}.hooks[].config.auth.config.{name,value,user,password}`]: read(text),
  [`${place}.hooks[].config.auth.config.in`]: read(oneOf('header', 'cookie')),
})

const LOGIN_HOOKS = [
  'web_hook',
  'revoke_active_sessions',
  'require_verified_address',
  'verification',
  'show_verification_ui',
]

const FLOWS: Record<string, Rule> = {
  'selfservice.flows.error.ui_url': read(url),
  'selfservice.flows.logout.after.default_browser_return_url': read(url),
  'selfservice.flows.{registration,login,settings,recovery,verification}.ui_url': read(url),
  'selfservice.flows.{registration,login,settings,recovery,verification}.lifespan': read(duration),
  'selfservice.flows.{registration,login,settings,recovery,verification}.after.default_browser_return_url': read(url),
  'selfservice.flows.registration.after.{password,code,oidc,passkey,webauthn}.default_browser_return_url': read(url),
  'selfservice.flows.login.after.{password,code,oidc,passkey,webauthn,totp,lookup_secret}.default_browser_return_url':
    read(url),
  'selfservice.flows.settings.after.{profile,password,oidc,passkey}.default_browser_return_url': read(url),
  'selfservice.flows.settings.after.{webauthn,totp,lookup_secret}.default_browser_return_url': read(url),
  'selfservice.flows.{registration,recovery,verification}.enabled': read(boolean),
  'selfservice.flows.{recovery,verification}.use': read(oneOf('code', 'link')),
  'selfservice.flows.{recovery,verification}.notify_unknown_recipients': read(boolean),
  'selfservice.flows.registration.style': read(oneOf('unified', 'profile_first')),
  'selfservice.flows.registration.enable_legacy_one_step': read(boolean),
  'selfservice.flows.registration.login_hints': unbuilt('login hints for a taken identifier', false),
  'selfservice.flows.login.style': read(oneOf('unified', 'identifier_first')),
  'selfservice.flows.settings.privileged_session_max_age': read(duration),
  'selfservice.flows.settings.required_aal': read(oneOf('aal1', 'highest_available')),
  ...hooks('selfservice.flows.{registration,login,settings,recovery,verification}.before', 'web_hook'),
  ...hooks('selfservice.flows.{registration,settings,verification}.after', 'web_hook'),
  ...hooks(
    'selfservice.flows.registration.after.{password,code,oidc,passkey,webauthn}',
    'session',
    'web_hook',
    'show_verification_ui',
  ),
  ...hooks('selfservice.flows.login.after', ...LOGIN_HOOKS),
  ...hooks('selfservice.flows.login.after.{password,code,passkey,webauthn,totp,lookup_secret}', ...LOGIN_HOOKS),
  ...hooks('selfservice.flows.login.after.oidc', 'web_hook', 'revoke_active_sessions', 'require_verified_address'),
  ...hooks(
    'selfservice.flows.settings.after.{password,oidc,passkey,webauthn,totp,lookup_secret}',
    'web_hook',
    'revoke_active_sessions',
  ),
  ...hooks('selfservice.flows.settings.after.profile', 'web_hook', 'show_verification_ui'),
  ...hooks('selfservice.flows.recovery.after', 'web_hook', 'revoke_active_sessions'),
}

const PROVIDER = 'selfservice.methods.oidc.config.providers[]'
const OTHER_PROVIDERS = 'settings of other OpenID Connect providers than generic'

const METHODS: Record<string, Rule> = {
  'selfservice.methods.{profile,password,code,link,totp,lookup_secret,oidc}.enabled': read(boolean),
  'selfservice.methods.password.config.min_password_length': read(integer(6, 10_000)),
  'selfservice.methods.password.config.identifier_similarity_check_enabled': read(boolean),
  'selfservice.methods.password.config.{haveibeenpwned_enabled,ignore_network_errors}': read(boolean),
  'selfservice.methods.password.config.haveibeenpwned_host': read(text),
  'selfservice.methods.password.config.max_breaches': read(integer(0, 100)),
  'selfservice.methods.password.config.migrate_hook.enabled': unbuilt('the migration of passwords by a hook', false),
  'selfservice.methods.password.config.migrate_hook.config': ignored('the hook is off'),
  'selfservice.methods.code.{passwordless_enabled,mfa_enabled}': read(boolean),
  'selfservice.methods.code.config.lifespan': read(duration),
  'selfservice.methods.code.config.max_submissions': read(integer(1, 255)),
  'selfservice.methods.code.config.missing_credential_fallback_enabled': read(boolean),
  'selfservice.methods.link.config.lifespan': read(duration),
  'selfservice.methods.link.config.base_url': ignored(NOT_READ),
  'selfservice.methods.totp.config.issuer': read(text),
  'selfservice.methods.{webauthn,passkey}': group([], completeKeys),
  'selfservice.methods.{webauthn,passkey}.enabled': read(boolean),
  'selfservice.methods.webauthn.config.passwordless': read(boolean),
  'selfservice.methods.passkey.config.rp': group(['id', 'display_name']),
  'selfservice.methods.{webauthn,passkey}.config.rp.{id,display_name}': read(text),
  'selfservice.methods.webauthn.config.rp': group(['id', 'display_name'], fittingParty),
  'selfservice.methods.webauthn.config.rp.origin': read(uri),
  'selfservice.methods.webauthn.config.rp.icon': ignored(NOT_READ),
  'selfservice.methods.webauthn.config.rp.origins[]': read(uri),
  'selfservice.methods.passkey.config.rp.origins[]': read(text),
  'selfservice.methods.{webauthn,passkey}.config.rp.*': ignored(NOT_READ),
  'selfservice.methods.b2b': unbuilt('organizations'),
  'selfservice.methods.oidc.config.base_redirect_uri': read(absoluteUrl),
  [PROVIDER]: group(['id', 'provider', 'client_id', 'client_secret', 'mapper_url']),
  [`${PROVIDER}.provider`]: read(oneOf('generic')),
  [`${PROVIDER}.{id,label,client_id,client_secret}`]: read(text),
  [`${PROVIDER}.issuer_url`]: read(absoluteUrl),
  [`${PROVIDER}.{auth_url,token_url}`]: ignored('a generic provider is asked where its endpoints are'),
  [`${PROVIDER}.mapper_url`]: read(address),
  [`${PROVIDER}.scope[]`]: read(text),
  [`${PROVIDER}.requested_claims.{userinfo,id_token}.*`]: read(() => undefined),
  [`${PROVIDER}.claims_source`]: read(oneOf('id_token', 'userinfo')),
  [`${PROVIDER}.pkce`]: read(oneOf('auto', 'never', 'force')),
  [`${PROVIDER}.{microsoft_tenant,subject_source,net_id_token_origin_header}`]: unbuilt(OTHER_PROVIDERS, ''),
  [`${PROVIDER}.{apple_team_id,apple_private_key_id,apple_private_key}`]: unbuilt(OTHER_PROVIDERS, ''),
  [`${PROVIDER}.additional_id_token_audiences`]: ignored('a generic provider takes no id_token'),
  [`${PROVIDER}.{organization_id,fedcm_config_url,account_linking_mode}`]: ignored('it works in the Ory Network only'),
}

const SESSIONS: Record<string, Rule> = {
  'session.{lifespan,earliest_possible_extend}': read(duration),
  'session.whoami.required_aal': read(oneOf('aal1', 'highest_available')),
  'session.whoami.tokenizer': unbuilt('sessions as JWT (tokenize_as)'),
  'session.cookie.{name,domain,path}': read(text),
  'session.cookie.persistent': read(boolean),
  '{session.cookie,cookies}.secure': read(booleanText),
  '{session.cookie,cookies}.same_site': read(oneOf('Strict', 'Lax', 'None')),
  'cookies.{domain,path}': read(text),
  'secrets.{default,cookie,pagination}[]': read(secret(16)),
  'secrets.cipher[]': read(secret(32, 32)),
  'security.account_enumeration.mitigate': read(boolean),
  'feature_flags.{cacheable_sessions,use_continue_with_transitions}': read(boolean),
  'feature_flags.legacy_continue_with_verification_ui': read(boolean),
  'feature_flags.choose_recovery_address': unbuilt('recovery by a choice of addresses', false),
  'feature_flags.{legacy_require_verified_login_error,faster_session_extend,legacy_oidc_registration_node_group}': read(
    boolean,
  ),
  'feature_flags.cacheable_sessions_max_age': read(duration),
  'feature_flags.password_profile_registration_node_group': ignored(NOT_READ),
}

const SERVER: Record<string, Rule> = {
  version: read(text),
  dev: read(boolean),
  dsn: ignored('the database is chosen at the start'),
  'serve.{public,admin}.base_url': read(absoluteUrl),
  // Used by the command `embedded-kratos`; in a test the port is any free one.
  'serve.{public,admin}.port': read(integer(1, 65_535)),
  'serve.{public,admin}.{host,socket}': ignored('the embedded server listens on 127.0.0.1 unless told otherwise'),
  'serve.{public,admin}.tls': ignored('the embedded server speaks plain HTTP'),
  'serve.{public,admin}.request_log': ignored('requests are not logged'),
  'serve.public.cors.{enabled,allow_credentials,options_passthrough}': read(boolean),
  'serve.public.cors.{allowed_origins,allowed_methods,allowed_headers,exposed_headers}[]': read(text),
  'serve.public.cors.max_age': read(integer(0, 2 ** 31)),
  'serve.public.cors.debug': ignored('it only logs'),
  'clients.http.disallow_private_ip_ranges': unbuilt('the ban on private addresses', false),
  'clients.http.private_ip_exception_urls': ignored('no address is banned'),
  'clients.web_hook.header_allowlist[]': read(text),
  'oauth2_provider.url': unbuilt('OAuth2 logins for Ory Hydra'),
  'oauth2_provider.headers': unbuilt('OAuth2 logins for Ory Hydra'),
  'oauth2_provider.override_return_to': unbuilt('OAuth2 logins for Ory Hydra', false),
  organizations: unbuilt('organizations', []),
  enterprise: unbuilt('the enterprise edition'),
  'hashers.algorithm': read(oneOf('bcrypt', 'argon2')),
  'hashers.bcrypt.cost': read(integer(4, 31)),
  'hashers.argon2': ignored('only bcrypt is used'),
  'ciphers.algorithm': ignored('the development database is not encrypted'),
  'courier.{template_override_path,templates}': unbuilt('mail texts of your own', ''),
  'courier.{smtp,http,channels,delivery_strategy,message_retries,worker}': ignored(
    'nothing is delivered; messages stay at the admin API and in the log',
  ),
  'database.cleanup': ignored('nothing is cleaned up'),
  'preview.default_read_consistency_level': ignored('there is one database'),
  '{log,tracing}': ignored('there is one log'),
  '{sqa-opt-out,expose-metrics-port,watch-courier,help,config,revision}': ignored(
    'it steers the process of a real Kratos',
  ),
}

/**
 * Every setting of Kratos v26.2.0 and what happens to it. `{a,b}` means each name, `*` any name, `[]` the items of a
 * list. A path also covers everything below it, unless that has its own row. A setting without a row is refused as
 * unknown.
 */
export const KEYS: Record<string, Rule> = {
  ...SERVER,
  ...SESSIONS,
  ...FLOWS,
  ...METHODS,
  '': group(['identity', 'selfservice']),
  selfservice: group(['default_browser_return_url']),
  'selfservice.default_browser_return_url': read(url),
  'selfservice.allowed_return_urls[]': read(url),
  identity: group(['schemas']),
  'identity.default_schema_id': read(text),
  'identity.schemas[]': group(['id', 'url']),
  'identity.schemas[].id': read(text),
  'identity.schemas[].url': read(address),
  'identity.schemas[].selfservice_selectable': unbuilt('the choice of an identity schema by the client', false),
}
