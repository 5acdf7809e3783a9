import type { FailingCredentials } from '../kratos-client/confirm.js'
import type { Network } from './address.js'
import { minuteBudget } from './budget.js'
import { createMemoryRateLimitStore, type MemoryRateLimitStore } from './rate-limit-store.js'

/** In memory: it guards this process's calls. @param now a clock in milliseconds that only goes forward */
export function createFailingCredentials (
  perMinute: number,
  networksOf: (address: string) => Network[],
  now: () => number = () => performance.now(),
): FailingCredentials {
  const stores = new Map<number, MemoryRateLimitStore>()

  function storeOf (share: number): MemoryRateLimitStore {
    const store = stores.get(share) ?? createMemoryRateLimitStore(minuteBudget(share * perMinute), { now })
    stores.set(share, store)
    return store
  }

  return {
    spend: (client) => {
      for (const { name, share } of networksOf(client)) {
        const { used, waitMs } = storeOf(share).consume(name)
        if (used > share * perMinute) return Math.ceil(waitMs / 1000)
      }
      return undefined
    },
    giveBack: (client) => {
      for (const { name, share } of networksOf(client)) storeOf(share).giveBack(name)
    },
  }
}
