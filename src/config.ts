import { type Static, type TObject, Type } from '@sinclair/typebox'
import type { Ajv, ErrorObject } from 'ajv'
import envSchema from 'env-schema'
import { distance } from 'fastest-levenshtein'
import { isProxyRange } from './service/proxy-range.js'
import { complaint, schemaProblems, unknownName, withSettingFormats } from './schema-problems.js'
import {
  type AuthSettings,
  completeSettings,
  contradictions,
  type GivenSettings,
  MIN_KEY_BYTES,
  type SettingName,
  SettingsSchema,
} from './settings.js'
import { isOrigin } from './url-rules.js'

const list = (text: string): string[] => text.split(',').map((item) => item.trim()).filter((item) => item !== '')

/** What the service lives by, and can do without for a while. */
export const PARTS = ['kratos', 'database'] as const
export type Part = typeof PARTS[number]

/** Formats that only the environment has: several values in one text, and what only the service can be told. */
const FORMATS: Record<string, (text: string) => boolean> = {
  'origin-list': (text) => list(text).length > 0 && list(text).every(isOrigin),
  'database-url': (text) =>
    text !== '' &&
    (/^postgres(?:ql)?:\/\/./.test(text) || text.startsWith('file:') || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text)),
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
const { perAddress, perIdentifier, burst, failingCredentials } = settings.throttle.properties

/**
 * Every variable the service reads, settings of `SettingsSchema` by their names here; the README's table is made of it.
 */
export const ConfigSchema = Type.Object({
  PUBLIC_URL: Type.Optional(settings.baseUrl, false),
  FRONTEND_URL: settings.frontendUrl,
  CORS_ORIGINS: text('origin-list', `comma-separated ${settings.origins.description}`),
  HOST: Type.String({ default: '0.0.0.0', minLength: 1, description: 'address to listen on' }),
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
  METRICS_TOKEN: Type.Optional(
    text('key', `${secret} that opens /metrics as Authorization: Bearer; without it there is no /metrics`),
  ),
  DOCS: Type.Boolean({ default: false, description: 'true: the OpenAPI document of this service at /openapi.json' }),
  DATABASE_URL: text('database-url', 'postgres://… or the path of a SQLite file', { default: 'data/app.db' }),
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
  SESSION_CACHE_MAX_AGE: settings.sessionCacheMaxAge,
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
})

export type Config = Static<typeof ConfigSchema>

/** The variable of each setting that a rule between two settings can complain about. */
const VARIABLE_OF: Partial<Record<SettingName, keyof Config>> = {
  publicUrl: 'KRATOS_PUBLIC_URL',
  adminUrl: 'KRATOS_ADMIN_URL',
  baseUrl: 'PUBLIC_URL',
  cookieName: 'SESSION_COOKIE_NAME',
  'throttle.burst': 'LOGIN_LIMIT_BURST',
  'throttle.perIdentifier': 'LOGIN_LIMIT_PER_IDENTIFIER',
}

/** All that is wrong with an environment, one line for each variable; values are never part of it. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  constructor (readonly problems: string[]) {
    super(problems.join('\n'))
  }
}

const NAMES = Object.keys(ConfigSchema.properties)
/** Every secret that a caller proves itself by. */
const KEYS = NAMES.filter((name) => (ConfigSchema as TObject).properties[name]?.['format'] === 'key')

/** Ajv's conversion also takes `Infinity`, for which a timer fires at once, and `0x10`, which nobody means. */
function unreadableNumbers (data: Record<string, string>): string[] {
  const numbers = NAMES.filter((name) => (ConfigSchema as TObject).properties[name]?.['type'] === 'integer')
  return numbers.filter((name) => !/^-?\d{1,9}$/.test(data[name] ?? '0'))
    .map((name) => complaint(ConfigSchema, [name], 'is not valid'))
}

/**
 * Two letters wrong at most, in a name long enough for that to be no accident: an environment holds other programs'
 * names.
 */
const LONGEST_DISTANCE = 2
const SHORTEST_NAME = 8

function misspelt (data: Record<string, string>): string[] {
  const unknown = Object.keys(data).filter((name) => name.length >= SHORTEST_NAME && !NAMES.includes(name))
  return unknown.filter((name) => NAMES.some((known) => distance(name, known) <= LONGEST_DISTANCE))
    .map((name) => unknownName(name, NAMES))
}

/**
 * Rules between two variables, also of an environment that is not valid otherwise: all that is wrong is told at once.
 */
