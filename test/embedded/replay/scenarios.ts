import { codeRegistration, dummyProvider, hookConfig, widerSchema } from './scenario-parts.js'
import type { HookAnswer } from './hook-target.js'
import type { JsonObject } from './types.js'

/** The `config` text of a recording as settings, reviewed by hand. */
export interface Scenario {
  /** merged into the base configuration; lists are replaced */
  config?: JsonObject
  /** replaces the base identity schema */
  schema?: JsonObject
  /** whether the recorded server ran with `--dev` (default true) */
  dev?: boolean
  /** answers of the web hook target that the recording does not have, by step */
  hookAnswers?: Record<string, Partial<HookAnswer>>
  /** claims that the OpenID Connect issuer gives for a code */
  claims?: Record<string, JsonObject>
  /** request bodies that the recorder replaced by a remark, by step: text before and after the filling */
  bodies?: Record<string, { before: string, fill: string, after: string }>
}

const bigLogin = {
  before: '{"method": "password", "identifier": "big@example.test", "password": "Xq7-velvet-harbor-42", "pad": "',
  fill: 'a',
  after: '"}',
}
const registrationFlows = (registration: JsonObject): JsonObject => ({ selfservice: { flows: { registration } } })
const lifespans = (lifespan: string): JsonObject =>
  Object.fromEntries(
    ['login', 'registration', 'settings', 'recovery', 'verification'].map((flow) => [flow, { lifespan }]),
  )

/**
 * Configurations by the number of the recording. Others have the base configuration. They shared one server when they
 * were recorded; none needs data of another one, so each gets its own server here.
 */
export const scenarios: Record<string, Scenario> = {
  '04': { config: registrationFlows({ after: { password: { hooks: [] } } }) },
  '05': {
    config: registrationFlows({
      after: { password: { hooks: [{ hook: 'session' }, { hook: 'show_verification_ui' }] } },
    }),
  },
  '07': { config: registrationFlows({ enable_legacy_one_step: true }) },
  '08': {
    config: { selfservice: { flows: { registration: { style: 'unified' }, login: { style: 'identifier_first' } } } },
  },
  13: { config: { selfservice: { flows: lifespans('1s') } } },
  16: { schema: widerSchema() },
  23: { dev: false, config: { serve: { public: { base_url: 'https://127.0.0.1:4433/' } } } },
  24: { dev: false },
  33: { config: { session: { lifespan: '2s' } } },
  34: { config: { session: { whoami: { required_aal: 'highest_available' } } } },
  36: { config: { feature_flags: { cacheable_sessions: true } } },
  52: { config: { selfservice: { flows: { settings: { privileged_session_max_age: '1s' } } } } },
  65: { config: codeRegistration },
  66: { config: codeRegistration },
  68: {
    config: dummyProvider,
    claims: {
      'code-user-1': { sub: 'user-1', email: 'oidc1@example.test' },
      'code-user-2': { sub: 'user-2', email: 'oidc-pw@example.test' },
      'code-user-3': { sub: 'user-3' },
    },
  },
  70: { hookAnswers: { 'hook answers after 3 s': { delayMs: 3000 } } },
  71: { config: hookConfig({ response: { ignore: true }, body: 'whole context' }) },
  72: {
    config: hookConfig({}),
    hookAnswers: {
      'hook answers 200 after 2 s': { delayMs: 2000 },
      'browser registration, hook answers 400': { status: 400, body: { error: 'no' } },
    },
  },
  73: { config: hookConfig({ url: 'http://127.0.0.1:1/none' }) },
  74: {
    config: hookConfig({}),
    hookAnswers: { 'hook answers after 40 s': { delayMs: 40_000, status: 200, body: {} } },
  },
  75: { config: hookConfig({ can_interrupt: true, body: 'whole context' }) },
  76: { config: hookConfig({ response: { parse: true }, body: 'whole context' }) },
  78: {
    config: {
      clients: { web_hook: { header_allowlist: ['Accept', 'X-Request-Id'] } },
      ...hookConfig(
        {
          url: 'http://127.0.0.1:18300/basic',
          auth: { type: 'basic_auth', config: { user: 'u', password: 'p' } },
          headers: { 'X-Extra': '1' },
        },
        {
          url: 'http://127.0.0.1:18300/cookie-key',
          method: 'PUT',
          auth: { type: 'api_key', config: { name: 'sid', value: 'abc', in: 'cookie' } },
        },
        { url: 'http://127.0.0.1:18300/cancelled', body: 'cancel' },
      ),
    },
  },
  86: {
    bodies: {
      'login with a body of 1 MiB': bigLogin,
      'login with a body of just under 5 MiB': bigLogin,
      'login with a body of just over 5 MiB': bigLogin,
      'login with a body of 6 MiB': bigLogin,
      'login with a form body over 5 MiB': { before: 'method=password&pad=', fill: 'a', after: '' },
      'registration with a trait of 1 MiB': {
        before:
          '{"method": "password", "password": "Xq7-velvet-harbor-42", "traits": {"email": "big2@example.test", "first_name": "',
        fill: 'a',
        after: '"}}',
      },
      'registration with a password of 100,000 characters': {
        before: '{"method": "password", "password": "',
        fill: 'aB3-',
        after: '", "traits": {"email": "big3@example.test"}}',
      },
      'admin: body over 5 MiB': {
        before: '{"schema_id": "default", "traits": {"email": "big4@example.test"}, "pad": "',
        fill: 'a',
        after: '"}',
      },
      'API logout: body over 5 MiB': { before: '{"session_token": "', fill: 'a', after: '"}' },
    },
  },
}

/** The scenario of a recording, by the number in its name. */
export function scenarioOf (name: string): Scenario {
  return scenarios[name.slice(0, 2)] ?? {}
}
