import { type Kysely, sql } from 'kysely'

export interface Migration {
  up(db: Kysely<unknown>): Promise<void>
}

/**
 * A published migration never changes. Only types that both databases spell alike. A migration adds, and takes nothing
 * that a version still running may use (docs/decisions/0010-one-store-two-databases.md).
 */
export type Migrations = Readonly<Record<string, Migration>>

export const MIGRATIONS: Migrations = {
  '0001_users_and_documents': { up: createUsersAndDocuments },
  '0002_login_budgets': { up: createLoginBudgets },
  '0003_account_deletions': { up: createAccountDeletions },
  '0004_login_sessions': { up: createLoginSessions },
  '0005_document_sizes': { up: addDocumentSizes },
  '0006_events': { up: createEvents },
  '0007_jobs': { up: createJobs },
}

async function createUsersAndDocuments (db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable('users')
    .addColumn('identity_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('email', 'text') // not unique: deleted and registered again is a second identity (F15)
    .addColumn('first_name', 'text')
    .addColumn('last_name', 'text')
    .addColumn('username', 'text')
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .execute()
  await db.schema.createTable('documents')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('owner_id', 'text', (column) => column.notNull().references('users.identity_id').onDelete('cascade'))
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('documents_by_owner').on('documents').columns(['owner_id', 'created_at', 'id']).execute()
}

/** Of use on Postgres only; on SQLite it stays empty. */
async function createLoginBudgets (db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable('login_budgets')
    .addColumn('key', 'text', (column) => column.primaryKey().notNull())
    .addColumn('used', 'integer', (column) => column.notNull())
    .addColumn('since', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('login_budgets_by_expiry').on('login_budgets').column('expires_at').execute()
}

async function createAccountDeletions (db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable('account_deletions')
    .addColumn('identity_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('requested_at', 'text', (column) => column.notNull())
    .addColumn('attempted_at', 'text', (column) => column.notNull())
    .addColumn('deleted_at', 'text')
    .execute()
  await db.schema.createIndex('account_deletions_by_state').on('account_deletions')
    .columns(['deleted_at', 'attempted_at']).execute()
}

/** Of use on Postgres only; on SQLite it stays empty. */
async function createLoginSessions (db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable('login_sessions')
    .addColumn('key', 'text', (column) => column.primaryKey().notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('login_sessions_by_expiry').on('login_sessions').column('expires_at').execute()
}

/** With an index that sums up an owner's sizes without the rows. An older version that still runs writes 0. */
async function addDocumentSizes (db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('documents')
    .addColumn('bytes', 'integer', (column) => column.notNull().defaultTo(0)).execute()
  await sql`UPDATE documents SET bytes = octet_length(title) + octet_length(content)`.execute(db)
  await db.schema.createIndex('documents_sizes').on('documents').columns(['owner_id', 'bytes']).execute()
}

async function createEvents (db: Kysely<unknown>): Promise<void> {
  const text = ['type', 'occurred_at', 'identity_id', 'session', 'address', 'network', 'address_until', 'reason', 'method', 'request_id', 'replica']
  const required = new Set(['type', 'occurred_at', 'replica'])
  const events = db.schema.createTable('events')
    .addColumn('position', 'bigint', (column) => column.primaryKey().notNull())
    .addColumn('id', 'text', (column) => column.unique().notNull())
    .addColumn('count', 'integer', (column) => column.notNull())
  await text.reduce(
    (table, name) => table.addColumn(name, 'text', (column) => required.has(name) ? column.notNull() : column),
    events,
  ).execute()
  await db.schema.createIndex('events_by_identity').on('events').columns(['identity_id', 'position']).execute()
  await db.schema.createIndex('events_by_time').on('events').column('occurred_at').execute()
  await db.schema.createIndex('events_by_address').on('events').column('address_until').execute()
  await db.schema.createTable('event_counter')
    .addColumn('id', 'integer', (column) => column.primaryKey().notNull())
    .addColumn('last', 'bigint', (column) => column.notNull())
    .execute()
  await sql`INSERT INTO event_counter (id, last) VALUES (1, 0)`.execute(db)
  await db.schema.createTable('event_subscribers')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('owner', 'text')
    .addColumn('beat', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createTable('event_deliveries')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('identity_id', 'text')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('next_at', 'text')
    .addColumn('dead_at', 'text')
    .addColumn('error', 'text')
    .addPrimaryKeyConstraint('event_deliveries_pkey', ['name', 'position'])
    .execute()
  await db.schema.createIndex('event_deliveries_by_identity').on('event_deliveries')
    .columns(['name', 'identity_id', 'position']).execute()
  await db.schema.createIndex('event_deliveries_by_time').on('event_deliveries').columns(['name', 'next_at']).execute()
  await db.schema.createIndex('event_deliveries_by_death').on('event_deliveries').columns(['name', 'dead_at']).execute()
  await db.schema.createIndex('event_deliveries_by_position').on('event_deliveries').column('position').execute()
}

async function createJobs (db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable('jobs')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('owner', 'text')
    .addColumn('held_until', 'text', (column) => column.notNull())
    .addColumn('done_at', 'text', (column) => column.notNull())
    .execute()
}
