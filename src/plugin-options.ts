import { type Static, type TOptional, type TString, Type } from '@sinclair/typebox'
import type { ValidateFunction } from 'ajv'
import { createAjv } from './ajv.js'
import type { Dispatcher } from 'undici'
import type { PromClient, PromRegistry } from './http/prom-client.js'
import { PUBLIC_NAMES, type PublicNames } from './http/public-names.js'
import { schemaProblems, withSettingFormats } from './schema-problems.js'
import { type AuthSettings, completeSettings, contradictions, MIN_KEY_BYTES, SettingsSchema } from './settings.js'
import type { Bus } from './sessions/bus.js'
import type { Budget } from './throttling/budget.js'
import type { RateLimitStore } from './throttling/rate-limit-store.js'
import type { WebhookOptions } from './webhook/receiver.js'

export const DEFAULT_PREFIX = '/api/auth'
export const DEFAULT_WEBHOOK_PATH = '/internal/auth/user-created'
export const DEFAULT_PURGE_PATH = '/internal/auth/purge'
export const DEFAULT_PROXY_PATH = '/kratos'

const path = (byDefault: string) =>
  Type.Optional(Type.String({ format: 'path', description: `a path such as ${byDefault}` }))
const keys = Type.Array(Type.String({ format: 'key' }), {
  minItems: 1,
  description: `at least one key of at least ${MIN_KEY_BYTES} bytes, visible ASCII`,
})
const aFunction = <T>(description: string) => Type.Unsafe<T>({ isFunction: true, description })
const closed = <T extends Parameters<typeof Type.Object>[0]>(properties: T, description: string) =>
  Type.Object(properties, { additionalProperties: false, description })

/** What only a program can set. */
export const OptionsSchema = Type.Object({
  ...SettingsSchema.properties,
  onAccountDeleted: Type.Optional(aFunction<(identityId: string) => Promise<void>>(
    'a function that removes what the app keeps of a deleted account',
  )),
  routes: Type.Optional(closed({ prefix: path(DEFAULT_PREFIX) }, '{ prefix } of the auth routes, or false for none')),
  webhook: Type.Optional(closed({
    keys,
    onIdentity: aFunction<WebhookOptions['onIdentity']>('a function'),
    path: path(DEFAULT_WEBHOOK_PATH),
  }, "{ keys, onIdentity, path } of Kratos' webhook receiver")),
  purge: Type.Optional(closed({ keys, path: path(DEFAULT_PURGE_PATH) }, '{ keys, path } of the receiver of purges')),
  proxy: Type.Optional(closed(
    { path: path(DEFAULT_PROXY_PATH) },
    "{ path }: Kratos' own public API on this origin, for its SDK, its forms and social login",
  )),
  mailLinks: Type.Optional(closed(
    { path: path(DEFAULT_PROXY_PATH) },
    '{ path }: where the links of mails lead without the proxy, or false for none',
  )),
  defaultDeny: Type.Optional(closed({
    except: Type.Optional(Type.Array(Type.String({ format: 'route-pattern' }), {
      description: 'routes that need no config.auth: paths such as /status, or /docs/* for everything below',
    })),
  }, 'true, or { except: ["/docs/*"] }: a route without config.auth stops the start')),
  openapi: Type.Optional(Type.Boolean({ description: 'true, or false: API documents do not show the routes' })),
  decorators: Type.Optional(closed(
    Object.fromEntries(PUBLIC_NAMES.map((name) => [name, Type.Optional(Type.String({
      format: 'identifier',
      description: `another name for ${name}`,
    }))])) as { [name in keyof PublicNames]: TOptional<TString> },
    `{ ${PUBLIC_NAMES.join(', ')} }: other names for what the app has already`,
  )),
  dispatcher: Type.Optional(Type.Unsafe<Dispatcher>({
    hasMethod: 'dispatch',
    description: 'a Dispatcher of undici 7 for calls to Kratos: private CA, client certificate, proxy, MockAgent',
  })),
  // Open: a bus may have more, such as a `close` for whoever opened it.
  bus: Type.Optional(Type.Object({
    publish: aFunction<Bus['publish']>('a function (message) that hands it to all replicas, and rejects when it cannot'),
    subscribe: aFunction<Bus['subscribe']>('a function ({ onMessage, onLoss })'),
    alive: aFunction<Bus['alive']>('a function: whether this process is connected'),
  }, { description: '{ publish, subscribe, alive }: carries purges and ended sessions between replicas' })),
  metrics: Type.Optional(closed({
    client: Type.Unsafe<PromClient>({ hasMethod: 'Histogram', description: 'the module prom-client' }),
    registry: Type.Optional(Type.Unsafe<PromRegistry>({
      hasMethod: 'registerMetric',
      description: "a registry of prom-client; default: that module's own",
    })),
  }, '{ client, registry }: prom-client, and where it counts')),
  throttleStore: Type.Optional(closed({
    create: aFunction<(budget: Budget) => RateLimitStore>('a function (budget) that makes a store'),
    key: Type.Optional(Type.String({
      format: 'key',
      description: `a secret of at least ${MIN_KEY_BYTES} bytes that all processes of the store share`,
    })),
  }, '{ create, key }: where the login budgets are kept; default: in the memory of this process')),
}, { additionalProperties: false })

