import { setTimeout as sleep } from 'node:timers/promises'
import { StoreUnavailableError, type UnavailableReason } from './errors.js'
import { createMutex } from './mutex.js'

/** Runs a piece of database work again where its failure is of the kind that passes by itself. */
export type Run = <T>(work: () => Promise<T>) => Promise<T>

export interface RetryPolicy {
  read: Run
  write: Run
}

export const MAX_CONFLICT_RETRIES = 3
const LOCK_PAUSE_MS = 10
const CONFLICT_PAUSE_MS = 10

/**
 * SQLite: asks again until `budgetMs` have passed since the call, asleep in between, so that the event loop and the
 * readers go on (K09). One writer at a time asks; the others queue, and their wait counts.
 */
export function createLockRetryPolicy (budgetMs: number): RetryPolicy {
  const takeTurn = createMutex()
  return {
    read: (work) => retryWhileLocked(work, performance.now() + budgetMs),
    write: async (work) => {
      const deadline = performance.now() + budgetMs
      const leave = await takeTurn()
      try {
        return await retryWhileLocked(work, deadline)
      } finally {
        setImmediate(leave) // statements are synchronous: a burst of writers must not starve timers and sockets
      }
    },
  }
}

/** Postgres: serialisation failures and deadlocks, at most three retries and none after `budgetMs` (K13). */
export function createConflictRetryPolicy (budgetMs: number): RetryPolicy {
  const attempt: Run = async (work) => {
    const deadline = performance.now() + budgetMs
    for (let retries = 0; ; retries++) {
      try {
        return await work()
      } catch (error) {
        const mayRetry = retries < MAX_CONFLICT_RETRIES && performance.now() < deadline
        if (!mayRetry || !failedBy(error, 'conflict')) throw error
      }
      await sleep(CONFLICT_PAUSE_MS * (retries + Math.random()))
    }
  }
  return { read: attempt, write: attempt }
}

/** @param deadline on the clock of `performance.now()`; work is not begun after it */
export async function retryWhileLocked<T> (work: () => Promise<T>, deadline: number): Promise<T> {
  let lastError: unknown = new StoreUnavailableError('The database is busy', { reason: 'locked' })
  while (performance.now() < deadline) {
    try {
      return await work()
    } catch (error) {
      if (!failedBy(error, 'locked')) throw error
      lastError = error
    }
    await sleep(LOCK_PAUSE_MS * (1 + Math.random()))
  }
  throw lastError
}

function failedBy (error: unknown, reason: UnavailableReason): boolean {
  return error instanceof StoreUnavailableError && error.reason === reason
}
