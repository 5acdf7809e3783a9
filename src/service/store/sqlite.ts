import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type Libsql from 'libsql'
import type { QueryResult } from 'kysely'
import type { Backend, Durability, Session, Statement } from './driver.js'
import { StoreUnavailableError } from './errors.js'
import { retryWhileLocked } from './retry-policy.js'
import { toSqliteOpenError, toSqliteStoreError } from './sqlite-errors.js'
import { createMutex, type Release } from './mutex.js'

type Connection = Libsql.Database

/** libsql waits synchronously for a lock, so this stops the event loop; `retry-policy.ts` does the longer waiting. */
const BUSY_TIMEOUT_MS = 5
const WAL_LIMIT_BYTES = 64 * 1024 * 1024
const STATEMENT_CACHE_SIZE = 100

const BEGIN_WRITE = 'BEGIN IMMEDIATE'
/** Cannot change within a transaction. With NORMAL a commit does not wait for the disk (sqlite.org/pragma.html). */
const SYNCHRONOUS: Record<Durability, string> = {
  disk: 'PRAGMA synchronous = FULL',
  process: 'PRAGMA synchronous = NORMAL',
}

/** Creates file and folder. @param waitMs for another process at work on it @throws StoreOpenError with a clear line */
export async function openSqliteBackend (path: string, waitMs: number): Promise<Backend> {
  const { default: Database } = await import('libsql')
  const open = async () => {
    try {
      return openConnection(Database, path)
    } catch (error) {
      throw toSqliteStoreError(error)
    }
  }
  try {
    prepareFolder(path)
    return createBackend(await retryWhileLocked(open, performance.now() + waitMs), () => openConnection(Database, path))
  } catch (error) {
    throw toSqliteOpenError(error, path)
  }
}

function prepareFolder (path: string): void {
  if (path === ':memory:') return
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 }) // rows hold e-mail addresses
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw Object.assign(new Error('A folder is in the place of the database'), { code: 'EISDIR' })
  }
}

function openConnection (Database: typeof Libsql, path: string): Connection {
  const connection = new Database(path)
  try {
    connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`) // first: the next line wants a lock
    connection.exec('PRAGMA journal_mode = WAL')
    connection.exec(`${SYNCHRONOUS.disk}; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`)
    checkSettings(connection, path === ':memory:' ? 'memory' : 'wal')
    checkWritable(connection)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

// A pragma that does not apply says nothing, and durability hangs on these: with synchronous NORMAL a power failure may
// take the last acknowledged rows (K14).
function checkSettings (connection: Connection, journal: string): void {
  const [settings] = connection.prepare(`SELECT journal_mode, synchronous, foreign_keys, timeout
    FROM pragma_journal_mode, pragma_synchronous, pragma_foreign_keys, pragma_busy_timeout`).all()
  const wanted = { journal_mode: journal, synchronous: 2, foreign_keys: 1, timeout: BUSY_TIMEOUT_MS }
  if (JSON.stringify(settings) === JSON.stringify(wanted)) return
  throw new StoreUnavailableError('The database does not take its settings', { driverCode: 'SQLITE_NOLFS' })
}

/** SQLite opens a read-only file, and even begins: the first user would find out. Locked means writable. */
function checkWritable (connection: Connection): void {
  try {
    connection.exec(`${BEGIN_WRITE}; PRAGMA user_version = 0; ROLLBACK`)
  } catch (error) {
    if (!isLocked(error)) throw error
  }
}

function isLocked (error: unknown): boolean {
  const translated = toSqliteStoreError(error)
  return translated instanceof StoreUnavailableError && translated.reason === 'locked'
}

function createBackend (first: Connection, reopen: () => Connection): Backend {
  let connection: Connection | undefined = first
  const takeTurn = createMutex()
  const statements = new Map<string, Libsql.Statement>()
  let isClosed = false
  let current: Durability = 'disk'

  function lend (durability: Durability, release: Release): Session {
    const own = connection ??= reopen()
    const setDurability = (): void => {
      if (durability === current) return
      own.exec(SYNCHRONOUS[durability])
      current = durability
    }
    return createSession({ connection: own, statements, setDurability, discard, release })
  }

  function discard (): void {
    connection?.close()
    connection = undefined
    current = 'disk'
    statements.clear()
  }

  return {
    toStoreError: toSqliteStoreError,
    connect: async (durability) => {
      const leave = await takeTurn()
      try {
        if (!isClosed) return lend(durability, leave)
      } catch (error) {
        leave()
        throw error
      }
      leave()
      throw new StoreUnavailableError('The store is closed')
    },
    close: async () => {
      const leave = await takeTurn()
      isClosed = true
      if (connection !== undefined) checkpoint(connection)
      discard()
      leave()
    },
  }
}

/** So that the one file holds everything, for whoever copies it. If it fails, the next start replays the WAL. */
function checkpoint (connection: Connection): void {
  try {
    connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch { /* another process is using it */ }
}

interface SessionParts {
  connection: Connection
  statements: Map<string, Libsql.Statement>
  setDurability: () => void
  /** Closes the connection; the next one to come opens another. */
  discard: () => void
  release: Release
}

function createSession ({ connection, statements, setDurability, discard, release }: SessionParts): Session {
  let isInTransaction = false
  const rollback = () => {
    isInTransaction = false
    // After SQLITE_FULL there may be nothing left to roll back, and the caller reports the cause, not this (K11).
    try {
      if (connection.inTransaction) connection.exec('ROLLBACK')
    } catch { /* the next BEGIN fails and comes here again */ }
  }
  const prepare = (sql: string): Libsql.Statement => {
    const statement = statements.get(sql) ?? connection.prepare(sql)
    if (statements.size >= STATEMENT_CACHE_SIZE) statements.clear()
    statements.set(sql, statement)
    return statement
  }
  // libsql does not reset a prepared statement that met a lock: it stays active and puts off the next statement's own
  // commit until the garbage collector comes, although that one reported success. `exec` does reset: so a writer takes
  // its lock by `exec`, and a row counts as written once COMMIT has returned.
  const inTransaction = <T>(work: () => T): T => {
    try {
      setDurability()
      connection.exec(BEGIN_WRITE)
      const result = work()
      connection.exec('COMMIT')
      return result
    } catch (error) {
      rollback()
      throw error
    }
  }
  // With WAL a read meets a lock only while another process repairs the file after a crash. A transaction around each
  // read, against that, costs as much as the read does; so then the connection goes, and the statement with it.
  const read = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      if (isLocked(error)) discard()
      throw error
    }
  }
  return {
    execute: async (statement) => {
      const work = () => runStatement(prepare(statement.sql), statement)
      if (isInTransaction) return work()
      return statement.isRead ? read(work) : inTransaction(work)
    },
    begin: async () => {
      setDurability()
      connection.exec(BEGIN_WRITE)
      isInTransaction = true
    },
    commit: async () => {
      connection.exec('COMMIT')
      isInTransaction = false
    },
    rollback: async () => rollback(),
    release,
  }
}

/** Whole numbers go as BigInt: libsql binds a number as REAL, and a text column would keep `1.0`. */
function runStatement (prepared: Libsql.Statement, { parameters }: Statement): QueryResult<unknown> {
  const values = parameters.map((value) => typeof value === 'number' ? BigInt(value) : value)
  if (!prepared.reader) return { numAffectedRows: BigInt(prepared.run(values).changes), rows: [] }
  const rows = prepared.all(values)
  return { numAffectedRows: BigInt(rows.length), rows }
}
