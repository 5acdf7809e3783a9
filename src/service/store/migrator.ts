import type { Kysely } from 'kysely'
import { StoreMigrationError, StoreQueryError, StoreUnavailableError } from './errors.js'
import type { Migrations } from './migrations.js'

/** One name for all products that share a database with us. */
const TABLE = 'fastify_kratos_migrations'

/** One row, which whoever migrates holds. */
const LOCK_TABLE = 'fastify_kratos_migration_lock'

type MigrationSchema = { [TABLE]: { name: string, applied_at: string }, [LOCK_TABLE]: { id: number } }

/** Keeps other instances out until the transaction ends. */
export interface MigrationLock {
  prepare(db: Kysely<unknown>): Promise<void>
  hold(transaction: Kysely<unknown>): Promise<void>
}

/** SQLite needs nothing more: every transaction of the store begins IMMEDIATE. */
export const sqliteMigrationLock: MigrationLock = { prepare: async () => {}, hold: async () => {} }

/** Somebody else made the table, or its row, between our look and our statement. */
const ALREADY_THERE = new Set(['23505', '42P07', '42710'])

/** A row, because advisory locks are not to be had from every server that speaks Postgres' protocol. */
export const postgresMigrationLock: MigrationLock = {
  prepare: async (db) => {
    try {
      await db.schema.createTable(LOCK_TABLE).ifNotExists()
        .addColumn('id', 'integer', (column) => column.primaryKey().notNull()).execute()
    } catch (error) {
      if (!(error instanceof StoreQueryError && ALREADY_THERE.has(error.driverCode ?? ''))) throw error
    }
    await migrationTable(db).insertInto(LOCK_TABLE).values({ id: 1 })
      .onConflict((conflict) => conflict.column('id').doNothing()).execute()
  },
  hold: async (transaction) => {
    await migrationTable(transaction).selectFrom(LOCK_TABLE).select('id').where('id', '=', 1).forUpdate().execute()
  },
}

export interface MigrationResult {
  names: string[]
  /** What a newer version has applied, and this one does not know. */
  newer: string[]
}

/**
 * All or nothing, in one transaction: both databases have transactional DDL, which Kysely's own migrator does not use
 * on SQLite. Migrations of a newer version only add, so this one goes on with them. @throws StoreMigrationError for a
 * failed migration, StoreUnavailableError for the database
 */
export async function migrateToLatest (
  db: Kysely<unknown>,
  migrations: Migrations,
  lock: MigrationLock,
): Promise<MigrationResult> {
  const known = Object.keys(migrations).sort()
  // Without the lock and without the right to create tables: most starts find nothing to do.
  const before = await appliedIfAny(db)
  const newer = before.filter((name) => !known.includes(name))
  if (known.every((name) => before.includes(name))) return { names: [], newer }
  await lock.prepare(db)
  return db.transaction().execute(async (transaction) => {
    await lock.hold(transaction)
    await transaction.schema.createTable(TABLE).ifNotExists()
      .addColumn('name', 'text', (column) => column.primaryKey().notNull())
      .addColumn('applied_at', 'text', (column) => column.notNull())
      .execute()
    const done = await applied(transaction)
    const names = known.filter((name) => !done.includes(name))
    for (const name of names) await apply(transaction, name, migrations)
    return { names, newer }
  })
}

async function apply (transaction: Kysely<unknown>, name: string, migrations: Migrations): Promise<void> {
  try {
    await migrations[name]?.up(transaction)
    await migrationTable(transaction).insertInto(TABLE)
      .values({ name, applied_at: new Date().toISOString() }).execute()
  } catch (error) {
    const isStoreError = error instanceof StoreQueryError || error instanceof StoreUnavailableError
    const driverCode = isStoreError ? error.driverCode : undefined
    const why = isStoreError ? ` ${error.message}` : ''
    throw new StoreMigrationError(
      `Migration ${name} failed (${driverCode ?? nameOf(error)}), nothing of it was applied.${why}`,
      { driverCode },
    )
  }
}

async function applied (db: Kysely<unknown>): Promise<string[]> {
  const rows = await migrationTable(db).selectFrom(TABLE).select('name').execute()
  return rows.map(({ name }) => name)
}

async function appliedIfAny (db: Kysely<unknown>): Promise<string[]> {
  try {
    return await applied(db)
  } catch (error) {
    if (isTableMissing(error)) return []
    throw error
  }
}

function isTableMissing (error: unknown): boolean {
  return (error instanceof StoreQueryError && error.driverCode === 'SQLITE_ERROR') ||
    (error instanceof StoreUnavailableError && error.driverCode === '42P01')
}

function migrationTable (db: Kysely<unknown>): Kysely<MigrationSchema> {
  return db.withTables<MigrationSchema>()
}

function nameOf (error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
