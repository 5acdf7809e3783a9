import { sql } from 'kysely'
import { isPostgresUrl, toSqlitePath } from './database-url.js'
import { StoreUnavailableError } from './errors.js'
import { createDeletionRepository, type DeletionRepository } from './deletions.js'
import { createDeadLetterRepository, type DeadLetterRepository } from './dead-letters.js'
import { createDocumentRepository, type DocumentQuota, type DocumentRepository } from './documents.js'
import type { PoolLoad, QueryListener } from './driver.js'
import { createEventWriter } from './event-writer.js'
import { createEventRepository, type EventRepository } from './events.js'
import { createJobRepository, type JobRepository } from './jobs.js'
import { createInventory, type Inventory } from './inventory.js'
import { createLoginBudgetRepository, type LoginBudgetRepository } from './login-budgets.js'
import { openPostgresEngine } from './postgres-engine.js'
import { openSqliteEngine } from './sqlite-engine.js'
import { createSubscriptionRepository, type SubscriptionRepository } from './subscriptions.js'
import { createUserRepository, type UserRepository } from './users.js'
import type { Engine } from './engine.js'

export type { DocumentPage, DocumentRepository } from './documents.js'
export type { EventOrigin, EventRecord, EventType, NewEvent } from './events.js'
export type { DocumentRecord, UserRecord } from './schema.js'
export type { UserRepository } from './users.js'

export interface StoreOptions {
  /** `postgres://…` or `postgresql://…`; else the path of an SQLite file, as such or `file:…`; or `:memory:`. */
  url: string
  /** Faults that no call reports: migrations that fail in the background, idle connections that break. Safe to log. */
  onError?: (error: unknown) => void
  onMigrated?: (names: string[]) => void
  /** The names of migrations that only a newer version knows. */
  onNewer?: (names: string[]) => void
  onQuery?: QueryListener
  /** How long a call waits for a lock (SQLite) or a connection (Postgres). Default 1,000. */
  waitMs?: number
  /** Postgres: default 3,000. SQLite statements have an index and a limit instead. */
  statementTimeoutMs?: number
  /** Postgres: default 10. */
  maxConnections?: number
  /** Postgres: longest life of a connection. Default 300. */
  maxConnectionAgeSeconds?: number
  /** What one user may keep. Default: 1,000 documents, 20 MiB. */
  documentQuota?: DocumentQuota
  /** Name of this process in the events that it writes; undefined: it writes none. */
  replica?: string | undefined
}

export interface Store {
  readonly dialect: 'sqlite' | 'postgres'
  readonly users: UserRepository
  readonly documents: DocumentRepository
  readonly deletions: DeletionRepository
  readonly inventory: Inventory
  readonly events: EventRepository
  readonly subscriptions: SubscriptionRepository
  readonly deadLetters: DeadLetterRepository
  readonly jobs: JobRepository
  /** Shared with other processes; undefined on SQLite. */
  readonly loginBudgets: LoginBudgetRepository | undefined
  /** Whether the migrations of this version were seen applied since the start; true for ever from then on. */
  isMigrated(): boolean
  /** Of its connections; undefined on SQLite, which has one. */
  load: (() => PoolLoad) | undefined
  /** Resolves when the database answers, is migrated and takes writes. @throws StoreUnavailableError */
  ping(): Promise<void>
  /** Ends what is under way (at most about a second on Postgres); later calls reject with StoreUnavailableError. */
  close(): Promise<void>
}

const DEFAULTS = { waitMs: 1000, statementTimeoutMs: 3000, maxConnections: 10, maxConnectionAgeSeconds: 300 }

/**
 * Only the driver that is needed is loaded. SQLite: opened and migrated when this resolves; any failure rejects with
 * one clear line (K02, K12). Postgres: resolves at once, is migrated on the first connection that succeeds, tried again
 * in the background; until then every call rejects with StoreUnavailableError (K01). @throws StoreOpenError,
 * StoreMigrationError
 */
export async function openStore (options: StoreOptions): Promise<Store> {
  const settings = { ...DEFAULTS, onError: () => {}, ...options }
  return isPostgresUrl(options.url)
    ? createStore(await openPostgresEngine(settings), options)
    : createStore(await openSqliteEngine({ ...settings, path: toSqlitePath(options.url) }), options)
}

const DEFAULT_QUOTA: DocumentQuota = { count: 1000, bytes: 20 * 1024 * 1024 }

export function createStore (
  { dialect, db, eventsDb, retryPolicy, isMigrated, load, close }: Engine,
  { documentQuota = DEFAULT_QUOTA, replica }: Pick<StoreOptions, 'documentQuota' | 'replica'> = {},
): Store {
  const writer = replica === undefined ? undefined : createEventWriter({ dialect, replica })
  const users = createUserRepository(db, retryPolicy, writer)

  /** A server that was demoted answers every read; only it can tell that a write would fail. */
  async function checkWritable (): Promise<void> {
    const setting = sql<string>`current_setting('transaction_read_only')`.as('is_read_only')
    const row = await retryPolicy.read(() => db.selectNoFrom(setting).executeTakeFirst())
    if (row?.is_read_only === 'off') return
    throw new StoreUnavailableError('The database is read-only', { driverCode: '25006' })
  }

  return {
    dialect,
    users,
    documents: createDocumentRepository(db, retryPolicy, documentQuota),
    deletions: createDeletionRepository(db, retryPolicy, writer),
    events: createEventRepository(db, eventsDb, retryPolicy, writer ?? createEventWriter({ dialect, replica: '' })),
    subscriptions: createSubscriptionRepository(db, retryPolicy),
    deadLetters: createDeadLetterRepository(db, retryPolicy),
    jobs: createJobRepository(db, retryPolicy),
    inventory: createInventory(db, retryPolicy),
    loginBudgets: dialect === 'postgres' ? createLoginBudgetRepository(db, retryPolicy) : undefined,
    ping: async () => {
      await users.find('00000000-0000-0000-0000-000000000000')
      if (dialect === 'postgres') await checkWritable()
    },
    isMigrated,
    load,
    close,
  }
}
