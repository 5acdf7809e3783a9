import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import account from '../routes/api/auth/account/index.js'
import flows from '../routes/api/auth/flows/index.js'
import logoutUrl from '../routes/api/auth/flows/logout/index.js'
import logout from '../routes/api/auth/logout/index.js'
import sessions from '../routes/api/auth/sessions/index.js'
import tokenExchange from '../routes/api/auth/token-exchange/index.js'
import whoami from '../routes/api/auth/whoami/index.js'
import kratosProxy from '../routes/kratos/index.js'
import { type AuthParts, registerAuth } from './auth.js'
import { createKratosMetrics, type KratosMetrics } from './http/kratos-metrics.js'
import { applyOwnRouteRules } from './http/own-routes.js'
import type { PromRegistry } from './http/prom-client.js'
import { publicNames, refuseClash } from './http/public-names.js'
import { completeFastifysAnswers } from './http/refusal.js'
import { onSecurityEvent } from './http/security-event.js'
import {
  type CheckedOptions, checkOptions, DEFAULT_PREFIX, DEFAULT_PROXY_PATH, DEFAULT_PURGE_PATH, DEFAULT_WEBHOOK_PATH,
  type FastifyKratosOptions,
} from './plugin-options.js'
import { routePatterns } from './route-patterns.js'
import type { AuthSettings } from './settings.js'
import { keyOf } from './throttling/keys.js'
import { checkedStore } from './throttling/rate-limit-store.js'
import { isHttpsUrl } from './url-rules.js'
import { ownKratos, ownSessions, receiveIdentities, receivePurges } from './http/own-names.js'

// Without these the declarations of the package would not mention what the plugin adds to app and request.
export type {} from '../plugins/auth/authenticate.js'
export type {} from '../plugins/auth/kratos.js'
export type {} from '../plugins/auth/session-end.js'
export type {} from '../plugins/auth/sessions.js'

export { DEFAULT_PREFIX, DEFAULT_PROXY_PATH, DEFAULT_PURGE_PATH, DEFAULT_WEBHOOK_PATH, type FastifyKratosOptions }
export { type AnyRequest, type RequestAuth, sessionOf } from './http/request-auth.js'
export type * from './kratos-client/session.js'
export type { DeepReadonly } from './kratos-client/deep-freeze.js'
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
export type { Budget, Usage } from './throttling/budget.js'
export type { RateLimitStore } from './throttling/rate-limit-store.js'

/** By name, so that a bundler sees them; the service autoloads the same folders. */
const AUTH_ROUTES: Array<[path: string, routes: FastifyPluginAsyncTypebox<{ settings: AuthSettings }>]> = [
  ['/account', account],
  ['/flows', flows],
  ['/flows/logout', logoutUrl],
  ['/logout', logout],
  ['/sessions', sessions],
  ['/token-exchange', tokenExchange],
  ['/whoami', whoami],
]

function partsOf (
  options: CheckedOptions,
  flowsPath: string | undefined,
  metrics: KratosMetrics | undefined,
): AuthParts {
  const { webhook, purge, throttleStore, defaultDeny, onAccountDeleted } = options
  return {
    accountData: onAccountDeleted && { remove: (identityId) => onAccountDeleted(identityId) },
    webhook: webhook && { ...webhook, onOutcome: metrics?.recordWebhook },
    purgeKeys: purge?.keys,
    createRateLimitStore: throttleStore && ((budget) => checkedStore(throttleStore.create(budget))),
    rateLimitKey: throttleStore?.key === undefined ? undefined : keyOf(throttleStore.key),
    dispatcher: options.dispatcher,
    bus: options.bus,
    mayBeUnlabelled: defaultDeny === undefined ? undefined : routePatterns(defaultDeny.except ?? []),
    names: options.decorators,
    flowsPath,
    onCall: metrics?.recordCall,
    onTimes: metrics?.recordTimes,
  }
}

/**
 * Ory Kratos behind an existing Fastify 5 app (docs/plugin.md). Error handler, parsers, compilers and headers of the
 * app stay as they are. @throws TypeError at registration, naming every option that is wrong
 */
async function fastifyKratos (app: FastifyInstance, given: FastifyKratosOptions): Promise<void> {
  if (app.hasRequestDecorator(REGISTERED)) throw new TypeError('fastify-kratos is registered on this instance already')
  app.decorateRequest(REGISTERED, null)
  const { settings, options } = checkOptions(given)
  refuseClash(app, publicNames(options.decorators))
  const { client, registry } = options.metrics ?? {}
  const metrics = client && createKratosMetrics(client, registry ?? client.register as PromRegistry)
  if (metrics !== undefined) {
    onSecurityEvent(app, metrics.recordSecurityEvent)
    app.addHook('onClose', async () => metrics.remove())
  }
  const routesPrefix = options.routes?.prefix ?? DEFAULT_PREFIX
  const hostPrefix = app.prefix.replace(/\/$/, '')
  const flowsPath = given.routes === false ? undefined : `${hostPrefix}${routesPrefix}/flows`
  const parts = partsOf(options, flowsPath, metrics)
  await registerAuth(app, settings, parts)
  completeFastifysAnswers(app)
  metrics?.trackPools(() => app[ownKratos].load())
  metrics?.trackSessions(() => app[ownSessions].counters())

  const routeRules = {
    https: settings.baseUrl !== undefined && isHttpsUrl(settings.baseUrl),
    cookieName: settings.cookieName,
    openapi: options.openapi ?? true,
  }
  /** A scope with our HTTP rules, which nothing of the host reaches. */
  const addRoutes = async (prefix: string, add: (scope: FastifyInstance) => unknown): Promise<void> => {
    await app.register(async function ownRoutes (scope) {
      applyOwnRouteRules(scope, routeRules)
      await add(scope)
    }, { prefix })
  }

  if (given.routes !== false) {
    await addRoutes(routesPrefix, async (scope) => {
      for (const [prefix, routes] of AUTH_ROUTES) await scope.register(routes, { prefix, settings })
    })
  }
  const { webhook, purge, proxy, mailLinks } = options
  if (webhook !== undefined) {
    await addRoutes('', (scope) => scope[receiveIdentities](scope, webhook.path ?? DEFAULT_WEBHOOK_PATH))
  }
  if (purge !== undefined) {
    await addRoutes('', (scope) => scope[receivePurges](scope, purge.path ?? DEFAULT_PURGE_PATH))
  }
  if (proxy !== undefined) {
    await addRoutes(proxy.path ?? DEFAULT_PROXY_PATH, (scope) => scope.register(kratosProxy, { settings }))
  } else if (given.routes !== false && given.mailLinks !== false) {
    const mailRoutes = { settings, onlyMailLinks: true }
    await addRoutes(mailLinks?.path ?? DEFAULT_PROXY_PATH, (scope) => scope.register(kratosProxy, mailRoutes))
  }
}

const REGISTERED = Symbol('fastify-kratos')

const plugin = fp(fastifyKratos, { name: 'fastify-kratos', fastify: '5.x' })

export { plugin as fastifyKratos }
export default plugin
