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

/** pg's own words for "nobody gave a connection back in time"; it has no code for it. */
const isQueueTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === 'timeout exceeded when trying to connect'

interface Watched {
  /** Connections that the server has accepted; pg counts those that it still may refuse as well. */
  connected: Set<PoolClient>
  /** How often somebody got one. */
  acquired: number
  triedAt: number
}

const watched = new WeakMap<Pool, Watched>()

function watch (pool: Pool): Watched {
  const known = watched.get(pool)
  if (known !== undefined) return known
  const state: Watched = { connected: new Set(), acquired: 0, triedAt: 0 }
  pool.on('connect', (client) => state.connected.add(client))
  pool.on('remove', (client) => state.connected.delete(client))
  pool.on('acquire', () => state.acquired++)
  watched.set(pool, state)
  return state
}

/** The server's limit may have gone. */
function growSometimes (pool: Resizable, state: Watched, most: number): void {
  const size = pool.options.max ?? most
  if (size >= most || performance.now() - state.triedAt < GROW_AFTER_MS) return
  state.triedAt = performance.now()
  pool.options.max = size + 1
}

export interface Waiting {
  maxConnections: number
  /** While nobody gets a connection. */
  connectTimeoutMs: number
  statementTimeoutMs: number
}

/**
 * Where the server allows fewer connections the pool shrinks to what works, and the caller waits for one of these: as
 * long as a statement may take, while others get their turn.
 */
export async function connectWithin (pool: Resizable, waiting: Waiting): Promise<PoolClient> {
  const { maxConnections, connectTimeoutMs, statementTimeoutMs } = waiting
  const state = watch(pool)
  const start = performance.now()
  growSometimes(pool, state, maxConnections)
  for (;;) {
    const acquiredBefore = state.acquired
    try {
      return await pool.connect()
    } catch (error) {
      const waitedMs = performance.now() - start
      if (isQueueTimeout(error) && state.acquired > acquiredBefore && waitedMs < statementTimeoutMs) continue
      const works = state.connected.size
      if (!isTooMany(error) || waitedMs >= (works > 0 ? statementTimeoutMs : connectTimeoutMs)) throw error
      // Not what pg counts: for each refused one it begins another, as long as somebody waits.
      pool.options.max = Math.max(1, Math.min(pool.options.max ?? maxConnections, works))
      state.triedAt = performance.now()
    }
    // Where none works at all, asking at once would be a flood.
    if (pool.totalCount === 0) await sleep(PAUSE_MS)
  }
}
