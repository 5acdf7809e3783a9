import { Type } from '@sinclair/typebox'
import { isProxyRange } from './service/proxy-range.js'
import { isDatabaseUrl, isPostgresUrl } from './service/store/database-url.js'
import { MIN_KEY_BYTES, SettingsSchema } from './settings.js'
import { isReturnUrl } from './redirect-target.js'
import { isOrigin, isWebhookTarget } from './url-rules.js'

export const list = (text: string): string[] => text.split(',').map((item) => item.trim()).filter((item) => item !== '')

/** What the service can do without for a while. */
export const PARTS = ['kratos', 'database'] as const
export type Part = typeof PARTS[number]

/** Formats that only the environment has: several values in one text, and what only the service can be told. */
export const FORMATS: Record<string, (text: string) => boolean> = {
  'origin-list': (text) => list(text).length > 0 && list(text).every(isOrigin),
  'return-list': (text) => list(text).every(isReturnUrl),
  'database-url': isDatabaseUrl,
  'postgres-url': isPostgresUrl,
  'webhook-list': (text) => list(text).length > 0 && list(text).every(isWebhookTarget),
  // As receivers want it, and at least as long as our other secrets.
  'signing-key': (text) =>
    /^whsec_(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) &&
    Buffer.from(text.slice('whsec_'.length), 'base64').length >= MIN_KEY_BYTES,
  'part-list': (text) => list(text).every((part) => (PARTS as readonly string[]).includes(part)),
  'proxy-list': (text) => list(text).every(isProxyRange),
}

const text = (format: string, description: string, rest: { default?: string } = {}) =>
  Type.String({ format, description, ...rest })
const integer = (minimum: number, maximum: number, byDefault: number, description: string) =>
  Type.Integer({ minimum, maximum, default: byDefault, description })

const secret = `secret of at least ${MIN_KEY_BYTES} bytes, visible ASCII,`
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const settings = SettingsSchema.properties
const { whoamiMs, submitMs, otherMs } = settings.deadlines.properties
export const { email, firstName, lastName, username } = settings.traits.properties
export const { perAddress, perIdentifier, burst, failingCredentials } = settings.throttle.properties

