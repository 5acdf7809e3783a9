import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RateLimitStore } from '../throttling/rate-limit-store.js'

/**
 * Counts a request under a key. @returns seconds until it makes sense to come back, undefined for a request within the
 * budget
 */
export type Limiter = (key: string) => Promise<number | undefined>

/** Limits are ours: nothing that a route says to the library counts. */
const NO_OPTIONS = {} as FastifyRequest['routeOptions']

/**
 * All of a request that the library looks at. Not an object made of the request: a request that is once the prototype
 * of another is slow in all that comes after it (V8 takes prototypes out of its fast objects).
 */
interface KeyedRequest extends Pick<FastifyRequest, 'routeOptions'> {
  limitedBy: string
}

/** The store of @fastify/rate-limit over a store of ours, which knows budget and minute itself. */
function storeOver (store: RateLimitStore) {
  return class LedgerStore implements FastifyRateLimitStore {
    incr (key: string, done: (error: Error | null, result?: { current: number, ttl: number }) => void): void {
      store.consume(key).then(({ used, waitMs }) => done(null, { current: used, ttl: waitMs }), done)
    }

    child (): LedgerStore {
      return this
    }
  }
}

/**
 * A limiter of @fastify/rate-limit that leaves no trace on the app. Registered as usual the library decorates the app,
 * and takes a `createRateLimit` that is there already for its own: in a host app that uses the library too, we would
 * count in the host's store or the host in ours. So it is given an instance on which nothing is found and nothing
 * stays.
 */
export async function createLimiter (app: FastifyInstance, store: RateLimitStore): Promise<Limiter> {
  const found: Partial<Pick<FastifyInstance, 'createRateLimit'>> = {}
  const detached = Object.assign(Object.create(app) as FastifyInstance, {
    hasDecorator: () => false,
    decorate: (name: string, value: unknown) => Object.assign(found, { [name]: value }),
    decorateRequest: () => {},
    addHook: () => {},
  })
  await (rateLimit(detached, { global: false, store: storeOver(store) }, () => {}) as unknown as Promise<void>)
  const limit = found.createRateLimit?.({
    max: store.budget.burst,
    keyGenerator: (request) => (request as unknown as KeyedRequest).limitedBy,
  })
  if (limit === undefined) throw new TypeError('@fastify/rate-limit no longer offers createRateLimit')

  return async (limitedBy) => {
    const keyed: KeyedRequest = { limitedBy, routeOptions: NO_OPTIONS }
    const result = await limit(keyed as unknown as FastifyRequest)
    return !result.isAllowed && result.isExceeded ? result.ttlInSeconds : undefined
  }
}
