import { all, email, flows, methods, schemaOf, UI, type Configuration } from './base-configuration.js'
import { walksWith } from './generate.js'
import { PUBLISHED } from './published-configurations.js'
import { traitsFor, validTraitsFor } from './schema-traits.js'
import { asObject, type JsonObject } from './steps.js'
import type { Places } from './walker.js'

export type { Configuration } from './base-configuration.js'

const name = { type: 'string', title: 'Name', maxLength: 12, pattern: '^[^0-9]*$' }
const user = {
  type: 'string',
  title: 'User name',
  minLength: 4,
  'ory.sh/kratos': { credentials: { password: { identifier: true } } },
}
const phone = {
  type: 'string',
  format: 'tel',
  title: 'Phone',
  'ory.sh/kratos': {
    credentials: { code: { identifier: true, via: 'sms' } },
    verification: { via: 'sms' },
    recovery: { via: 'sms' },
  },
}

const PERSON = schemaOf({ email, name, user })
const DETAILED = schemaOf({
  email,
  name: {
    type: 'object',
    properties: { first: { ...name, title: 'First' }, last: { ...name, title: 'Last' } },
    required: ['first'],
  },
  age: { type: 'integer', minimum: 0, maximum: 150, title: 'Age' },
  news: { type: 'boolean', title: 'News' },
  color: { type: 'string', enum: ['red', 'green'], title: 'Color' },
  site: { type: 'string', format: 'uri', title: 'Site' },
}, { additionalProperties: true })
const LONG = schemaOf({
  zip: { type: 'string' },
  email,
  ...Object.fromEntries([...'hgfedcba'].map((letter) => [`field_${letter}`, { type: 'string', title: letter }])),
  name,
})
const PHONE = schemaOf({ email, phone, name })
/** A phone that only recovers does not decide about the login. */
const REACHABLE = schemaOf({
  email,
  backup: { ...email, title: 'Backup', 'ory.sh/kratos': { recovery: { via: 'email' } } },
  phone: { ...phone, 'ory.sh/kratos': { recovery: { via: 'sms' } } },
  name,
})

const REVOKE: JsonObject = { hooks: [{ hook: 'revoke_active_sessions' }] }
const RELYING_PARTY = { id: 'app.test', display_name: 'Walks' }
const SMS_CHANNEL: JsonObject = {
  id: 'sms',
  type: 'http',
  request_config: { url: 'http://127.0.0.1:1/', method: 'POST', body: 'base64://ZnVuY3Rpb24oY3R4KSB7fQ==' },
}
const provider = (id: string, label: string): JsonObject => ({
  id,
  label,
  provider: 'generic',
  client_id: 'walks',
  client_secret: 'walks',
  issuer_url: 'http://127.0.0.1:1/',
  scope: ['openid'],
  mapper_url: 'base64://e30=',
})