/** Settings of `SettingsSchema` by their names here; the table of docs/configuration.md is made of it. */
export const ConfigSchema = Type.Object({
  PUBLIC_URL: Type.Optional(settings.baseUrl, false),
  FRONTEND_URL: settings.frontendUrl,
  CORS_ORIGINS: text('origin-list', `comma-separated ${settings.origins.description}`),
  RETURN_URLS: text('return-list', `comma-separated: ${settings.returnUrls.description}`, { default: '' }),
  HOST: Type.String({
    default: '0.0.0.0',
    minLength: 1,
    description: 'address to listen on; of a name, the first address that it has',
  }),
  PORT: integer(0, 65535, 3000, 'port to listen on'),
  KRATOS_PUBLIC_URL: settings.publicUrl,
  KRATOS_ADMIN_URL: Type.Optional(settings.adminUrl, false),
  KRATOS_BROWSER_URL: settings.browserUrl,
  KRATOS_PROXY: Type.Boolean({
    default: false,
    description: "true: Kratos' own public API at /kratos/, for its SDK and forms; " +
      'set its serve.public.base_url to <PUBLIC_URL>/kratos/',
  }),
  SESSION_COOKIE_NAME: settings.cookieName,
  WEBHOOK_KEY: text('key', `${secret} that Kratos sends as Authorization: Bearer, or X-Webhook-Key`),
  WEBHOOK_KEY_PREVIOUS: Type.Optional(text('key', 'former webhook key, accepted while it is being rotated')),
  ID_KEY: Type.Optional(
    text(
      'key',
      `${secret} under which login budgets are counted and ids of sessions are written down, the same on all replicas; ` +
        'without it they go by WEBHOOK_KEY',
    ),
  ),
  ID_KEY_PREVIOUS: Type.Optional(
    text('key', 'former ID_KEY while it is being rotated: budgets and ids of sessions go by it'),
  ),
  OPERATOR_KEY: Type.Optional(
    text('key', `${secret} that opens /internal/events as Authorization: Bearer; without it there is no /internal/events`),
  ),
  METRICS_TOKEN: Type.Optional(
    text('key', `${secret} that opens /metrics as Authorization: Bearer; without it there is no /metrics, but for INTERNAL_PORT`),
  ),
  DOCS: Type.Boolean({
    default: false,
    description: 'true: the OpenAPI document of this service at /openapi.json, and for people at /docs',
  }),
  DATABASE_URL: text('database-url', 'postgres://… or the path of a SQLite file', { default: 'data/app.db' }),
  BUS_DATABASE_URL: Type.Optional(text(
    'postgres-url',
    'postgres://… by which replicas hear of ended sessions, not through a pooler of transactions; default: DATABASE_URL',
  )),
  DATABASE_POOL_SIZE: integer(1, 1000, 10, 'connections to Postgres that this process may have at a time'),
  DATABASE_STATEMENT_TIMEOUT_MS: integer(
    100,
    600_000,
    3000,
    'milliseconds after which Postgres gives up on a statement',
  ),
  DATABASE_CONNECTION_MAX_AGE: integer(
    1,
    86_400,
    300,
    'seconds after which a connection to Postgres is replaced by a new one',
  ),
  EVENTS_RETENTION_DAYS: integer(
    0,
    3650,
    90,
    'days for which events of users and sessions are kept, their addresses in full for 7 of them; 0: there are none',
  ),
  EVENTS_WEBHOOKS: Type.Optional(text(
    'webhook-list',
    'URLs that every event is posted to, signed (Standard Webhooks), comma-separated; https, or http on this machine',
  )),
  EVENTS_WEBHOOK_SECRET: Type.Optional(text(
    'signing-key',
    `whsec_ and at least ${MIN_KEY_BYTES} bytes in base64, by which they are signed`,
  )),
  EVENTS_WEBHOOK_SECRET_PREVIOUS: Type.Optional(text(
    'signing-key',
    'former EVENTS_WEBHOOK_SECRET while it is being rotated: events are signed by both',
  )),
  RECONCILE_HOURS: integer(
    0,
    8760,
    0,
    "hours after which one of the replicas compares all users with Kratos' identities and repairs rows, as reconcile --fix; 0: none does",
  ),
  DOCUMENTS_PER_USER: integer(1, 1_000_000, 1000, 'documents that one user may keep'),
  DOCUMENT_BYTES_PER_USER: integer(1, 999_999_999, 20 * 1024 ** 2, 'bytes of their titles and contents together'),
  TRUST_PROXY: text(
    'proxy-list',
    'addresses or CIDR ranges of reverse proxies, comma-separated; empty: none is trusted',
    { default: '' },
  ),
  LOG_LEVEL: Type.Union(LOG_LEVELS.map((level) => Type.Literal(level)), {
    default: 'info',
    description: 'fatal, error, warn, info, debug, trace or silent',
  }),
  LOG_HEALTH: Type.Boolean({ default: true, description: 'false: no log line for requests of /health that went well' }),
  LOG_SUCCESS_PERCENT: integer(
    0,
    100,
    100,
    'of the requests that went well, how many in a hundred get their log line; the others always do',
  ),
  INTERNAL_PORT: Type.Optional(Type.Integer({
    minimum: 1,
    maximum: 65535,
    description: 'port of /internal and /metrics, which then do not exist on PORT; /health is on both; without it there is one port',
  })),
  INTERNAL_HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'address to listen on with INTERNAL_PORT' }),
  TRACING: Type.Boolean({
    default: false,
    description: 'true: spans by @opentelemetry/api, which is to be installed and started with an SDK before the service',
  }),
  SESSION_CACHE_MAX_AGE: settings.sessionCacheMaxAge,
  START_CHECKS: Type.Boolean({
    default: true,
    description: 'false: no look at Kratos after the start, and no warnings of what the doctor would find at once',
  }),
  SHUTDOWN_DELAY_MS: integer(0, 60_000, 3000, 'milliseconds between "not ready" and closing, for the load balancer'),
  READY_REQUIRES: text(
    'part-list',
    'parts without which /health/ready is 503, of kratos and database, comma-separated; empty: none',
    { default: '' },
  ),
  MAX_IN_FLIGHT: integer(
    20,
    100_000,
    1000,
    'requests at work at a time; from half of it on the least important are refused with 503',
  ),
  MAX_EVENT_LOOP_DELAY_MS: integer(
    100,
    60_000,
    1000,
    'milliseconds by which the process may be late; the same as MAX_IN_FLIGHT in time',
  ),
  WHOAMI_DEADLINE_MS: whoamiMs,
  SUBMIT_DEADLINE_MS: submitMs,
  KRATOS_DEADLINE_MS: otherMs,
  LOGIN_LIMIT_PER_ADDRESS: perAddress,
  LOGIN_LIMIT_PER_IDENTIFIER: perIdentifier,
  LOGIN_LIMIT_BURST: burst,
  LOGIN_LIMIT_FAILING_CREDENTIALS: failingCredentials,
  TRAIT_EMAIL: email,
  TRAIT_FIRST_NAME: firstName,
  TRAIT_LAST_NAME: lastName,
  TRAIT_USERNAME: username,
})