export type CheckedOptions = Static<typeof OptionsSchema>
const MAY_BE_FALSE = ['throttle', 'routes', 'defaultDeny', 'proxy', 'mailLinks'] as const
const MAY_BE_TRUE = ['defaultDeny', 'proxy'] as const

/** Everything but `publicUrl` is optional; docs/plugin.md has a table of them all. */
export type FastifyKratosOptions =
  & Pick<CheckedOptions, 'publicUrl'>
  & Partial<
    Omit<
      CheckedOptions,
      'origins' | 'returnUrls' | 'deadlines' | 'traits' | typeof MAY_BE_FALSE[number] | typeof MAY_BE_TRUE[number]
    >
  >
  & {
    origins?: readonly string[]
    returnUrls?: readonly string[]
    deadlines?: Partial<CheckedOptions['deadlines']>
    traits?: Partial<CheckedOptions['traits']>
    throttle?: false | Partial<CheckedOptions['throttle']>
    routes?: false | NonNullable<CheckedOptions['routes']>
    defaultDeny?: boolean | NonNullable<CheckedOptions['defaultDeny']>
    proxy?: boolean | NonNullable<CheckedOptions['proxy']>
    mailLinks?: false | NonNullable<CheckedOptions['mailLinks']>
  }

/** Compiled at the first registration: an app that only imports the plugin's types should not wait for it. */
let validate: ValidateFunction | undefined
function optionsValidator (): ValidateFunction {
  validate ??= withSettingFormats(createAjv({ allErrors: true, useDefaults: true, strict: false }))
    .compile(OptionsSchema)
  return validate
}

/** `register` hands it on, and Fastify ignores it for a plugin that is not encapsulated. */
const PREFIX_PROBLEM = 'prefix belongs into routes: { prefix }'

const includes = (names: readonly string[], name: string): boolean => names.includes(name)

/** Defaults are filled into a copy; what has a class of its own stays what it is. */
const copyOf = (name: string, value: unknown): unknown => {
  if (value === true && includes(MAY_BE_TRUE, name)) return {}
  if (typeof value !== 'object' || value === null) return value
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)
  return isPlain ? { ...value } : value
}

/** Fills in the defaults. @throws TypeError naming everything that is wrong at once, without values */
export function checkOptions (options: FastifyKratosOptions): { settings: AuthSettings, options: CheckedOptions } {
  const given = Object.entries(options).filter(([name, value]) =>
    value !== undefined && !['logLevel', 'logSerializers'].includes(name) &&
    !(value === false && includes(MAY_BE_FALSE, name)),
  )
  const { prefix, ...checked } = Object.fromEntries(given.map(([name, value]) => [name, copyOf(name, value)]))
  const isValid = optionsValidator()
  const problems = [
    ...(prefix === undefined ? [] : [PREFIX_PROBLEM]),
    ...(isValid(checked) ? [] : schemaProblems(isValid.errors ?? [], OptionsSchema)),
  ]
  if (problems.length > 0) throw new TypeError(`fastify-kratos: ${problems.join('; ')}`)
  const valid = checked as CheckedOptions
  const settings = { ...valid, throttle: options.throttle === false ? false as const : valid.throttle }
  const broken = contradictions({ ...settings, hasBus: valid.bus !== undefined })
  if (broken.length > 0) throw new TypeError(`fastify-kratos: ${broken.join('; ')}`)
  return { settings: completeSettings(settings), options: valid }
}
