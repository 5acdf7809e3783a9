import type { JsonObject } from '../json.js'

const flow = (ui: string, lifespan: string): JsonObject => ({ ui_url: ui, lifespan, before: { hooks: [] }, after: {} })

const method = (enabled: boolean, config: JsonObject = {}): JsonObject => ({ enabled, config })

/** Kratos v26.2.0's own defaults. `load.ts` adds those that depend on the file. */
export const DEFAULTS: JsonObject = {
  serve: {
    public: {
      port: 4433,
      cors: {
        enabled: false,
        allowed_origins: ['*'],
        allowed_methods: ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'],
        allowed_headers: [
          'Authorization',
          'Content-Type',
          'Max-Age',
          'X-Session-Token',
          'X-XSRF-TOKEN',
          'X-CSRF-TOKEN',
        ],
        exposed_headers: ['Content-Type'],
        allow_credentials: true,
        options_passthrough: false,
        max_age: 0,
      },
    },
    admin: { port: 4434 },
  },
  selfservice: {
    default_browser_return_url: 'http://127.0.0.1:3001/',
    allowed_return_urls: [],
    methods: {
      password: method(true, {
        haveibeenpwned_enabled: true,
        haveibeenpwned_host: 'api.pwnedpasswords.com',
        ignore_network_errors: true,
        max_breaches: 0,
        min_password_length: 8,
        identifier_similarity_check_enabled: true,
      }),
      profile: method(true),
      identifier_first: method(true),
      code: {
        ...method(true, { lifespan: '1h', max_submissions: 5 }),
        passwordless_enabled: false,
        mfa_enabled: false,
        passwordless_login_fallback_enabled: false,
      },
      link: method(false, { lifespan: '1h' }),
      totp: method(false),
      lookup_secret: method(false),
      oidc: method(false, { providers: [] }),
      webauthn: method(false),
      passkey: method(false),
    },
    flows: {
      error: { ui_url: 'https://www.ory.sh/kratos/docs/fallback/error' },
      logout: { after: {} },
      registration: {
        ...flow('https://www.ory.sh/kratos/docs/fallback/registration', '1h'),
        enabled: true,
        style: 'profile_first',
        enable_legacy_one_step: false,
        login_hints: false,
      },
      login: { ...flow('https://www.ory.sh/kratos/docs/fallback/login', '1h'), style: 'unified' },
      settings: {
        ...flow('https://www.ory.sh/kratos/docs/fallback/settings', '1h'),
        privileged_session_max_age: '1h',
        required_aal: 'highest_available',
      },
      recovery: {
        ...flow('https://www.ory.sh/kratos/docs/fallback/recovery', '1h'),
        enabled: false,
        use: 'code',
        notify_unknown_recipients: false,
      },
      verification: {
        ...flow('https://www.ory.sh/kratos/docs/fallback/verification', '1h'),
        enabled: false,
        use: 'code',
        notify_unknown_recipients: false,
      },
    },
  },
  session: {
    lifespan: '24h',
    whoami: { required_aal: 'highest_available' },
    cookie: { name: 'ory_kratos_session', persistent: true },
  },
  cookies: { path: '/', same_site: 'Lax' },
  secrets: { cookie: [], cipher: [] },
  hashers: { algorithm: 'bcrypt', bcrypt: { cost: 12 } },
  identity: { default_schema_id: 'default', schemas: [] },
  feature_flags: {},
  oauth2_provider: {},
  courier: {
    delivery_strategy: 'smtp',
    message_retries: 5,
    worker: { pull_wait: '1s' },
    smtp: { from_address: 'no-reply@ory.kratos.sh' },
    channels: [],
  },
  security: { account_enumeration: { mitigate: false } },
  clients: {
    web_hook: {
      header_allowlist: [
        'Accept',
        'Accept-Encoding',
        'Accept-Language',
        'Content-Length',
        'Content-Type',
        'Origin',
        'Priority',
        'Referer',
        'Sec-Ch-Ua',
        'Sec-Ch-Ua-Mobile',
        'Sec-Ch-Ua-Platform',
        'Sec-Fetch-Dest',
        'Sec-Fetch-Mode',
        'Sec-Fetch-Site',
        'Sec-Fetch-User',
        'True-Client-Ip',
        'User-Agent',
      ],
    },
  },
}
