import type { Budget, Usage } from '../../throttling/budget.js'

/** May reject, and may be slow. */
export interface SharedBuckets {
  /** `used` is what the last submit under the key came to. */
  consume(
    counts: ReadonlyArray<{ key: string, count: number }>,
    budget: Budget,
  ): Promise<Array<Usage & { key: string }>>
  giveBack(key: string): Promise<void>
  clear(key: string): Promise<void>
}

interface Entry {
  resolve: (usage: Usage) => void
  reject: (error: unknown) => void
}

const MAX_BATCH = 100

/** One call takes what has come during the one before: a crowd waits for two calls and needs one connection. */
export function inBatches (buckets: Pick<SharedBuckets, 'consume'>, budget: Budget): (key: string) => Promise<Usage> {
  const waiting = new Map<string, Entry[]>()
  let isBusy = false

  async function settle (batch: Array<[string, Entry[]]>): Promise<void> {
    const entriesOf = new Map(batch)
    try {
      const usage = await buckets.consume(batch.map(([key, { length: count }]) => ({ key, count })), budget)
      for (const { key, used, waitMs } of usage) {
        const entries = entriesOf.get(key) ?? []
        entries.forEach(({ resolve }, index) => resolve({ used: used - entries.length + 1 + index, waitMs }))
      }
    } catch (error) {
      for (const { reject } of batch.flatMap(([, entries]) => entries)) reject(error)
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

  return (key) =>
    new Promise((resolve, reject) => {
      const entries = waiting.get(key)
      if (entries === undefined) waiting.set(key, [{ resolve, reject }])
      else entries.push({ resolve, reject })
      work()
    })
}
