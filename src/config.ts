import type { Static, TObject } from '@sinclair/typebox'
import { Ajv, type ErrorObject } from 'ajv'
import envSchema from 'env-schema'
import { distance } from 'fastest-levenshtein'
import {
  burst, ConfigSchema, failingCredentials, FORMATS, list, type Part, perAddress, perIdentifier,
} from './config-schema.js'
import { complaint, OWN_SCHEMAS, schemaProblems, unknownName, withSettingFormats } from './schema-problems.js'
import {
  type AuthSettings,
  completeSettings,
  contradictions,
  type GivenSettings,
  type SettingName,
} from './settings.js'
import { DEFAULT_TRAITS, type TraitPointers } from './kratos-client/traits.js'
import { isPostgresUrl } from './service/store/database-url.js'

export { ConfigSchema, PARTS, type Part } from './config-schema.js'
export type Config = Static<typeof ConfigSchema>

/** For rules between two settings. */
const VARIABLE_OF: Partial<Record<SettingName, string>> = {
  publicUrl: 'KRATOS_PUBLIC_URL',
  adminUrl: 'KRATOS_ADMIN_URL',
  baseUrl: 'PUBLIC_URL',
  cookieName: 'SESSION_COOKIE_NAME',
  sessionCacheMaxAge: 'SESSION_CACHE_MAX_AGE',
  bus: 'a Postgres in DATABASE_URL or BUS_DATABASE_URL',
  'throttle.burst': 'LOGIN_LIMIT_BURST',
  'throttle.perIdentifier': 'LOGIN_LIMIT_PER_IDENTIFIER',
  'traits.email': 'TRAIT_EMAIL',
  'traits.firstName': 'TRAIT_FIRST_NAME',
  'traits.lastName': 'TRAIT_LAST_NAME',
  'traits.username': 'TRAIT_USERNAME',
}

/** One line for each variable; values are never part of it. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: string[]

  constructor (problems: string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

const NAMES = Object.keys(ConfigSchema.properties)
const SECRET_FORMATS = new Set(['key', 'signing-key'])
/** No two are alike, and none is shown. */
export const SECRETS = NAMES.filter((name) => SECRET_FORMATS.has((ConfigSchema as TObject).properties[name]?.['format']))

/** Ajv's conversion also takes `Infinity`, for which a timer fires at once, and `0x10`, which nobody means. */
function unreadableNumbers (data: Record<string, string>): string[] {
  const numbers = NAMES.filter((name) => (ConfigSchema as TObject).properties[name]?.['type'] === 'integer')
  return numbers.filter((name) => !/^-?\d{1,9}$/.test(data[name] ?? '0'))
    .map((name) => complaint(ConfigSchema, [name], 'is not valid'))
}

const traitPointers = (data: Record<string, unknown>): TraitPointers =>
  Object.fromEntries(Object.entries(DEFAULT_TRAITS).map(([name, byDefault]) => [
    name,
    data[VARIABLE_OF[`traits.${name}` as SettingName] ?? ''] ?? byDefault,
  ])) as unknown as TraitPointers

/** A typing error has few wrong letters; an environment holds other programs' names. */
const LONGEST_DISTANCE = 2
const SHORTEST_NAME = 8

function misspelt (data: Record<string, string>): string[] {
  const unknown = Object.keys(data).filter((name) => name.length >= SHORTEST_NAME && !NAMES.includes(name))
  return unknown.filter((name) => NAMES.some((known) => distance(name, known) <= LONGEST_DISTANCE))
    .map((name) => unknownName(name, NAMES))
}

/** Of no use without the other one. */
const PAIRS = [
  ['ID_KEY_PREVIOUS', 'ID_KEY'],
  ['EVENTS_WEBHOOKS', 'EVENTS_WEBHOOK_SECRET'],
  ['EVENTS_WEBHOOK_SECRET_PREVIOUS', 'EVENTS_WEBHOOK_SECRET'],
] as const

