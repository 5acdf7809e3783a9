import Database from 'libsql'

/** A value that a column can hold. */
export type Column = string | number | null
export type Row = Record<string, Column>

/**
 * The only access to SQLite. All values are checked by `bindable`, because libsql ends the process on a boolean and
 * cuts strings at NUL. All calls are synchronous, so that code between two awaits is atomic.
 */
export interface Sql {
  run(sql: string, ...values: unknown[]): { changes: number }
  all(sql: string, ...values: unknown[]): Row[]
  get(sql: string, ...values: unknown[]): Row | undefined
  /** Runs `work` in a transaction; an exception rolls it back. */
  transaction<T>(work: () => T): T
  close(): void
}

function bindable (value: unknown): Column {
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value !== 'string') throw new TypeError(`cannot store a ${typeof value}`)
  return value.replace(/[\0\u{10ffff}]/gu, (char) => char === '\0' ? NUL : ESCAPE)
}

/** libsql cuts texts at a NUL. So it is stored as a pair that begins with a code point which is no character. */
const NUL = '\u{10ffff}0'
const ESCAPE = '\u{10ffff}1'
const asWritten = (stored: string): string =>
  stored.replace(/\u{10ffff}[01]/gu, (pair) => pair === NUL ? '\0' : '\u{10ffff}')

/**
 * Removes the `-wal` and `-shm` files, which libsql's `close` does not do. They stay if another process uses the
 * database.
 */
function leaveOneFile (database: Database.Database): void {
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE')
  } catch { /* used by another process */ }
}

/** @param path a file, or `:memory:` */
export function openDatabase (path: string): Sql {
  const database = new Database(path)
  database.exec('PRAGMA busy_timeout = 5000')
  if (path !== ':memory:') database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('PRAGMA foreign_keys = ON')
  const statements = new Map<string, Database.Statement>()
  const prepared = (sql: string): Database.Statement => {
    const known = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, known)
    return known
  }
  return {
    run: (sql, ...values) => ({ changes: prepared(sql).run(...values.map(bindable)).changes }),
    all: (sql, ...values) => prepared(sql).all(...values.map(bindable)) as Row[],
    get: (sql, ...values) => prepared(sql).get(...values.map(bindable)) as Row | undefined,
    transaction: (work) => {
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        database.exec('COMMIT')
        return result
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    },
    close: () => {
      statements.clear()
      if (path !== ':memory:') leaveOneFile(database)
      database.close()
    },
  }
}

/** Whether a statement violated a unique constraint. */
export const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY'].includes(String(error.code))

export const text = (row: Row, column: string): string => asWritten(String(row[column] ?? ''))
export const number = (row: Row, column: string): number => Number(row[column] ?? 0)
export const optionalText = (row: Row, column: string): string | undefined =>
  row[column] === null || row[column] === undefined ? undefined : text(row, column)
