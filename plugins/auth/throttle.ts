import fp from 'fastify-plugin'
import type { LoginThrottle } from '../../src/http/login-throttle.js'
import { createLoginThrottle } from '../../src/http/throttle.js'
import type { AuthSettings } from '../../src/settings.js'
import { type CredentialMemory, localCredentialMemory } from '../../src/throttling/credential-memory.js'
import type { Budget } from '../../src/throttling/budget.js'
import { randomKey } from '../../src/throttling/keys.js'
import { localRateLimitStore, type RateLimitStore } from '../../src/throttling/rate-limit-store.js'
import { loginThrottle } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hooks that keep login, registration, recovery and verification submits within their budgets. */
    [loginThrottle]: LoginThrottle
  }
}

export interface ThrottlePluginOptions {
  settings: AuthSettings
  /** Where the counters of a budget are kept; default: in the memory of this process. */
  createStore?: ((budget: Budget) => RateLimitStore) | undefined
  /** Where is remembered whose second factor a session may prove; default: in the memory of this process. */
  memory?: CredentialMemory | undefined
  /** Key of the digests; default: one of this process alone. */
  key?: string | undefined
}

export default fp<ThrottlePluginOptions>(async function throttle (app, options) {
  const { settings, createStore = localRateLimitStore, key = randomKey(), memory = localCredentialMemory() } = options
  app.decorate(loginThrottle, createLoginThrottle({ limits: settings.throttle, key, createStore, memory }))
}, { name: 'throttle', fastify: '5.x' })
