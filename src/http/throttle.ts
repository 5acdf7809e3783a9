import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { serviceError } from '../errors.js'
import type { LoginLimits } from '../settings.js'
import { networksOf } from '../throttling/address.js'
import { type Budget, minuteBudget } from '../throttling/budget.js'
import type { CredentialMemory } from '../throttling/credential-memory.js'
import { type IdentifierPaths, identifiersOf } from '../throttling/identifiers.js'
import { bucketKey } from '../throttling/keys.js'
import type { RateLimitStore } from '../throttling/rate-limit-store.js'
import { triesCode } from '../throttling/second-factor.js'
import type { LoginThrottle } from './login-throttle.js'
import { NO_SECOND_FACTORS, createSecondFactors } from './second-factors.js'
import { logSecurityEvent } from './security-event.js'

export interface LoginThrottleOptions {
  limits: LoginLimits | false
  /** Where a body may have an identifier. */
  identifierPaths: IdentifierPaths
  /** Key of the digests under which buckets are kept. */
  key: KeyObject
  /** Called once for each budget. */
  createStore: (budget: Budget) => RateLimitStore
  memory: CredentialMemory
}

type BudgetName = 'address' | 'identifier' | 'flow_starts' | 'code' | 'second_factor'

function refuse (request: FastifyRequest, budget: BudgetName, retryAfter: number): never {
  logSecurityEvent(
    request,
    'rate_limited',
    { budget, route: request.routeOptions.url },
    'Request past a login budget refused',
  )
  throw serviceError('RATE_LIMITED', { retryAfter })
}

/** A wider network has a multiple of the budget. */
function networkStores (budget: Budget, createStore: LoginThrottleOptions['createStore']) {
  const stores = new Map<number, RateLimitStore>()
  return (share: number): RateLimitStore => {
    const { perWindow, burst, windowMs } = budget
    const store = stores.get(share) ?? createStore({ perWindow: share * perWindow, burst: share * burst, windowMs })
    stores.set(share, store)
    return store
  }
}

/** For one flow; Kratos itself takes only a few. */
const CODES = { perWindow: 10, burst: 10, windowMs: 3_600_000 }
/** A flow that is never filled in costs Kratos a row. */
const MIN_STARTS = 60
/** Far more than an account has; each is a bucket or two, in the database where that is shared. */
const MAX_IDENTIFIERS = 20
const TOO_MANY_IDENTIFIERS = { path: '', message: `must NOT have more than ${MAX_IDENTIFIERS} identifiers` }
const LET_PASS: LoginThrottle = {
  byAddress: async () => {},
  startByAddress: async () => {},
  byIdentifier: async () => {},
  ...NO_SECOND_FACTORS,
}

export function createLoginThrottle (options: LoginThrottleOptions): LoginThrottle {
  const { limits, identifierPaths: paths, key, createStore, memory } = options
  if (limits === false) return LET_PASS
  const { perAddress, perIdentifier, burst } = limits
  const addresses = networkStores(minuteBudget(perAddress), createStore)
  const starts = networkStores(minuteBudget(Math.max(MIN_STARTS, 2 * perAddress)), createStore)
  const identifiers = networkStores(minuteBudget(perIdentifier, burst), createStore)
  const codes = createStore(CODES)

  async function count (
    request: FastifyRequest,
    store: RateLimitStore,
    name: BudgetName,
    ...parts: string[]
  ): Promise<void> {
    const { used, waitMs } = await store.consume(bucketKey(key, name, ...parts))
    if (used > store.budget.burst) refuse(request, name, Math.ceil(waitMs / 1000))
  }

  // The socket's address unless a trusted proxy names another one (B19, B20); a client that has gone has none.
  async function countNetworks (
    request: FastifyRequest,
    stores: (share: number) => RateLimitStore,
    name: BudgetName,
    ...parts: string[]
  ): Promise<void> {
    for (const { name: network, share } of networksOf(request.ip)) {
      await count(request, stores(share), name, network, ...parts)
    }
  }

  return {
    byAddress: (request) => countNetworks(request, addresses, 'address'),
    startByAddress: (request) => countNetworks(request, starts, 'flow_starts'),
    byIdentifier: async (request, body, flowId) => {
      const sent = identifiersOf(body, paths)
      if (sent.length > MAX_IDENTIFIERS) throw serviceError('VALIDATION_ERROR', { fields: [TOO_MANY_IDENTIFIERS] })
      for (const identifier of sent) await countNetworks(request, identifiers, 'identifier', identifier)
      if (flowId !== undefined && triesCode(body)) await count(request, codes, 'code', flowId)
    },
    ...createSecondFactors({ paths, key, createStore, memory, refuse }),
  }
}
