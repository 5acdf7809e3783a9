import fp from 'fastify-plugin'
import type { Config } from '../../src/config.js'
import { createLoginThrottle, type LoginThrottle } from '../../src/http/throttle.js'
import type { AuthSettings } from '../../src/settings.js'
import { StoreUnavailableError } from '../../src/service/store/errors.js'
import type { Budget } from '../../src/throttling/budget.js'
import { randomKey, sharedKey } from '../../src/throttling/keys.js'
import { localRateLimitStore } from '../../src/throttling/rate-limit-store.js'
import { createOutage, sharedRateLimitStore } from '../../src/service/rate-limit/shared-rate-limit-store.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hooks that keep login, registration, recovery and verification submits within their budgets. */
    loginThrottle: LoginThrottle
  }
}

export interface ThrottlePluginOptions {
  config: Config
  settings: AuthSettings
}

/** Budgets of the service: in common on Postgres, in memory where SQLite says that this is the only process. */
export default fp<ThrottlePluginOptions>(async function throttle (app, { config, settings }) {
  const buckets = app.store.loginBudgets
  const outage = createOutage({
    onBegin: (error) =>
      app.log.warn({
        event: 'login_budgets_local',
        cause: error instanceof StoreUnavailableError ? error.message : String((error as Error).message),
      }, 'The shared login budgets cannot be used; this process keeps its own'),
    onEnd: () => app.log.info({ event: 'login_budgets_shared' }, 'The shared login budgets are used again'),
  })
  app.decorate(
    'loginThrottle',
    await createLoginThrottle(app, {
      limits: settings.loginLimits,
      secret: buckets === undefined ? randomKey() : sharedKey(config.WEBHOOK_KEY),
      createStore: (budget: Budget) =>
        buckets === undefined ? localRateLimitStore(budget) : sharedRateLimitStore(budget, { buckets, outage }),
    }),
  )
}, { name: 'throttle', fastify: '5.x', dependencies: ['store'] })
