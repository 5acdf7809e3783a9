import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { serviceError } from '../errors.js'
import type { LoginLimits } from '../settings.js'
import type { Budget } from '../throttling/budget.js'
import { bucketKey, identifiersOf } from '../throttling/keys.js'
import type { RateLimitStore } from '../throttling/rate-limit-store.js'
import { createLimiter } from './limiter.js'
import { logSecurityEvent } from './security-event.js'

type Hook = (request: FastifyRequest) => Promise<void>

/** Hooks for what guesses passwords or names (G05); past a budget they throw RATE_LIMITED with the seconds to wait. */
export interface LoginThrottle {
  /** For `onRequest`: counts the request for the client's address, before its body is read. */
  byAddress: Hook
  /**
   * For `preHandler`: counts each identifier of a valid body, for this address alone: nobody can lock others out (G10).
   */
  byIdentifier: Hook
}

export interface LoginThrottleOptions {
  /** undefined: no limit, the hooks let everything pass. */
  limits: LoginLimits | undefined
  /** Key of the digests under which buckets are kept. */
  secret: string
  /** Makes the store of a budget; called once for each. */
  createStore: (budget: Budget) => RateLimitStore
}

/** Who holds an IPv6 address holds the 2^64 beside it too; an IPv4 client of an IPv6 socket is the same client. */
const IPV6_SUBNET_BITS = 64

function refuse (request: FastifyRequest, budget: 'address' | 'identifier', retryAfter: number): never {
  logSecurityEvent(
    request,
    'rate_limited',
    { budget, route: request.routeOptions.url },
    'Submit past a login budget refused',
  )
  throw serviceError('RATE_LIMITED', { retryAfter })
}

export async function createLoginThrottle (
  app: FastifyInstance,
  { limits, secret, createStore }: LoginThrottleOptions,
): Promise<LoginThrottle> {
  if (limits === undefined) return { byAddress: async () => {}, byIdentifier: async () => {} }
  const { perAddress, perIdentifier, burst } = limits
  const limitAddress = await createLimiter(app, createStore({ perMinute: perAddress, burst: perAddress }))
  const limitIdentifier = await createLimiter(app, createStore({ perMinute: perIdentifier, burst }))
  // `request.ip` is the socket's address unless a trusted proxy names another one (B19, B20); a client that has gone
  // has none.
  const addressOf = ({ ip }: { ip: string | undefined }): string =>
    ip === undefined ? '' : normalizeIP(ip, IPV6_SUBNET_BITS)

  return {
    byAddress: async (request) => {
      const retryAfter = await limitAddress(bucketKey(secret, 'address', addressOf(request)))
      if (retryAfter !== undefined) refuse(request, 'address', retryAfter)
    },
    byIdentifier: async (request) => {
      for (const identifier of identifiersOf(request.body)) {
        const retryAfter = await limitIdentifier(bucketKey(secret, 'identifier', addressOf(request), identifier))
        if (retryAfter !== undefined) refuse(request, 'identifier', retryAfter)
      }
    },
  }
}
