import { isObject, type Json } from '../../json.js'
import {
  absoluteUrl,
  address,
  anything,
  boolean,
  duration,
  group,
  hostName,
  ignored,
  integer,
  oneOf,
  read,
  text,
  unbuilt,
  type Rule,
} from '../rules.js'
import { PROVIDERS } from './providers.js'
import { ORGANIZATIONS, unread } from './reasons.js'
import { authentication } from './requests.js'

/** Codes are either a first or a second factor. */
const codeProblem = (code: Json): string | undefined =>
  isObject(code) && code['passwordless_enabled'] === true && code['mfa_enabled'] === true
    ? 'has passwordless_enabled and mfa_enabled; Kratos takes one of them'
    : undefined

const needsConfig = (method: Json): string | undefined =>
  isObject(method) && method['enabled'] === true && method['config'] === undefined ? 'lacks config' : undefined

const keysProblem = (party: Json): string | undefined =>
  isObject(party) && party['origin'] !== undefined && party['origins'] !== undefined
    ? 'has origin and origins; Kratos takes one of them'
    : undefined

const MIGRATION = 'selfservice.methods.password.config.migrate_hook'

const MIGRATE_HOOK: Record<string, Rule> = {
  [`${MIGRATION}.enabled`]: unbuilt('the migration of passwords by a hook', boolean, false),
  [`${MIGRATION}.config.url`]: ignored('the hook is not called', absoluteUrl),
  [`${MIGRATION}.config.method`]: ignored('the hook is not called', oneOf('POST')),
  [`${MIGRATION}.config.headers.*`]: ignored('the hook is not called', text),
  [`${MIGRATION}.config.emit_analytics_event`]: ignored('the hook is not called', boolean),
  [`${MIGRATION}.config.body`]: ignored('the hook is not called', address),
  ...authentication(`${MIGRATION}.config`),
}

const PUBLIC_KEYS: Record<string, Rule> = {
  'selfservice.methods.{webauthn,passkey}': group([], needsConfig),
  'selfservice.methods.{webauthn,passkey}.enabled': read(boolean),
  'selfservice.methods.webauthn.config.passwordless': read(boolean),
  'selfservice.methods.{webauthn,passkey}.config.rp': group(['id', 'display_name'], keysProblem),
  'selfservice.methods.{webauthn,passkey}.config.rp.{id,display_name}': read(text),
  'selfservice.methods.webauthn.config.rp.origin': read(absoluteUrl),
  'selfservice.methods.webauthn.config.rp.icon': ignored('Kratos v26.2.0 does not read it either', absoluteUrl),
  'selfservice.methods.webauthn.config.rp.origins[]': read(absoluteUrl),
  'selfservice.methods.passkey.config.rp.origins[]': read(text),
  'selfservice.methods.{webauthn,passkey}.config.rp.*': unread,
}

const OF_ORGANIZATIONS: Record<string, Rule> = {
  'selfservice.methods.b2b.config.organizations[].{id,label}': unbuilt(ORGANIZATIONS, text),
  'selfservice.methods.b2b.config.organizations[].domains[]': unbuilt(ORGANIZATIONS, hostName),
  'selfservice.methods.b2b.config.organizations[].*': unread,
  organizations: group([]),
  'organizations[]': unbuilt(ORGANIZATIONS, anything),
}

export const METHODS: Record<string, Rule> = {
  'selfservice.methods.{profile,password,code,link,totp,lookup_secret,oidc}.enabled': read(boolean),
  'selfservice.methods.password.config.min_password_length': read(integer(6)),
  'selfservice.methods.password.config.identifier_similarity_check_enabled': read(boolean),
  'selfservice.methods.password.config.{haveibeenpwned_enabled,ignore_network_errors}': read(boolean),
  'selfservice.methods.password.config.haveibeenpwned_host': read(text),
  'selfservice.methods.password.config.max_breaches': read(integer(0, 100)),
  ...MIGRATE_HOOK,
  'selfservice.methods.code': group([], codeProblem),
  'selfservice.methods.code.{passwordless_enabled,mfa_enabled}': read(boolean),
  'selfservice.methods.code.config.lifespan': read(duration),
  'selfservice.methods.code.config.max_submissions': read(integer(1, 255)),
  'selfservice.methods.code.config.missing_credential_fallback_enabled': read(boolean),
  'selfservice.methods.code.{config.*,*}': unread,
  'selfservice.methods.link.config.lifespan': read(duration),
  'selfservice.methods.link.config.base_url': ignored('Kratos v26.2.0 does not read it either', text),
  'selfservice.methods.link.config.*': unread,
  'selfservice.methods.totp.config.issuer': read(text),
  ...PUBLIC_KEYS,
  ...OF_ORGANIZATIONS,
  'selfservice.methods.oidc.config.base_redirect_uri': read(absoluteUrl),
  ...PROVIDERS,
}
