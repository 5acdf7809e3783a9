import type { FastifyInstance } from 'fastify'
import type { AuthParts } from '../auth.js'
import { budgetSecret, type Config, webhookKeys } from '../config.js'
import { userOf } from '../profile.js'
import type { Budget } from '../throttling/budget.js'
import { sharedKey } from '../throttling/keys.js'
import { sharedCredentialMemory } from './rate-limit/shared-credential-memory.js'
import { createOutage, sharedRateLimitStore } from './rate-limit/shared-rate-limit-store.js'
import { describeStoreError } from './store/errors.js'

/** Shared on Postgres; in memory on SQLite, where this is the only process. */
function rateLimits (
  { store, log }: FastifyInstance,
  config: Config,
): Pick<AuthParts, 'createRateLimitStore' | 'credentialMemory' | 'rateLimitKey'> {
  const buckets = store.loginBudgets
  if (buckets === undefined) return {}
  const outage = createOutage({
    onBegin: (error) =>
      log.warn(
        { event: 'login_budgets_local', cause: describeStoreError(error) },
        'The shared login budgets cannot be used; this process keeps its own',
      ),
    onEnd: () => log.info({ event: 'login_budgets_shared' }, 'The shared login budgets are used again'),
  })
  return {
    createRateLimitStore: (budget: Budget) => sharedRateLimitStore(budget, { buckets, outage }),
    credentialMemory: sharedCredentialMemory(buckets, outage),
    rateLimitKey: sharedKey(budgetSecret(config)),
  }
}

export function authParts (app: FastifyInstance, config: Config): AuthParts {
  const { store, metrics } = app
  return {
    bus: app.bus,
    ...rateLimits(app, config),
    accountData: {
      beginDeletion: store.deletions.begin,
      withdrawDeletion: store.deletions.withdraw,
      remove: store.deletions.finish,
    },
    webhook: {
      keys: webhookKeys(config),
      onIdentity: async (identity) => {
        await store.users.upsert(userOf(identity))
      },
      onOutcome: metrics.recordWebhook,
    },
    flowsPath: '/api/auth/flows',
    onCall: config.METRICS_TOKEN === undefined ? undefined : metrics.recordCall,
  }
}
