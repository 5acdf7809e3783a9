import { inBatches, type SharedBuckets } from './batches.js'
import type { Budget, Usage } from '../../throttling/budget.js'
import {
  createMemoryRateLimitStore, type RateLimitStore,
  type MemoryRateLimitStore,
} from '../../throttling/rate-limit-store.js'

/** No submit waits longer: enough to make a connection on a busy machine, less than a password hash may take. */
export const SHARED_LIMIT_MS = 500

/** Rejects when the work is not done in time. An answer that arrived while the process was busy still counts. */
export async function within<T> (limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => setImmediate(() => reject(new Error(`no answer within ${limitMs} ms`))), limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

export interface Outage {
  /** Always, and during an outage once a second. */
  mayAsk(): boolean
  failed(error: unknown): void
  worked(): void
}

const RETRY_MS = 1000

/** Of all stores over the shared buckets: each outage begins and ends with one call to the caller. */
export function createOutage (
  { onBegin, onEnd, now = () => performance.now() }: {
    onBegin: (error: unknown) => void
    onEnd: () => void
    now?: () => number
  },
): Outage {
  let retryAt: number | undefined
  return {
    mayAsk: () => {
      if (retryAt === undefined) return true
      if (now() < retryAt) return false
      retryAt = now() + RETRY_MS
      return true
    },
    failed: (error) => {
      if (retryAt === undefined) onBegin(error)
      retryAt = now() + RETRY_MS
    },
    worked: () => {
      if (retryAt === undefined) return
      retryAt = undefined
      onEnd()
    },
  }
}

export interface SharedRateLimitOptions {
  buckets: SharedBuckets
  outage: Outage
  limitMs?: number
  memory?: MemoryRateLimitStore
}

/**
 * Spends here first: a submit past the budget here is refused without asking, so a flood costs the database no more
 * than one budget a minute. While the shared buckets fail or are late, this process goes on with what it knows: nobody
 * is refused for the outage, and nobody starts afresh by it.
 */
export function sharedRateLimitStore (
  budget: Budget,
  { buckets, outage, limitMs = SHARED_LIMIT_MS, memory = createMemoryRateLimitStore(budget) }: SharedRateLimitOptions,
): RateLimitStore {
  const consumeShared = inBatches(buckets, budget)

  async function consumeBoth (key: string): Promise<Usage> {
    const local = memory.consume(key)
    if (local.used > budget.burst || !outage.mayAsk()) return local
    try {
      const usage = await within(limitMs, consumeShared(key))
      memory.merge(key, usage)
      outage.worked()
      return usage
    } catch (error) {
      outage.failed(error)
      return local
    }
  }

  /** What the shared buckets cannot be told is no loss: a count too many, for the rest of its window. */
  async function tell (work: () => Promise<void>): Promise<void> {
    if (!outage.mayAsk()) return
    try {
      await within(limitMs, work())
      outage.worked()
    } catch (error) {
      outage.failed(error)
    }
  }

  return {
    budget,
    consume: consumeBoth,
    giveBack: async (key) => {
      memory.giveBack(key)
      await tell(() => buckets.giveBack(key))
    },
    clear: async (key) => {
      memory.clear(key)
      await tell(() => buckets.clear(key))
    },
  }
}
