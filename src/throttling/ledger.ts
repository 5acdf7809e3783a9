import { LRUCache } from 'lru-cache'
import { type Account, type Budget, MINUTE_MS, spend, type Spent, spentOf } from './budget.js'

/** The accounts of one budget by key. `spend` never rejects: a submit is let through or refused, whatever fails. */
export interface Ledger {
  readonly budget: Budget
  spend (key: string): Promise<Spent>
}

/**
 * Keys in memory per budget: whoever was seen longest ago is forgotten first (N06). An account matters for two minutes, and so
 * many different ones in that time would be 80 logins a second, more than most Kratos can hash.
 */
export const MAX_ACCOUNTS = 10_000

export interface MemoryLedger {
  spend (key: string): Spent
  /** Takes over what the shared accounts said; what was refused here stays refused for its minute. */
  note (key: string, spent: Spent): void
}

/** @param now a clock in milliseconds that only goes forward */
export function createMemoryLedger (budget: Budget, { max = MAX_ACCOUNTS, now = () => performance.now() } = {}): MemoryLedger {
  // By size, one each: with `max` the library sets all the room aside at start, and few services ever need it.
  const accounts = new LRUCache<string, Account>({ maxSize: max, sizeCalculation: () => 1 })
  return {
    spend: (key) => {
      const account = spend(accounts.get(key), budget, now())
      accounts.set(key, account)
      return spentOf(account, now())
    },
    note: (key, { used, waitMs }) => {
      const known = accounts.get(key)
      accounts.set(key, { used: Math.max(used, known?.used ?? 0), since: now() + waitMs - MINUTE_MS })
    },
  }
}

export const localLedger = (budget: Budget): Ledger => {
  const memory = createMemoryLedger(budget)
  return { budget, spend: async (key) => memory.spend(key) }
}
