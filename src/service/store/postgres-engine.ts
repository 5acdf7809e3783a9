import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { createDialect, type Backend, type QueryListener } from './driver.js'
import { withCheck, type Engine } from './engine.js'
import { StoreUnavailableError } from './errors.js'
import { MIGRATIONS, type Migrations } from './migrations.js'
import { migrateToLatest, postgresMigrationLock } from './migrator.js'
import { createConflictRetryPolicy } from './retry-policy.js'
import { openPostgresBackend, type PostgresSettings } from './postgres.js'
import type { StoreSchema } from './schema.js'

export interface PostgresEngineOptions {
  url: string
  waitMs: number
  statementTimeoutMs: number
  maxConnections: number
  maxConnectionAgeSeconds?: number
  onError: (error: unknown) => void
  onMigrated?: (names: string[]) => void
  onNewer?: (names: string[]) => void
  onQuery?: QueryListener
  migrations?: Migrations
}

/** A migration may rewrite a large table, but waits for another instance's lock only so long before it tries anew. */
const MIGRATION_TIMEOUT_MS = 10 * 60_000
const MIGRATION_LOCK_MS = 10_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000

export async function openPostgresEngine (options: PostgresEngineOptions): Promise<Engine> {
  const settings: PostgresSettings = { ...options, connectTimeoutMs: options.waitMs }
  const backend = await openPostgresBackend(settings)
  const migration = startMigrating(
    options,
    await openPostgresBackend({
      ...settings,
      maxConnections: 1,
      statementTimeoutMs: MIGRATION_TIMEOUT_MS,
      lockTimeoutMs: MIGRATION_LOCK_MS,
    }),
  )
  const retryPolicy = withCheck(createConflictRetryPolicy(options.waitMs), () => {
    if (!migration.isDone()) throw new StoreUnavailableError('The database has not been migrated yet')
  })
  const close = async () => {
    await Promise.all([migration.stop(), backend.close()])
  }
  const db = createKysely<StoreSchema>(backend, options.onQuery)
  return { dialect: 'postgres', db, eventsDb: db, retryPolicy, isMigrated: migration.isDone, load: backend.load, close }
}

function createKysely<T> (backend: Backend, onQuery: QueryListener | undefined): Kysely<T> {
  return new Kysely<T>({
    dialect: createDialect(
      {
        createAdapter: () => new PostgresAdapter(),
        createIntrospector: (db) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
      backend,
      { onQuery },
    ),
  })
}

/** Tries until it has worked or is stopped, with growing pauses; each failure is reported (K01, K12). */
function startMigrating (
  { migrations = MIGRATIONS, onError, onMigrated, onNewer, onQuery }: PostgresEngineOptions,
  backend: Backend,
) {
  const db = createKysely<unknown>(backend, onQuery)
  const stopped = new AbortController()
  let isDone = false
  const attempt = async () => {
    try {
      const { names, newer } = await migrateToLatest(db, migrations, postgresMigrationLock)
      isDone = true
      if (names.length > 0) onMigrated?.(names)
      if (newer.length > 0) onNewer?.(newer)
    } catch (error) {
      if (!stopped.signal.aborted) onError(error)
    }
    return isDone
  }
  const run = async () => {
    let pauseMs = FIRST_PAUSE_MS
    while (!await attempt() && !stopped.signal.aborted) {
      await sleep(pauseMs, undefined, { signal: stopped.signal }).catch(() => {})
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
    await backend.close()
  }
  run()
  const stop = () => {
    stopped.abort()
    return backend.close() // a migration under way is cut off and leaves nothing behind
  }
  return { isDone: () => isDone, stop }
}
