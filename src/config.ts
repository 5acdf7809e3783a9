import { BlockList, isIP } from 'node:net'
import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import envSchema from 'env-schema'
import {
  DEADLINE_RANGE_MS, DEFAULT_COOKIE_NAME, DEFAULT_DEADLINES, DEFAULT_LOGIN_LIMITS, isCookieName,
  isKeptByBrowsers, LOGIN_LIMIT_RANGE, MAX_SESSION_CACHE_SECONDS, type AuthSettings,
} from './settings.js'
import { isHttpUrl, isOrigin } from './url-rules.js'
import { isStrongKey, MIN_WEBHOOK_KEY_BYTES } from './webhook/key.js'

const list = (text: string): string[] => text.split(',').map((item) => item.trim()).filter((item) => item !== '')

/** IPv4 reaches an IPv6 socket in this form, so an IPv6 range around it would trust every IPv4 client. */
function coversAllOfIpv4 (address: string, bits: number): boolean {
  const range = new BlockList()
  range.addSubnet(address, bits, 'ipv6')
  return range.check('::ffff:203.0.113.1', 'ipv6')
}

/**
 * An address or a CIDR range of proxies. A range that covers everybody, alone or with another one, would let any client
 * choose its address (B20): the widest are those of private networks, 10.0.0.0/8 and fc00::/7.
 */
function isProxyRange (text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  if (bits === undefined) return true
  const [widest, narrowest] = version === 4 ? [8, 32] : [7, 128]
  if (!/^\d{1,3}$/.test(bits) || Number(bits) < widest || Number(bits) > narrowest) return false
  return version === 4 || !coversAllOfIpv4(address, Number(bits))
}

const FORMATS: Record<string, (text: string) => boolean> = {
  'http-url': isHttpUrl,
  'origin-list': (text) => list(text).length > 0 && list(text).every(isOrigin),
  'webhook-key': isStrongKey,
  'bearer-token': isStrongKey,
  'database-url': (text) =>
    text !== '' &&
    (/^postgres(?:ql)?:\/\/./.test(text) || text.startsWith('file:') || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text)),
  'proxy-list': (text) => list(text).every(isProxyRange),
  'cookie-name': isCookieName,
}

const text = (format: string, description: string, options: { default?: string } = {}) =>
  Type.String({ format, description, ...options })
const integer = (minimum: number, maximum: number, byDefault: number, description: string) =>
  Type.Integer({ minimum, maximum, default: byDefault, description })
const deadline = (byDefault: number, description: string) =>
  integer(DEADLINE_RANGE_MS.min, DEADLINE_RANGE_MS.max, byDefault, description)

const loginLimit = (byDefault: number, description: string) =>
  integer(LOGIN_LIMIT_RANGE.min, LOGIN_LIMIT_RANGE.max, byDefault, description)

