/**
 * `locked`: SQLite, another process writes; `conflict`: Postgres, serialisation failure or deadlock; `down`: all else,
 * such as refused, full, read-only, timed out, not migrated yet, closed.
 */
export type UnavailableReason = 'locked' | 'conflict' | 'down'

/** All that may be kept of a driver's error, which also carries SQL, parameters and paths (H02). */
export interface DriverFault {
  readonly driverCode?: string | undefined
  readonly constraint?: string | undefined
}

/** Through no fault of the caller; the same call may succeed later (K01 to K13). */
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

/** For the operator at start: the one message that names the configured file (K02). */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError'
  readonly code = 'DATABASE_OPEN_FAILED'
  readonly driverCode: string | undefined

  constructor (message: string, { driverCode }: DriverFault = {}) {
    super(message)
    this.driverCode = driverCode
  }
}

/** Nothing of the migration was applied (K12). */
export class StoreMigrationError extends Error {
  override readonly name = 'StoreMigrationError'
  readonly code = 'DATABASE_MIGRATION_FAILED'
  readonly driverCode: string | undefined

  constructor (message: string, { driverCode }: DriverFault = {}) {
    super(message)
    this.driverCode = driverCode
  }
}

/** Such as text with NUL (A18). The message names the kind of value, never the value. */
export class InvalidValueError extends Error {
  override readonly name = 'InvalidValueError'
  readonly code = 'INVALID_VALUE'
}

/** A paging cursor that this owner was never given (A35). */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError'
  readonly code = 'INVALID_CURSOR'
}

/** The owner of a new document was deleted since the caller last saw it. `users.ensure` and try again. */
export class MissingOwnerError extends Error {
  override readonly name = 'MissingOwnerError'
  readonly code = 'OWNER_MISSING'
}

/** Nothing of the account is stored any more, whoever still holds a session. */
export class AccountDeletedError extends Error {
  override readonly name = 'AccountDeletedError'
  readonly code = 'ACCOUNT_DELETED'
}

export class QuotaExceededError extends Error {
  override readonly name = 'QuotaExceededError'
  readonly code = 'QUOTA_EXCEEDED'
}

/** For a log line: no SQL, no parameters (H02). */
export function describeStoreError (error: unknown): string {
  if (error instanceof StoreUnavailableError || error instanceof StoreMigrationError) return error.message
  return error instanceof Error ? error.name : typeof error
}