/** Also of an environment that is not valid otherwise: all that is wrong is told at once. */
function contradictionsOf (data: Record<string, string>): string[] {
  const keys = SECRETS.filter((name) => data[name] !== undefined)
  const limit = (name: string, { default: byDefault }: { default?: number }): number => Number(data[name] ?? byDefault)
  // Who knows one key must not hold another by it.
  const sameKeys = keys.flatMap((name, index) => {
    const other = keys.slice(0, index).find((earlier) => data[earlier] === data[name])
    return other === undefined ? [] : [`${name} is not valid: it must differ from ${other}`]
  })
  const { INTERNAL_PORT: internal, PORT: port = '3000' } = data
  const samePorts = internal === port ? ['INTERNAL_PORT is not valid: it must differ from PORT'] : []
  const lonely = PAIRS.filter(([name, other]) => data[name] !== undefined && data[other] === undefined)
    .map(([name, other]) => `${name} is not valid: it wants an ${other} beside it`)
  if (data['EVENTS_WEBHOOKS'] !== undefined && data['EVENTS_RETENTION_DAYS'] === '0') {
    lonely.push('EVENTS_WEBHOOKS is not valid: with EVENTS_RETENTION_DAYS 0 there are no events')
  }
  return [...sameKeys, ...lonely, ...samePorts, ...contradictions({
    publicUrl: data['KRATOS_PUBLIC_URL'],
    adminUrl: data['KRATOS_ADMIN_URL'],
    baseUrl: data['PUBLIC_URL'],
    cookieName: data['SESSION_COOKIE_NAME'],
    sessionCacheMaxAge: Number(data['SESSION_CACHE_MAX_AGE'] ?? 0),
    hasBus: busUrl(data) !== undefined,
    traits: traitPointers(data),
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
    return {
      config: envSchema<Config>({ schema: ConfigSchema, data, env: false, ajv: prepared() }),
      problems: [...beyondSchema, ...rules],
    }
  } catch (error) {
    if (!(error instanceof Error) || !('errors' in error) || !Array.isArray(error.errors)) throw error
    const lines = [...new Set([...schemaProblems(error.errors as ErrorObject[], ConfigSchema), ...beyondSchema])]
    const isReported = (rule: string): boolean => lines.some((line) => line.startsWith(`${rule.split(' ', 1)[0]} `))
    return { problems: [...lines, ...rules.filter((rule) => !isReported(rule))] }
  }
}

let ajv: Ajv | undefined
/** As env-schema makes one by itself; it compiles the schema of settings once. */
function prepared (): Ajv {
  if (ajv !== undefined) return ajv
  const reading = { removeAdditional: true, useDefaults: true, coerceTypes: true, allowUnionTypes: true }
  ajv = withSettingFormats(new Ajv({ allErrors: true, ...reading, ...OWN_SCHEMAS }))
  for (const [name, validate] of Object.entries(FORMATS)) ajv.addFormat(name, validate)
  return ajv
}

/** Pure. @throws ConfigError naming everything that is wrong at once */
export function loadConfig (env: Record<string, string | undefined>): Config {
  const { config, problems } = parse(env)
  if (config === undefined || problems.length > 0) throw new ConfigError(problems)
  return config
}

/** For the log: of a secret only that there is one, of the database only its kind. */
export function shownSettings (config: Config): Record<string, unknown> {
  const shown = Object.entries(config).map(([name, value]) => {
    // The address of a target may hold a token.
    if (SECRETS.includes(name) || name === 'EVENTS_WEBHOOKS') return [name, 'set']
    return /DATABASE_URL$/.test(name) ? [name, isPostgresUrl(String(value)) ? 'postgres' : 'sqlite'] : [name, value]
  })
  return Object.fromEntries(shown)
}

/** Where replicas hear of each other; undefined: nowhere. */
export const busUrl = (
  { BUS_DATABASE_URL: own, DATABASE_URL: shared }: { BUS_DATABASE_URL?: string, DATABASE_URL?: string },
): string | undefined => own ?? (isPostgresUrl(shared ?? '') ? shared : undefined)

export const requiredParts = (config: Config): Part[] => list(config.READY_REQUIRES) as Part[]

/** Whether anybody can read the metrics. */
export const isCounting = ({ METRICS_TOKEN: token, INTERNAL_PORT: port }: Config): boolean =>
  token !== undefined || port !== undefined

export const hasEvents = ({ EVENTS_RETENTION_DAYS: days }: Config): boolean => days > 0

export const webhookTargets = ({ EVENTS_WEBHOOKS: urls = '' }: Config): string[] => [...new Set(list(urls))]
export const webhookSecrets = (config: Config): string[] =>
  [config.EVENTS_WEBHOOK_SECRET, config.EVENTS_WEBHOOK_SECRET_PREVIOUS].filter((secret) => secret !== undefined)

export const trustedProxies = (config: Config): string[] => list(config.TRUST_PROXY)
export const webhookKeys = ({ WEBHOOK_KEY: current, WEBHOOK_KEY_PREVIOUS: previous }: Config): string[] =>
  previous === undefined ? [current] : [current, previous]

/**
 * What login budgets are counted under, and ids of sessions written down. While a key is rotated all replicas, old and
 * new, know the former one, so it counts: they never count apart, and nobody begins anew in the middle of guessing.
 */
export const idSecret = (config: Config): string =>
  config.ID_KEY_PREVIOUS ?? config.ID_KEY ?? config.WEBHOOK_KEY_PREVIOUS ?? config.WEBHOOK_KEY

const givenSettings = (config: Config): GivenSettings => ({
  publicUrl: config.KRATOS_PUBLIC_URL,
  adminUrl: config.KRATOS_ADMIN_URL,
  browserUrl: config.KRATOS_BROWSER_URL,
  baseUrl: config.PUBLIC_URL,
  frontendUrl: config.FRONTEND_URL,
  origins: list(config.CORS_ORIGINS),
  returnUrls: list(config.RETURN_URLS),
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
  traits: traitPointers(config),
})

export const authSettings = (config: Config): AuthSettings => completeSettings(givenSettings(config))
