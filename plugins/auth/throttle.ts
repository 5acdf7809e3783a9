import type { KeyObject } from 'node:crypto'
import fp from 'fastify-plugin'
import type { LoginThrottle } from '../../src/http/login-throttle.js'
import { createLoginThrottle } from '../../src/http/throttle.js'
import type { AuthSettings } from '../../src/settings.js'
import { type CredentialMemory, localCredentialMemory } from '../../src/throttling/credential-memory.js'
import type { Budget } from '../../src/throttling/budget.js'
import { identifierPaths } from '../../src/throttling/identifiers.js'
import { randomKey } from '../../src/throttling/keys.js'
import { localRateLimitStore, type RateLimitStore } from '../../src/throttling/rate-limit-store.js'
import { loginThrottle } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    [loginThrottle]: LoginThrottle
  }
}

export interface ThrottlePluginOptions {
  settings: AuthSettings
  /** Stores, memory and key are by default those of this process alone. */
  createStore?: ((budget: Budget) => RateLimitStore) | undefined
  memory?: CredentialMemory | undefined
  key?: KeyObject | undefined
}

export default fp<ThrottlePluginOptions>(async function throttle (app, options) {
  const { settings, createStore = localRateLimitStore, key = randomKey(), memory = localCredentialMemory() } = options
  app.decorate(loginThrottle, createLoginThrottle({
    limits: settings.throttle,
    identifierPaths: identifierPaths(settings.traits),
    key,
    createStore,
    memory,
  }))
}, { name: 'fastify-kratos/throttle', fastify: '5.x' })
