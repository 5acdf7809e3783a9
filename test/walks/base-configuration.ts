import type { Arbitrary } from 'fast-check'
import { isObject, type JsonObject, type Walk } from './steps.js'

export const UI = 'http://app.test'
const PUBLIC_URL = 'http://kratos.test/'
const ADMIN_URL = 'http://admin.kratos.test/'

export const email = {
  type: 'string',
  format: 'email',
  title: 'E-Mail',
  minLength: 3,
  'ory.sh/kratos': {
    credentials: {
      password: { identifier: true },
      code: { identifier: true, via: 'email' },
      totp: { account_name: true },
    },
    verification: { via: 'email' },
    recovery: { via: 'email' },
  },
}
export const schemaOf = (traits: JsonObject, more: JsonObject = {}): JsonObject => ({
  $id: 'https://schemas.test/person.json',
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Person',
  type: 'object',
  properties: {
    traits: { type: 'object', properties: traits, required: ['email'], additionalProperties: false, ...more },
  },
})

const session: JsonObject = { after: { password: { hooks: [{ hook: 'session' }] } } }
export const on: JsonObject = { enabled: true }

const BASE: JsonObject = {
  version: 'v26.2.0',
  dsn: 'memory',
  serve: { public: { host: '127.0.0.1', base_url: PUBLIC_URL }, admin: { host: '127.0.0.1', base_url: ADMIN_URL } },
  selfservice: {
    default_browser_return_url: `${UI}/`,
    allowed_return_urls: [UI, 'https://also.test/path'],
    methods: {
      password: { enabled: true, config: { haveibeenpwned_enabled: false } },
      code: on,
      link: on,
      totp: { enabled: true, config: { issuer: 'walks' } },
      lookup_secret: on,
    },
    flows: {
      error: { ui_url: `${UI}/error` },
      login: { ui_url: `${UI}/login` },
      registration: { ui_url: `${UI}/registration`, style: 'unified', ...session },
      settings: { ui_url: `${UI}/settings`, privileged_session_max_age: '15m' },
      recovery: { enabled: true, ui_url: `${UI}/recovery`, use: 'code' },
      verification: { enabled: true, ui_url: `${UI}/verification`, use: 'code' },
      logout: { after: { default_browser_return_url: `${UI}/bye` } },
    },
  },
  session: { whoami: { required_aal: 'aal1' } },
  secrets: { cookie: ['a-cookie-secret-for-walks'], cipher: ['32-characters-for-walks-00000000'] },
  ciphers: { algorithm: 'xchacha20-poly1305' },
  hashers: { algorithm: 'bcrypt', bcrypt: { cost: 4 } },
  courier: { smtp: { connection_uri: 'smtp://127.0.0.1:1/?disable_starttls=true' } },
}

export interface Configuration {
  /** With or without `identity`. */
  config: JsonObject
  /** The schema of the people who walk. */
  schema: JsonObject
  /** Default: walks for the schemas of this folder. */
  walks?: Arbitrary<Walk>
}

function merged (base: JsonObject, changes: JsonObject): JsonObject {
  const entries = Object.entries(changes).map(([name, value]) => {
    const own = base[name]
    return [name, isObject(own) && isObject(value) ? merged(own, value) : value] as const
  })
  return { ...base, ...Object.fromEntries(entries) }
}

export const flows = (flows: JsonObject): JsonObject => ({ selfservice: { flows } })
export const methods = (methods: JsonObject): JsonObject => ({ selfservice: { methods } })
export const all = (...changes: JsonObject[]): JsonObject => changes.reduce(merged, BASE)
