import { type Static, Type } from '@sinclair/typebox'
import { Ajv, type ValidateFunction } from 'ajv'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import account from '../routes/api/auth/account/index.js'
import flows from '../routes/api/auth/flows/index.js'
import logoutUrl from '../routes/api/auth/flows/logout/index.js'
import logout from '../routes/api/auth/logout/index.js'
import sessions from '../routes/api/auth/sessions/index.js'
import whoami from '../routes/api/auth/whoami/index.js'
import { registerAuth } from './auth.js'
import { applyHttpRules } from './http/rules.js'
import { schemaProblems, withSettingFormats } from './schema-problems.js'
import { type AuthSettings, completeSettings, contradictions, MIN_KEY_BYTES, SettingsSchema } from './settings.js'
import { isHttpsUrl } from './url-rules.js'
import type { WebhookOptions } from './webhook/receiver.js'

// Without these the declarations of the package would not mention `app.kratos`, `app.authenticate`, `app.sessions` and
// the session.
export type {} from '../plugins/auth/authenticate.js'
export type {} from '../plugins/auth/kratos.js'
export type {} from '../plugins/auth/sessions.js'

export type * from './kratos-client/session.js'
export type { Accepted, Answer, Refusal } from './kratos-client/answer.js'
export type { Caller, FlowName, FlowType } from './kratos-client/caller.js'
export type { KratosClient } from './kratos-client/client.js'
export type { IdentityOutcome, SessionOutcome } from './kratos-client/session-outcome.js'
export type { Credential } from './kratos-client/credential.js'
export type { RequestScope } from './kratos-client/request-scope.js'
export type { UpstreamFailure } from './kratos-client/upstream-failure.js'
export type { ErrorCode } from './errors.js'
export type { WebhookIdentity } from './webhook/identity.js'
export type { Invalidation, SessionCounters, SessionResolver } from './sessions/resolver.js'
export type { AuthRequirement } from './sessions/strength.js'
export type { Deadlines, LoginLimits } from './settings.js'

export const DEFAULT_PREFIX = '/api/auth'
export const DEFAULT_WEBHOOK_PATH = '/internal/auth/user-created'

/** What only a program can set. */
const OptionsSchema = Type.Object({
  ...SettingsSchema.properties,
  /** Removes what the app keeps of an identity that deleted its account; called after Kratos deleted it. */
  onAccountDeleted: Type.Optional(
    Type.Unsafe<(identityId: string) => Promise<void>>({ isFunction: true, description: 'a function' }),
  ),
  /** The auth routes (flows, whoami, logout, sessions) under a prefix. */
  routes: Type.Optional(Type.Object({
    prefix: Type.Optional(Type.String({ format: 'path', description: 'a path such as /api/auth' })),
  }, { additionalProperties: false, description: '{ prefix } or false' })),
  /** Kratos' webhook receiver; without it there is none. */
  webhook: Type.Optional(Type.Object({
    keys: Type.Array(Type.String({ format: 'key' }), {
      minItems: 1,
      description: `at least one key of at least ${MIN_KEY_BYTES} bytes, visible ASCII`,
    }),
    onIdentity: Type.Unsafe<WebhookOptions['onIdentity']>({ isFunction: true, description: 'a function' }),
    path: Type.Optional(Type.String({ format: 'path', description: `a path such as ${DEFAULT_WEBHOOK_PATH}` })),
  }, { additionalProperties: false, description: '{ keys, onIdentity, path }' })),
}, { additionalProperties: false })

type CheckedOptions = Static<typeof OptionsSchema>
/** Members for which `false` means that there is none of it. */
const MAY_BE_FALSE = ['throttle', 'routes'] as const

/** Everything but `publicUrl` is optional; the README has a table of them all. */
export type FastifyKratosOptions =
  & Pick<CheckedOptions, 'publicUrl'>
  & Partial<Omit<CheckedOptions, 'origins' | 'deadlines' | typeof MAY_BE_FALSE[number]>>
  & {
    origins?: readonly string[]
    deadlines?: Partial<CheckedOptions['deadlines']>
    throttle?: false | Partial<CheckedOptions['throttle']>
    routes?: false | NonNullable<CheckedOptions['routes']>
  }

/** Compiled at the first registration: an app that only imports the plugin's types should not wait for it. */
let validate: ValidateFunction | undefined
function optionsValidator (): ValidateFunction {
  validate ??= withSettingFormats(new Ajv({ allErrors: true, useDefaults: true, strict: false })).compile(OptionsSchema)
  return validate
}

