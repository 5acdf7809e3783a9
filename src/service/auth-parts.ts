import type { FastifyInstance } from 'fastify'
import type { AuthParts } from '../auth.js'
import { type Config, idSecret, isCounting, webhookKeys } from '../config.js'
import { userOf } from '../profile.js'
import type { AuthSettings } from '../settings.js'
import type { Budget } from '../throttling/budget.js'
import { sharedKey } from '../throttling/keys.js'
import { sharedCredentialMemory } from './rate-limit/shared-credential-memory.js'
import { createOutage, sharedRateLimitStore } from './rate-limit/shared-rate-limit-store.js'
import { describeStoreError } from './store/errors.js'

/** Shared on Postgres; in memory on SQLite, where this is the only process. */
function rateLimits (
  { store, log, metrics }: FastifyInstance,
  config: Config,
): Pick<AuthParts, 'createRateLimitStore' | 'credentialMemory' | 'rateLimitKey'> {
  const buckets = store.loginBudgets
  if (buckets === undefined) return {}
  const outage = createOutage({
    onBegin: (error) => {
      metrics.recordLocalBudgets(true)
      log.warn(
        { event: 'login_budgets_local', cause: describeStoreError(error) },
        'The shared login budgets cannot be used; this process keeps its own',
      )
    },
    onEnd: () => {
      metrics.recordLocalBudgets(false)
      log.info({ event: 'login_budgets_shared' }, 'The shared login budgets are used again')
    },
  })
  return {
    createRateLimitStore: (budget: Budget) => sharedRateLimitStore(budget, { buckets, outage }),
    credentialMemory: sharedCredentialMemory(buckets, outage),
    rateLimitKey: sharedKey(idSecret(config)),
  }
}

/** Tells two listeners, or the one that is there. */
function both<Args extends unknown[]> (
  one: ((...args: Args) => void) | undefined,
  other: ((...args: Args) => void) | undefined,
): ((...args: Args) => void) | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return (...args) => {
    one(...args)
    other(...args)
  }
}

export function authParts (app: FastifyInstance, config: Config, { traits }: AuthSettings): AuthParts {
  const { store, metrics, tracing } = app
  return {
    bus: app.bus,
    ...rateLimits(app, config),
    accountData: {
      beginDeletion: async (identityId) => {
        const attempt = await store.deletions.begin(identityId)
        return async () => {
          if (attempt !== undefined) await store.deletions.withdraw(attempt)
        }
      },
      remove: store.deletions.finish,
    },
    events: app.events,
    webhook: {
      keys: webhookKeys(config),
      onIdentity: async (identity, { requestId }) => {
        await store.users.upsert(userOf(identity, traits), { requestId })
      },
      onOutcome: metrics.recordWebhook,
    },
    flowsPath: '/api/auth/flows',
    onCall: both(isCounting(config) ? metrics.recordCall : undefined, tracing?.onCall),
    onTimes: both(isCounting(config) ? metrics.recordTimes : undefined, tracing?.onTimes),
  }
}
