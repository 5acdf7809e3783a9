import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'

/** pg reads `options.max` whenever a connection is asked for. */
export type Resizable = Pool & { options: { max?: number | undefined } }

/** "Sorry, too many clients already", also for a role or a database with a limit of its own. */
const TOO_MANY_CONNECTIONS = '53300'
/** How long the pool keeps to the size that the server allowed before it tries one connection more. */
const GROW_AFTER_MS = 10_000
const PAUSE_MS = 20

const isTooMany = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === TOO_MANY_CONNECTIONS

const triedAt = new WeakMap<Pool, number>()

/** The server's limit may have gone. */
function growSometimes (pool: Resizable, most: number): void {
  const size = pool.options.max ?? most
  if (size >= most || performance.now() - (triedAt.get(pool) ?? 0) < GROW_AFTER_MS) return
  triedAt.set(pool, performance.now())
  pool.options.max = size + 1
}

/** Where the server allows fewer connections the pool shrinks to what works, and the caller waits for one of these. */
export async function connectWithin (
  pool: Resizable,
  { maxConnections, connectTimeoutMs }: { maxConnections: number, connectTimeoutMs: number },
): Promise<PoolClient> {
  const deadline = performance.now() + connectTimeoutMs
  growSometimes(pool, maxConnections)
  for (;;) {
    try {
      return await pool.connect()
    } catch (error) {
      if (!isTooMany(error) || performance.now() >= deadline) throw error
      // The one that failed is not counted any more; others that are still being made may fail too, and come here.
      pool.options.max = Math.max(1, Math.min(pool.options.max ?? maxConnections, pool.totalCount))
      triedAt.set(pool, performance.now())
    }
    // Where none works at all, asking at once would be a flood.
    if (pool.totalCount === 0) await sleep(PAUSE_MS)
  }
}
