import { LRUCache } from 'lru-cache'
import type { FailingCredentials } from '../kratos-client/confirm.js'
import { type Bucket, consume, usageOf } from './budget.js'
import { MAX_BUCKETS } from './rate-limit-store.js'

/**
 * In memory: it guards the Kratos calls of this process.
 * @param perMinute how many of one client; also at once
 * @param nameOf the client that an address stands for
 * @param now a clock in milliseconds that only goes forward
 */
export function createFailingCredentials (
  perMinute: number,
  nameOf: (address: string) => string,
  now: () => number = () => performance.now(),
): FailingCredentials {
  const budget = { perMinute, burst: perMinute }
  const buckets = new LRUCache<string, Bucket>({ maxSize: MAX_BUCKETS, sizeCalculation: () => 1 })

  return {
    spend: (client) => {
      const name = nameOf(client)
      const bucket = consume(buckets.get(name), budget, now())
      buckets.set(name, bucket)
      return bucket.used > budget.burst ? Math.ceil(usageOf(bucket, now()).waitMs / 1000) : undefined
    },
    giveBack: (client) => {
      const name = nameOf(client)
      const bucket = buckets.get(name)
      if (bucket !== undefined) buckets.set(name, { ...bucket, used: Math.max(0, bucket.used - 1) })
    },
  }
}