/** What walks are walked with. Each row turns on what others leave off. */
export const CONFIGURATIONS: Record<string, Configuration> = {
  plain: { schema: PERSON, config: all() },
  'two-steps': {
    schema: DETAILED,
    config: all(flows({ registration: { style: 'profile_first' }, login: { style: 'identifier_first' } })),
  },
  passwordless: {
    schema: PERSON,
    config: all(
      methods({ code: { enabled: true, passwordless_enabled: true } }),
      flows({ registration: { after: { code: { hooks: [{ hook: 'session' }] } } } }),
    ),
  },
  'second-factor': {
    schema: PERSON,
    config: all(
      methods({ code: { enabled: true, mfa_enabled: true } }),
      flows({ settings: { required_aal: 'highest_available' } }),
      {
        session: { whoami: { required_aal: 'highest_available' } },
        feature_flags: { use_continue_with_transitions: true },
      },
    ),
  },
  links: {
    schema: PERSON,
    config: all(
      methods({ code: { enabled: false } }),
      flows({ recovery: { use: 'link' }, verification: { use: 'link' } }),
    ),
  },
  verified: {
    schema: DETAILED,
    config: all(flows({
      login: { after: { password: { hooks: [{ hook: 'require_verified_address' }] } } },
      registration: { after: { password: { hooks: [{ hook: 'show_verification_ui' }] } } },
    })),
  },
  hooks: {
    schema: PERSON,
    config: all(
      flows({
        registration: { after: { password: { hooks: [{ hook: 'session' }, { hook: 'show_verification_ui' }] } } },
        settings: { privileged_session_max_age: '1ms', after: { password: REVOKE } },
        login: { after: { password: REVOKE } },
        recovery: { notify_unknown_recipients: true, after: REVOKE },
        verification: { notify_unknown_recipients: true },
      }),
      { security: { account_enumeration: { mitigate: true } } },
    ),
  },
  phones: {
    schema: PHONE,
    config: all(
      methods({
        code: { enabled: true, passwordless_enabled: true },
        password: { config: { min_password_length: 6, identifier_similarity_check_enabled: false } },
      }),
      flows({ registration: { style: 'profile_first' } }),
      { courier: { channels: [SMS_CHANNEL] } },
    ),
  },
  'choice-of-addresses': {
    schema: REACHABLE,
    config: all(
      flows({ recovery: { notify_unknown_recipients: true } }),
      { courier: { channels: [SMS_CHANNEL] }, feature_flags: { choose_recovery_address: true } },
    ),
    walks: walksWith(traitsFor(REACHABLE), validTraitsFor(REACHABLE)),
  },
  passkeys: {
    schema: PERSON,
    config: all(
      methods({
        passkey: { enabled: true, config: { rp: { ...RELYING_PARTY, origins: [UI] } } },
        webauthn: { enabled: true, config: { passwordless: true, rp: { ...RELYING_PARTY, origins: [UI] } } },
      }),
      flows({ registration: { style: 'profile_first' } }),
    ),
  },
  'all-open': {
    schema: PERSON,
    config: all(
      methods({
        code: { enabled: true, passwordless_enabled: true, passwordless_login_fallback_enabled: true },
        passkey: { enabled: true, config: { rp: RELYING_PARTY } },
        webauthn: { enabled: true, config: { rp: { ...RELYING_PARTY, origin: UI } } },
        oidc: { enabled: true, config: { providers: [provider('one', ''), provider('two', 'Second')] } },
      }),
      flows({ login: { style: 'identifier_first' } }),
      { feature_flags: { cacheable_sessions: true, cacheable_sessions_max_age: '30s' } },
    ),
  },
  // Its forms have so many nodes that the algorithm that sorts them shows.
  'long-forms': {
    schema: LONG,
    config: all(
      methods({
        code: { enabled: true, passwordless_enabled: true },
        passkey: { enabled: true, config: { rp: RELYING_PARTY } },
        webauthn: { enabled: true, config: { passwordless: true, rp: { ...RELYING_PARTY, origin: UI } } },
        oidc: { enabled: true, config: { providers: ['one', 'two', 'three', 'four', 'five'].map((id) => provider(id, id)) } },
      }),
      flows({ registration: { style: 'unified' } }),
    ),
  },
  'little-open': {
    schema: PERSON,
    config: all(
      methods({ totp: { enabled: false }, lookup_secret: { enabled: false }, profile: { enabled: false } }),
      flows({ registration: { enabled: false }, verification: { enabled: false }, recovery: { enabled: false } }),
      { session: { lifespan: '2h', earliest_possible_extend: '1h', cookie: { name: 'my_session', persistent: false } } },
    ),
  },
  ...PUBLISHED,
}

/** The addresses that a server with this configuration tells, whatever it listens on. */
export function placesOf ({ config }: Pick<Configuration, 'config'>): Places {
  const { serve, selfservice } = config as Record<string, Record<string, JsonObject>>
  const pages = Object.entries(asObject(selfservice?.['flows'])).map(([flow, settings]) => [flow, asObject(settings)['ui_url']])
  return {
    public: String(serve?.['public']?.['base_url']),
    admin: String(serve?.['admin']?.['base_url']),
    pages: Object.fromEntries(pages.filter(([, url]) => typeof url === 'string')) as Places['pages'],
  }
}
