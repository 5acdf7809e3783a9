/**
 * Why the database could not be used: `locked` (SQLite, another process writes), `conflict` (Postgres serialisation
 * failure or deadlock), `down` (everything else: refused, full, read-only, timed out, not migrated yet, closed).
 */
export type UnavailableReason = 'locked' | 'conflict' | 'down'

/**
 * What may be kept of a driver's error: it also carries SQL, parameters and paths, and those never leave the store
 * (H02).
 */
export interface DriverFault {
  readonly driverCode?: string | undefined
  readonly constraint?: string | undefined
}

/** The database cannot be used now, through no fault of the caller; the same call may succeed later (K01 to K13). */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
  readonly code = 'DATABASE_UNAVAILABLE'
  readonly reason: UnavailableReason
  readonly driverCode: string | undefined

  constructor (message: string, { driverCode, reason = 'down' }: DriverFault & { reason?: UnavailableReason } = {}) {
    super(message)
    this.reason = reason
    this.driverCode = driverCode
  }
}

/** The database refused a statement although it works: a bug on our side, or a constraint. */
export class StoreQueryError extends Error {
  override readonly name = 'StoreQueryError'
  readonly code = 'DATABASE_ERROR'
  readonly driverCode: string | undefined
  readonly constraint: string | undefined

  constructor (message: string, { driverCode, constraint }: DriverFault = {}) {
    super(message)
    this.driverCode = driverCode
    this.constraint = constraint
  }
}

/**
 * The store cannot be opened at all. For the operator at start: the one message that names the configured file (K02).
 */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError'
  readonly code = 'DATABASE_OPEN_FAILED'
  readonly driverCode: string | undefined

  constructor (message: string, { driverCode }: DriverFault = {}) {
    super(message)
    this.driverCode = driverCode
  }
}

/** A migration failed. Nothing of it was applied (K12). */
export class StoreMigrationError extends Error {
  override readonly name = 'StoreMigrationError'
  readonly code = 'DATABASE_MIGRATION_FAILED'
  readonly driverCode: string | undefined

  constructor (message: string, { driverCode }: DriverFault = {}) {
    super(message)
    this.driverCode = driverCode
  }
}

/** A value that no column takes, such as text with NUL (A18). The message names its kind, never the value. */
export class InvalidValueError extends Error {
  override readonly name = 'InvalidValueError'
  readonly code = 'INVALID_VALUE'
}

/** A paging cursor that this owner was never given (A35). */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError'
  readonly code = 'INVALID_CURSOR'
}

/** The owner of a new document has no row: deleted since the caller last saw it. `users.ensure` and try again. */
export class MissingOwnerError extends Error {
  override readonly name = 'MissingOwnerError'
  readonly code = 'OWNER_MISSING'
}

/** The account was deleted: nothing of it is stored any more, whoever still holds a session. */
export class AccountDeletedError extends Error {
  override readonly name = 'AccountDeletedError'
  readonly code = 'ACCOUNT_DELETED'
}

/** The owner's documents are as many, or as large together, as they may be. */
export class QuotaExceededError extends Error {
  override readonly name = 'QuotaExceededError'
  readonly code = 'QUOTA_EXCEEDED'
}

/** A failure of the store for a log line: no SQL, no parameters (H02). */
export function describeStoreError (error: unknown): string {
  if (error instanceof StoreUnavailableError || error instanceof StoreMigrationError) return error.message
  return error instanceof Error ? error.name : typeof error
}
