import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import { serviceError } from '../errors.js'
import type { LoginLimits } from '../settings.js'
import type { Budget } from '../throttling/budget.js'
import { bucketKey, identifiersOf } from '../throttling/keys.js'
import type { RateLimitStore } from '../throttling/rate-limit-store.js'
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
  /** false: no limit, the hooks let everything pass. */
  limits: LoginLimits | false
  /** Key of the digests under which buckets are kept. */
  key: string
  /** Makes the store of a budget; called once for each. */
  createStore: (budget: Budget) => RateLimitStore
}

/**
 * Who holds an IPv6 address holds the 2^64 beside it too; an IPv4 client of an IPv6 socket is the same client.
 * @returns the address or its /64; what is no address stays as it is
 */
export function networkOf (ip: string): string {
  if (!ipaddr.isValid(ip)) return ip
  // `process` turns an IPv4 address that is written as IPv6 back into IPv4.
  const address = ipaddr.process(ip)
  if (address.kind() === 'ipv4') return address.toString()
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/64`).toString()}/64`
}

function refuse (request: FastifyRequest, budget: 'address' | 'identifier', retryAfter: number): never {
  logSecurityEvent(
    request,
    'rate_limited',
    { budget, route: request.routeOptions.url },
    'Submit past a login budget refused',
  )
  throw serviceError('RATE_LIMITED', { retryAfter })
}

/** Counts one use. @returns seconds until it makes sense to come back; undefined for a use within the budget */
async function consume (store: RateLimitStore, key: string): Promise<number | undefined> {
  const { used, waitMs } = await store.consume(key)
  return used > store.budget.burst ? Math.ceil(waitMs / 1000) : undefined
}

export function createLoginThrottle ({ limits, key, createStore }: LoginThrottleOptions): LoginThrottle {
  if (limits === false) return { byAddress: async () => {}, byIdentifier: async () => {} }
  const { perAddress, perIdentifier, burst } = limits
  const addresses = createStore({ perMinute: perAddress, burst: perAddress })
  const identifiers = createStore({ perMinute: perIdentifier, burst })
  // `request.ip` is the socket's address unless a trusted proxy names another one (B19, B20); a client that has gone
  // has none.
  const networkOfClient = ({ ip }: { ip: string | undefined }): string => ip === undefined ? '' : networkOf(ip)

  return {
    byAddress: async (request) => {
      const retryAfter = await consume(addresses, bucketKey(key, 'address', networkOfClient(request)))
      if (retryAfter !== undefined) refuse(request, 'address', retryAfter)
    },
    byIdentifier: async (request) => {
      for (const identifier of identifiersOf(request.body)) {
        const bucket = bucketKey(key, 'identifier', networkOfClient(request), identifier)
        const retryAfter = await consume(identifiers, bucket)
        if (retryAfter !== undefined) refuse(request, 'identifier', retryAfter)
      }
    },
  }
}
