import { LRUCache } from 'lru-cache'
import { atMostEntries } from '../lru.js'
import { type Bucket, type Budget, consume, type Usage, usageOf } from './budget.js'

/** No method rejects: a submit is let through or refused, whatever fails. */
export interface RateLimitStore {
  readonly budget: Budget
  /** Counts one use, before what is counted begins. */
  consume(key: string): Promise<Usage>
  /** Takes one use back: it turned out not to be what the budget counts. */
  giveBack(key: string): Promise<void>
  clear(key: string): Promise<void>
}

// In memory per budget, the oldest forgotten first (N06). A bucket matters for two minutes: so many in that time are 80
// logins a second, more than most Kratos can hash.
export const MAX_BUCKETS = 10_000

export interface MemoryRateLimitStore {
  consume(key: string): Usage
  giveBack(key: string): void
  clear(key: string): void
  /** Takes over what the shared buckets said; what was refused here stays refused for its window. */
  merge(key: string, usage: Usage): void
}

/** @param now a clock in milliseconds that only goes forward */
export function createMemoryRateLimitStore (
  budget: Budget,
  { max = MAX_BUCKETS, now = () => performance.now() } = {},
): MemoryRateLimitStore {
  const buckets = new LRUCache<string, Bucket>(atMostEntries(max))
  return {
    consume: (key) => {
      const bucket = consume(buckets.get(key), budget, now())
      buckets.set(key, bucket)
      return usageOf(bucket, budget, now())
    },
    giveBack: (key) => {
      const bucket = buckets.get(key)
      if (bucket !== undefined) buckets.set(key, { ...bucket, used: Math.max(0, bucket.used - 1) })
    },
    clear: (key) => {
      buckets.delete(key)
    },
    merge: (key, { used, waitMs }) => {
      const known = buckets.get(key)
      buckets.set(key, { used: Math.max(used, known?.used ?? 0), since: now() + waitMs - budget.windowMs })
    },
  }
}

export const localRateLimitStore = (budget: Budget): RateLimitStore => {
  const memory = createMemoryRateLimitStore(budget)
  return {
    budget,
    consume: async (key) => memory.consume(key),
    giveBack: async (key) => memory.giveBack(key),
    clear: async (key) => memory.clear(key),
  }
}

const METHODS = ['consume', 'giveBack', 'clear'] as const

/**
 * A store of somebody else's making. @throws TypeError where a method is missing: what may not be counted is not let
 * through in silence
 */
export function checkedStore (store: RateLimitStore): RateLimitStore {
  const missing = METHODS.filter((name) => typeof store[name] !== 'function')
  if (missing.length === 0) return store
  throw new TypeError(`fastify-kratos: throttleStore.create made a store without ${missing.join(', ')}`)
}