/** Every variable the service reads; the README's table is made of the same descriptions. */
export const ConfigSchema = Type.Object({
  PUBLIC_URL: text(
    'http-url',
    'URL under which clients reach this service, http(s), without credentials, query or fragment',
  ),
  FRONTEND_URL: Type.Optional(
    text('http-url', 'URL where a completed logout lands; default: the first of CORS_ORIGINS'),
  ),
  CORS_ORIGINS: text(
    'origin-list',
    'exact origins of the front ends, comma-separated, such as https://app.example.com (no *, no path)',
  ),
  HOST: Type.String({ default: '0.0.0.0', minLength: 1, description: 'address to listen on' }),
  PORT: integer(0, 65535, 3000, 'port to listen on'),
  KRATOS_PUBLIC_URL: text('http-url', "URL of Kratos' public port as this service reaches it"),
  KRATOS_ADMIN_URL: text('http-url', "URL of Kratos' admin port, another one than the public port"),
  KRATOS_BROWSER_URL: Type.Optional(
    text('http-url', "Kratos' serve.public.base_url, where it differs from KRATOS_PUBLIC_URL"),
  ),
  KRATOS_PROXY: Type.Boolean({
    default: false,
    description:
      "true: Kratos' own public API at /kratos/, for its SDK and forms; set its serve.public.base_url to <PUBLIC_URL>/kratos/",
  }),
  SESSION_COOKIE_NAME: text(
    'cookie-name',
    "name of Kratos' session cookie (session.cookie.name); __Host- and __Secure- need an https PUBLIC_URL",
    { default: DEFAULT_COOKIE_NAME },
  ),
  WEBHOOK_KEY: text(
    'webhook-key',
    `secret of at least ${MIN_WEBHOOK_KEY_BYTES} bytes, visible ASCII, that Kratos sends as X-Webhook-Key`,
  ),
  WEBHOOK_KEY_PREVIOUS: Type.Optional(text('webhook-key', 'former webhook key, accepted while it is being rotated')),
  METRICS_TOKEN: Type.Optional(
    text(
      'bearer-token',
      `secret of at least ${MIN_WEBHOOK_KEY_BYTES} bytes, visible ASCII, that opens /metrics as Authorization: Bearer; without it there is no /metrics`,
    ),
  ),
  DOCS: Type.Boolean({ default: false, description: 'true: the OpenAPI document of this service at /openapi.json' }),
  DATABASE_URL: text('database-url', 'postgres://… or the path of a SQLite file', { default: 'data/app.db' }),
  TRUST_PROXY: text(
    'proxy-list',
    'addresses or CIDR ranges of reverse proxies, comma-separated; empty: none is trusted',
    { default: '' },
  ),
  LOG_LEVEL: Type.Union(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info', description: 'fatal, error, warn, info, debug, trace or silent' },
  ),
  SESSION_CACHE_MAX_AGE: integer(
    0,
    MAX_SESSION_CACHE_SECONDS,
    0,
    'seconds for which a session that Kratos confirmed may be reused, 0 to 5; 0: Kratos is asked each time',
  ),
  SHUTDOWN_DELAY_MS: integer(0, 60_000, 0, 'milliseconds between "not ready" and closing, for the load balancer'),
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
  WHOAMI_DEADLINE_MS: deadline(
    DEFAULT_DEADLINES.whoamiMs,
    'milliseconds for a session check at Kratos, waiting included',
  ),
  SUBMIT_DEADLINE_MS: deadline(DEFAULT_DEADLINES.submitMs, 'milliseconds for submitting a flow to Kratos'),
  KRATOS_DEADLINE_MS: deadline(DEFAULT_DEADLINES.otherMs, 'milliseconds for every other call to Kratos'),
  LOGIN_LIMIT_PER_ADDRESS: loginLimit(
    DEFAULT_LOGIN_LIMITS.perAddress,
    'login, registration, recovery and verification submits a minute from one address (IPv6: /64)',
  ),
  LOGIN_LIMIT_PER_IDENTIFIER: loginLimit(
    DEFAULT_LOGIN_LIMITS.perIdentifier,
    'of these, submits a minute with one identifier from one address',
  ),
  LOGIN_LIMIT_BURST: loginLimit(
    DEFAULT_LOGIN_LIMITS.burst,
    'of the latter, how many may come at once; at least LOGIN_LIMIT_PER_IDENTIFIER',
  ),
})

export type Config = Static<typeof ConfigSchema>

/** All that is wrong with an environment, one line for each variable; values are never part of it. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  constructor (readonly problems: string[]) {
    super(problems.join('\n'))
  }
}

interface SchemaError {
  instancePath: string
  params: Record<string, unknown>
}

const complaint = (name: string, fault: string): string =>
  `${name} ${fault}: it wants ${ConfigSchema.properties[name as keyof Config]?.description ?? 'another value'}`

const problemOf = ({ instancePath, params }: SchemaError): string =>
  typeof params['missingProperty'] === 'string'
    ? complaint(params['missingProperty'], 'is missing')
    : complaint(instancePath.slice(1), 'is not valid')

/** Ajv's conversion also takes `Infinity`, for which a timer fires at once, and `0x10`, which nobody means. */
function unreadableNumbers (data: Record<string, string | undefined>): string[] {
  const numbers = Object.entries(ConfigSchema.properties).filter(([, { type }]) => type === 'integer').map(([name]) =>
    name,
  )
  return numbers.filter((name) => !/^-?\d{1,9}$/.test(data[name] ?? '0')).map((name) => complaint(name, 'is not valid'))
}

