import type { FastifyInstance } from 'fastify'
import authenticate from '../plugins/auth/authenticate.js'
import cookie from '../plugins/auth/cookie.js'
import kratos from '../plugins/auth/kratos.js'
import kratosCaller from '../plugins/auth/kratos-caller.js'
import originGuard from '../plugins/auth/origin-guard.js'
import sessions from '../plugins/auth/sessions.js'
import throttle from '../plugins/auth/throttle.js'
import webhook from '../plugins/auth/webhook.js'
import type { CallObserver } from './kratos-client/observed-client.js'
import type { AuthSettings } from './settings.js'
import type { Budget } from './throttling/budget.js'
import type { CredentialMemory } from './throttling/credential-memory.js'
import type { RateLimitStore } from './throttling/rate-limit-store.js'
import type { WebhookOptions } from './webhook/receiver.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Removes what this app keeps of an identity that Kratos has deleted. */
    onAccountDeleted: (identityId: string) => Promise<void>
  }
}

/** What plugin and service do differently. */
export interface AuthParts {
  /** Where the counters of a login budget are kept; default: in the memory of this process. */
  createRateLimitStore?: ((budget: Budget) => RateLimitStore) | undefined
  /** Where is remembered whose second factor a session may prove; default: in the memory of this process. */
  credentialMemory?: CredentialMemory | undefined
  /** Key of the digests under which login budgets are counted; default: one of this process alone. */
  rateLimitKey?: string | undefined
  onAccountDeleted?: ((identityId: string) => Promise<void>) | undefined
  /** Kratos' webhook and purges; without it there are no receivers. */
  webhook?: WebhookOptions | undefined
  /** Told of each call to Kratos. */
  onCall?: CallObserver | undefined
}

/**
 * Everything that plugin and service have in common: decorators on `app` that the routes live by. Nobody else registers
 * these parts.
 */
export async function registerAuth (
  app: FastifyInstance,
  settings: AuthSettings,
  parts: AuthParts = {},
): Promise<void> {
  await app.register(kratosCaller, { settings })
  await app.register(kratos, { settings, onCall: parts.onCall })
  await app.register(cookie, { settings })
  await app.register(originGuard, { settings })
  await app.register(sessions, { settings })
  await app.register(authenticate)
  await app.register(throttle, {
    settings,
    createStore: parts.createRateLimitStore,
    memory: parts.credentialMemory,
    key: parts.rateLimitKey,
  })
  await app.register(webhook, { webhook: parts.webhook })
  app.decorate('onAccountDeleted', parts.onAccountDeleted ?? (async () => {}))
}
