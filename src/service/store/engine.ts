import type { Kysely } from 'kysely'
import type { PoolLoad } from './driver.js'
import type { Run, RetryPolicy } from './retry-policy.js'
import type { StoreSchema } from './schema.js'

/** What the two kinds of database give to the one store. */
export interface Engine {
  readonly dialect: 'sqlite' | 'postgres'
  readonly db: Kysely<StoreSchema>
  /** For what Kratos has done already: of SQLite a commit does not wait for the disk (docs/events.md). */
  readonly eventsDb: Kysely<StoreSchema>
  readonly retryPolicy: RetryPolicy
  /** Whether the migrations of this version were seen applied, once. */
  isMigrated(): boolean
  load?: (() => PoolLoad) | undefined
  close(): Promise<void>
}

/** Asks `check` before every attempt; it throws while the database must not be used. */
export function withCheck ({ read, write }: RetryPolicy, check: () => void): RetryPolicy {
  const guarded = (attempt: Run): Run => async (work) => {
    check()
    return attempt(work)
  }
  return { read: guarded(read), write: guarded(write) }
}
