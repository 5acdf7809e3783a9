import { LRUCache } from 'lru-cache'
import { type Bucket, type Budget, MINUTE_MS, consume, type Usage, usageOf } from './budget.js'

/** The buckets of one budget by key. `consume` never rejects: a submit is let through or refused, whatever fails. */
export interface RateLimitStore {
  readonly budget: Budget
  consume(key: string): Promise<Usage>
}

/**
 * Keys in memory per budget: whoever was seen longest ago is forgotten first (N06). An bucket matters for two minutes,
 * and so many different ones in that time would be 80 logins a second, more than most Kratos can hash.
 */
export const MAX_BUCKETS = 10_000

export interface MemoryRateLimitStore {
  consume(key: string): Usage
  /** Takes over what the shared buckets said; what was refused here stays refused for its minute. */
  merge(key: string, usage: Usage): void
}

/** @param now a clock in milliseconds that only goes forward */
export function createMemoryRateLimitStore (
  budget: Budget,
  { max = MAX_BUCKETS, now = () => performance.now() } = {},
): MemoryRateLimitStore {
  // By size, one each: with `max` the library sets all the room aside at start, and few services ever need it.
  const buckets = new LRUCache<string, Bucket>({ maxSize: max, sizeCalculation: () => 1 })
  return {
    consume: (key) => {
      const bucket = consume(buckets.get(key), budget, now())
      buckets.set(key, bucket)
      return usageOf(bucket, now())
    },
    merge: (key, { used, waitMs }) => {
      const known = buckets.get(key)
      buckets.set(key, { used: Math.max(used, known?.used ?? 0), since: now() + waitMs - MINUTE_MS })
    },
  }
}

export const localRateLimitStore = (budget: Budget): RateLimitStore => {
  const memory = createMemoryRateLimitStore(budget)
  return { budget, consume: async (key) => memory.consume(key) }
}