/** A member of Fastify's own that `register` hands on; a prefix is ignored for a plugin that is not encapsulated. */
const PREFIX_PROBLEM = 'prefix belongs into routes: { prefix }'

const copyOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : value

/**
 * Fills in the defaults.
 * @throws TypeError naming everything that is wrong at once, without values
 */
function checkOptions (options: FastifyKratosOptions): { settings: AuthSettings, options: CheckedOptions } {
  const given = Object.entries(options).filter(([name, value]) =>
    value !== undefined && !['logLevel', 'logSerializers'].includes(name) &&
    !(value === false && (MAY_BE_FALSE as readonly string[]).includes(name)),
  )
  // Defaults are filled into a copy: the caller's object stays as it is.
  const { prefix, ...checked } = Object.fromEntries(given.map(([name, value]) => [name, copyOf(value)]))
  const isValid = optionsValidator()
  const problems = [
    ...(prefix === undefined ? [] : [PREFIX_PROBLEM]),
    ...(isValid(checked) ? [] : schemaProblems(isValid.errors ?? [], OptionsSchema)),
  ]
  if (problems.length > 0) throw new TypeError(`fastify-kratos: ${problems.join('; ')}`)
  const valid = checked as CheckedOptions
  const settings = { ...valid, throttle: options.throttle === false ? false as const : valid.throttle }
  const broken = contradictions(settings)
  if (broken.length > 0) throw new TypeError(`fastify-kratos: ${broken.join('; ')}`)
  return { settings: completeSettings(settings), options: valid }
}

const OWN_DECORATORS = [
  'kratos',
  'sessions',
  'authenticate',
  'authenticateOptional',
  'onAccountDeleted',
  'loginThrottle',
  'guardOrigin',
  'guardBrowserOrigin',
  'guardVisit',
  'receiveIdentities',
  'receivePurges',
]

/** @throws TypeError where the plugin, or somebody else's decorator of the same name, is there already */
function refuseClash (app: FastifyInstance): void {
  if (app.hasRequestDecorator('kratosSession')) {
    throw new TypeError('fastify-kratos is registered on this instance already')
  }
  const taken = OWN_DECORATORS.filter((name) => app.hasDecorator(name))
  if (taken.length === 0) return
  throw new TypeError(`fastify-kratos: this app has ${taken.map((name) => `app.${name}`).join(' and ')} already`)
}

/** The folders below routes/api/auth, by name, so that a bundler sees them; the service autoloads the same ones. */
const AUTH_ROUTES: Array<[path: string, routes: FastifyPluginAsyncTypebox<{ settings: AuthSettings }>]> = [
  ['/account', account],
  ['/flows', flows],
  ['/flows/logout', logoutUrl],
  ['/logout', logout],
  ['/sessions', sessions],
  ['/whoami', whoami],
]

/**
 * The public plugin: Ory Kratos behind an existing Fastify 5 app. It adds `app.kratos`, `app.authenticate`,
 * `app.authenticateOptional`, `request.kratosSession`, the auth routes and, with `webhook`, Kratos' webhook receiver.
 * Error handler, parsers, compilers and headers of the app stay as they are; the plugin's HTTP rules are those of its
 * own routes only.
 * @throws TypeError at registration, naming every option that is wrong
 */
async function fastifyKratos (app: FastifyInstance, given: FastifyKratosOptions): Promise<void> {
  refuseClash(app)
  const { settings, options } = checkOptions(given)
  const { webhook, onAccountDeleted } = options
  const https = settings.baseUrl !== undefined && isHttpsUrl(settings.baseUrl)
  await registerAuth(app, settings, { onAccountDeleted, webhook })

  if (given.routes !== false) {
    await app.register(async function authRoutes (scope) {
      applyHttpRules(scope, { https })
      for (const [prefix, routes] of AUTH_ROUTES) await scope.register(routes, { prefix, settings })
    }, { prefix: options.routes?.prefix ?? DEFAULT_PREFIX })
  }
  if (webhook === undefined) return
  await app.register(async function webhookRoute (scope) {
    applyHttpRules(scope, { https })
    scope.receiveIdentities(scope, webhook.path ?? DEFAULT_WEBHOOK_PATH)
  })
}

export default fp(fastifyKratos, { name: 'fastify-kratos', fastify: '5.x' })
