import type { Budget, Spent } from './budget.js'

/** Accounts that processes have in common; may reject, and may be slow. */
export interface SharedAccounts {
  /** Counts so many submits under each of these keys; `used` is what the last of them came to. */
  spend (counts: ReadonlyArray<{ key: string, count: number }>, budget: Budget): Promise<Array<Spent & { key: string }>>
}

interface Waiter { resolve: (spent: Spent) => void, reject: (error: unknown) => void }

/** Keys in one call to the accounts in common. */
const MAX_BATCH = 100

/**
 * One call at a time, in which goes what has come during the one before: a crowd waits for two calls, not for a connection
 * each, and the database has one connection for it.
 */
export function inBatches (accounts: SharedAccounts, budget: Budget): (key: string) => Promise<Spent> {
  const waiting = new Map<string, Waiter[]>()
  let isBusy = false

  async function settle (batch: Array<[string, Waiter[]]>): Promise<void> {
    const waitersOf = new Map(batch)
    try {
      const spent = await accounts.spend(batch.map(([key, { length: count }]) => ({ key, count })), budget)
      for (const { key, used, waitMs } of spent) {
        const waiters = waitersOf.get(key) ?? []
        waiters.forEach(({ resolve }, index) => resolve({ used: used - waiters.length + 1 + index, waitMs }))
      }
    } catch (error) {
      for (const { reject } of batch.flatMap(([, waiters]) => waiters)) reject(error)
    }
  }

  async function work (): Promise<void> {
    if (isBusy) return
    isBusy = true
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_BATCH)
      for (const [key] of batch) waiting.delete(key)
      await settle(batch)
    }
    isBusy = false
  }

  return (key) => new Promise((resolve, reject) => {
    waiting.set(key, [...waiting.get(key) ?? [], { resolve, reject }])
    work()
  })
}