function isSameUrl ({ KRATOS_PUBLIC_URL: pub, KRATOS_ADMIN_URL: admin }: Partial<Config>): boolean {
  return pub !== undefined && admin !== undefined && isHttpUrl(pub) && isHttpUrl(admin) &&
    new URL(pub).href === new URL(admin).href
}

function isBurstTooSmall (
  {
    LOGIN_LIMIT_PER_IDENTIFIER: rate = DEFAULT_LOGIN_LIMITS.perIdentifier,
    LOGIN_LIMIT_BURST: burst = DEFAULT_LOGIN_LIMITS.burst,
  }: Partial<Config>,
): boolean {
  return Number(burst) >= LOGIN_LIMIT_RANGE.min && Number(rate) <= LOGIN_LIMIT_RANGE.max && Number(burst) < Number(rate)
}

/** Rules between two variables. */
const contradictions = (data: Partial<Config>): string[] => [
  ...(isSameUrl(data) ? ['KRATOS_ADMIN_URL is not valid: it must differ from KRATOS_PUBLIC_URL'] : []),
  ...(data.SESSION_COOKIE_NAME === undefined || isKeptByBrowsers(data.SESSION_COOKIE_NAME, data.PUBLIC_URL)
    ? []
    : [complaint('SESSION_COOKIE_NAME', 'is not valid')]),
  ...(isBurstTooSmall(data) ? ['LOGIN_LIMIT_BURST is not valid: it must be at least LOGIN_LIMIT_PER_IDENTIFIER'] : []),
]

const withFormats = (ajv: Ajv): Ajv => {
  for (const [name, validate] of Object.entries(FORMATS)) ajv.addFormat(name, validate)
  return ajv
}

function parse (env: Record<string, string | undefined>): { config?: Config, problems: string[] } {
  // An empty variable is one that is not set: compose files and shells cannot say it otherwise.
  const data = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const beyondSchema = [...unreadableNumbers(data), ...contradictions(data as Partial<Config>)]
  try {
    const ajv = { customOptions: withFormats as never }
    return { config: envSchema<Config>({ schema: ConfigSchema, data, env: false, ajv }), problems: beyondSchema }
  } catch (error) {
    if (!(error instanceof Error) || !('errors' in error) || !Array.isArray(error.errors)) throw error
    return { problems: [...new Set([...(error.errors as SchemaError[]).map(problemOf), ...beyondSchema])] }
  }
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

export const corsOrigins = (config: Config): string[] => list(config.CORS_ORIGINS)
export const trustedProxies = (config: Config): string[] => list(config.TRUST_PROXY)
export const webhookKeys = ({ WEBHOOK_KEY: current, WEBHOOK_KEY_PREVIOUS: previous }: Config): string[] =>
  previous === undefined ? [current] : [current, previous]

/** The part of the configuration that the auth plugins and routes live by. */
export function authSettings (config: Config): AuthSettings {
  const origins = corsOrigins(config)
  return {
    kratosPublicUrl: config.KRATOS_PUBLIC_URL,
    kratosAdminUrl: config.KRATOS_ADMIN_URL,
    kratosBrowserUrl: config.KRATOS_BROWSER_URL ?? config.KRATOS_PUBLIC_URL,
    baseUrl: config.PUBLIC_URL.replace(/\/+$/, ''),
    frontendUrl: config.FRONTEND_URL ?? `${origins[0]}/`,
    origins,
    cookieName: config.SESSION_COOKIE_NAME,
    deadlines: {
      whoamiMs: config.WHOAMI_DEADLINE_MS,
      submitMs: config.SUBMIT_DEADLINE_MS,
      otherMs: config.KRATOS_DEADLINE_MS,
    },
    sessionCacheMaxAge: config.SESSION_CACHE_MAX_AGE,
    loginLimits: {
      perAddress: config.LOGIN_LIMIT_PER_ADDRESS,
      perIdentifier: config.LOGIN_LIMIT_PER_IDENTIFIER,
      burst: config.LOGIN_LIMIT_BURST,
    },
  }
}