function contradictionsOf (data: Record<string, string>): string[] {
  const keys = KEYS.filter((name) => data[name] !== undefined)
  const limit = (name: string, { default: byDefault }: { default?: number }): number => Number(data[name] ?? byDefault)
  // Who knows one key must not hold another by it.
  const sameKeys = keys.flatMap((name, index) => {
    const other = keys.slice(0, index).find((earlier) => data[earlier] === data[name])
    return other === undefined ? [] : [`${name} is not valid: it must differ from ${other}`]
  })
  return [...sameKeys, ...contradictions({
    publicUrl: data['KRATOS_PUBLIC_URL'],
    adminUrl: data['KRATOS_ADMIN_URL'],
    baseUrl: data['PUBLIC_URL'],
    cookieName: data['SESSION_COOKIE_NAME'],
    throttle: {
      perAddress: limit('LOGIN_LIMIT_PER_ADDRESS', perAddress),
      perIdentifier: limit('LOGIN_LIMIT_PER_IDENTIFIER', perIdentifier),
      burst: limit('LOGIN_LIMIT_BURST', burst),
      failingCredentials: limit('LOGIN_LIMIT_FAILING_CREDENTIALS', failingCredentials),
    },
  }, (setting) => VARIABLE_OF[setting] ?? setting)]
}

function parse (env: Record<string, string | undefined>): { config?: Config, problems: string[] } {
  // An empty variable is one that is not set: compose files and shells cannot say it otherwise.
  const data = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  )
  const beyondSchema = [...unreadableNumbers(data), ...misspelt(data)]
  const rules = contradictionsOf(data)
  try {
    const ajv = { customOptions: withFormats as never }
    return {
      config: envSchema<Config>({ schema: ConfigSchema, data, env: false, ajv }),
      problems: [...beyondSchema, ...rules],
    }
  } catch (error) {
    if (!(error instanceof Error) || !('errors' in error) || !Array.isArray(error.errors)) throw error
    const lines = [...new Set([...schemaProblems(error.errors as ErrorObject[], ConfigSchema), ...beyondSchema])]
    const isTold = (rule: string): boolean => lines.some((line) => line.startsWith(`${rule.split(' ', 1)[0]} `))
    return { problems: [...lines, ...rules.filter((rule) => !isTold(rule))] }
  }
}

function withFormats (ajv: Ajv): Ajv {
  for (const [name, validate] of Object.entries(FORMATS)) ajv.addFormat(name, validate)
  return withSettingFormats(ajv)
}

/**
 * The configuration of the service from an environment; pure.
 * @throws ConfigError naming everything that is wrong at once
 */
export function loadConfig (env: Record<string, string | undefined>): Config {
  const { config, problems } = parse(env)
  if (config === undefined || problems.length > 0) throw new ConfigError(problems)
  return config
}

/** The configuration as it may be logged: of a secret only that there is one, of the database only its kind. */
export function shownSettings (config: Config): Record<string, unknown> {
  const shown = Object.entries(config).map(([name, value]) => {
    if (KEYS.includes(name)) return [name, 'set']
    return name === 'DATABASE_URL' ? [name, /^postgres/.test(String(value)) ? 'postgres' : 'sqlite'] : [name, value]
  })
  return Object.fromEntries(shown)
}

/** Parts without which the service takes no traffic. */
export const requiredParts = (config: Config): Part[] => list(config.READY_REQUIRES) as Part[]

export const trustedProxies = (config: Config): string[] => list(config.TRUST_PROXY)
export const webhookKeys = ({ WEBHOOK_KEY: current, WEBHOOK_KEY_PREVIOUS: previous }: Config): string[] =>
  previous === undefined ? [current] : [current, previous]

const givenSettings = (config: Config): GivenSettings => ({
  publicUrl: config.KRATOS_PUBLIC_URL,
  adminUrl: config.KRATOS_ADMIN_URL,
  browserUrl: config.KRATOS_BROWSER_URL,
  baseUrl: config.PUBLIC_URL,
  frontendUrl: config.FRONTEND_URL,
  origins: list(config.CORS_ORIGINS),
  cookieName: config.SESSION_COOKIE_NAME,
  deadlines: {
    whoamiMs: config.WHOAMI_DEADLINE_MS,
    submitMs: config.SUBMIT_DEADLINE_MS,
    otherMs: config.KRATOS_DEADLINE_MS,
  },
  sessionCacheMaxAge: config.SESSION_CACHE_MAX_AGE,
  throttle: {
    perAddress: config.LOGIN_LIMIT_PER_ADDRESS,
    perIdentifier: config.LOGIN_LIMIT_PER_IDENTIFIER,
    burst: config.LOGIN_LIMIT_BURST,
    failingCredentials: config.LOGIN_LIMIT_FAILING_CREDENTIALS,
  },
})

/** The part of the configuration that authentication lives by. */
export const authSettings = (config: Config): AuthSettings => completeSettings(givenSettings(config))
