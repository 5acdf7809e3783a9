import { Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { createDialect, type Backend, type DialectOptions, type QueryListener } from './driver.js'
import type { Engine } from './engine.js'
import { StoreMigrationError } from './errors.js'
import { MIGRATIONS, type Migrations } from './migrations.js'
import { type MigrationResult, migrateToLatest, sqliteMigrationLock } from './migrator.js'
import { createLockRetryPolicy, retryWhileLocked } from './retry-policy.js'
import { openSqliteBackend } from './sqlite.js'
import { toSqliteOpenError } from './sqlite-errors.js'

export interface SqliteEngineOptions {
  path: string
  waitMs: number
  onMigrated?: (names: string[]) => void
  onNewer?: (names: string[]) => void
  onQuery?: QueryListener
  migrations?: Migrations
}

/** Many processes may start on one file at once, and one of them is the first. */
const START_WAIT_MS = 10_000

/** @throws StoreOpenError, StoreMigrationError: then nothing is left open, and nothing was changed. */
export async function openSqliteEngine (options: SqliteEngineOptions): Promise<Engine> {
  const { onQuery } = options
  const backend = await openSqliteBackend(options.path, START_WAIT_MS)
  try {
    const { names, newer } = await migrate(createKysely(backend, { onQuery }), options.migrations ?? MIGRATIONS)
    if (names.length > 0) options.onMigrated?.(names)
    if (newer.length > 0) options.onNewer?.(newer)
  } catch (error) {
    await backend.close()
    throw error instanceof StoreMigrationError ? error : toSqliteOpenError(error, options.path)
  }
  return {
    dialect: 'sqlite',
    db: createKysely(backend, { onQuery }),
    eventsDb: createKysely(backend, { onQuery, durability: 'process' }),
    retryPolicy: createLockRetryPolicy(options.waitMs),
    isMigrated: () => true,
    close: () => backend.close(),
  }
}

function createKysely<T> (backend: Backend, options: DialectOptions): Kysely<T> {
  return new Kysely<T>({
    dialect: createDialect(
      {
        createAdapter: () => new SqliteAdapter(),
        createIntrospector: (db) => new SqliteIntrospector(db),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
      backend,
      options,
    ),
  })
}

function migrate (db: Kysely<unknown>, migrations: Migrations): Promise<MigrationResult> {
  const deadline = performance.now() + START_WAIT_MS
  return retryWhileLocked(() => migrateToLatest(db, migrations, sqliteMigrationLock), deadline)
}
