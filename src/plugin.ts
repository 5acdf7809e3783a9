import { join } from 'node:path'
import autoload from '@fastify/autoload'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import authenticate from '../plugins/auth/authenticate.js'
import kratosCaller from '../plugins/auth/kratos-caller.js'
import cookie from '../plugins/auth/cookie.js'
import kratos from '../plugins/auth/kratos.js'
import sessions from '../plugins/auth/sessions.js'
import originGuard from '../plugins/auth/origin-guard.js'
import { createLoginThrottle } from './http/throttle.js'
import { applyHttpRules } from './http/rules.js'
import {
  DEFAULT_PREFIX, DEFAULT_WEBHOOK_PATH, type FastifyKratosOptions, optionProblems,
  settingsOf,
} from './plugin-options.js'
import { isHttpsUrl } from './url-rules.js'
import { randomKey } from './throttling/keys.js'
import { localRateLimitStore } from './throttling/rate-limit-store.js'
import { addWebhookReceiver } from './webhook/receiver.js'

// Without these the declarations of the package would not mention `app.kratos`, `app.authenticate`, `app.sessions` and
// the session.
export type {} from '../plugins/auth/authenticate.js'
export type {} from '../plugins/auth/kratos.js'
export type {} from '../plugins/auth/sessions.js'

export type * from './kratos-client/session.js'
export type { Answer, Accepted, Refusal } from './kratos-client/answer.js'
export type { Caller, FlowName, FlowType } from './kratos-client/caller.js'
export type { Deadlines, KratosClient } from './kratos-client/client.js'
export type { IdentityOutcome, SessionOutcome } from './kratos-client/session-outcome.js'
export type { Credential } from './kratos-client/credential.js'
export type { RequestScope } from './kratos-client/request-scope.js'
export type { UpstreamFailure } from './kratos-client/upstream-failure.js'
export type { ErrorCode } from './errors.js'
export type { WebhookIdentity } from './webhook/identity.js'
export type { Invalidation, SessionCounters, SessionResolver } from './sessions/resolver.js'
export type { AuthRequirement } from './sessions/strength.js'
export type { FastifyKratosOptions } from './plugin-options.js'
export type { LoginLimits } from './settings.js'
export { DEFAULT_PREFIX, DEFAULT_WEBHOOK_PATH } from './plugin-options.js'

const OWN_DECORATORS = [
  'kratos',
  'sessions',
  'authenticate',
  'authenticateOptional',
  'onAccountDeleted',
  'loginThrottle',
] as const

/** @throws TypeError where the plugin, or somebody else's decorator of the same name, is there already */
function refuseClash (app: FastifyInstance): void {
  if (app.hasRequestDecorator('kratosSession')) { throw new TypeError('fastify-kratos is registered on this instance already') }
  const taken = OWN_DECORATORS.filter((name) => app.hasDecorator(name))
  if (taken.length > 0) { throw new TypeError(`fastify-kratos: this app has ${taken.map((name) => `app.${name}`).join(' and ')} already`) }
}

/**
 * The public plugin: Ory Kratos behind an existing Fastify 5 app. It adds `app.kratos`, `app.authenticate`,
 * `app.authenticateOptional`, `request.kratosSession`, the auth routes and, with `webhook`, Kratos' webhook receiver.
 * Error handler, parsers, compilers and headers of the app stay as they are; the plugin's manners are those of its own
 * routes only.
 * @throws TypeError at registration, naming every option that is wrong
 */
async function fastifyKratos (app: FastifyInstance, options: FastifyKratosOptions): Promise<void> {
  refuseClash(app)
  const problems = optionProblems(options)
  if (problems.length > 0) throw new TypeError(`fastify-kratos: ${problems.join('; ')}`)

  const { routes, webhook } = options
  const settings = settingsOf(options)
  const https = settings.baseUrl !== undefined && isHttpsUrl(settings.baseUrl)
  for (const plugin of [kratos, kratosCaller, cookie, originGuard, sessions]) await app.register(plugin, { settings })
  await app.register(authenticate)
  app.decorate(
    'loginThrottle',
    await createLoginThrottle(app, {
      limits: settings.loginLimits,
      secret: randomKey(),
      createStore: localRateLimitStore,
    }),
  )
  app.decorate('onAccountDeleted', options.onAccountDeleted ?? (async () => {}))

  async function authRoutes (scope: FastifyInstance): Promise<void> {
    applyHttpRules(scope, { https })
    await scope.register(autoload, { dir: join(import.meta.dirname, '../routes/api/auth'), options: { settings } })
  }
  if (routes !== false) await app.register(authRoutes, { prefix: routes?.prefix ?? DEFAULT_PREFIX })
  if (webhook === undefined) return
  await app.register(async function webhookRoute (scope) {
    applyHttpRules(scope, { https })
    const onIdentity: typeof webhook.onIdentity = async (identity, delivery) => {
      app.sessions.invalidate({ identityId: identity.id.toLowerCase() })
      await webhook.onIdentity(identity, delivery)
    }
    addWebhookReceiver(scope, webhook.path ?? DEFAULT_WEBHOOK_PATH, { ...webhook, onIdentity })
  })
}

export default fp(fastifyKratos, { name: 'fastify-kratos', fastify: '5.x' })
