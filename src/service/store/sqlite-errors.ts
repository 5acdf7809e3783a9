import { StoreOpenError, StoreQueryError, StoreUnavailableError } from './errors.js'

const CODES = { perm: 3, busy: 5, locked: 6, readonly: 8, ioerr: 10, corrupt: 11, full: 13, cantopen: 14, notadb: 26 }

// PERM, ABORT, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOLFS, AUTH, NOTADB.
const UNAVAILABLE = new Set([3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 22, 23, 26])

interface SqliteFault {
  code: number
  name: string
}

/** Errors of anything but libsql unchanged. */
export function toSqliteStoreError (error: unknown): unknown {
  const fault = faultOf(error)
  if (fault === undefined) return error
  if (!UNAVAILABLE.has(fault.code)) {
    return new StoreQueryError(`The database refused a statement (${fault.name})`, { driverCode: fault.name })
  }
  const reason = fault.code === CODES.busy || fault.code === CODES.locked ? 'locked' : 'down'
  return new StoreUnavailableError(`The database cannot be used (${fault.name})`, { driverCode: fault.name, reason })
}

/** The one line that the operator reads (K02). */
export function toSqliteOpenError (error: unknown, path: string): unknown {
  const driverCode = codeOf(error)
  const reason = driverCode === undefined ? undefined : openFailure(driverCode)
  if (reason === undefined) return error
  return new StoreOpenError(`Cannot open the database ${JSON.stringify(path)}: ${reason} (${driverCode})`, {
    driverCode,
  })
}

function openFailure (code: string): string | undefined {
  if (code === 'EISDIR') return 'it is a folder, not a file'
  if (code === 'SQLITE_NOTADB') return 'it is not an SQLite database'
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return 'another process has locked it'
  if (/^(EACCES|EPERM|EROFS|SQLITE_(PERM|READONLY|CANTOPEN))/.test(code)) { return 'the file or its folder is not writable' }
  if (/^SQLITE_CORRUPT/.test(code)) return 'the file is damaged'
  if (/^(ENOSPC|SQLITE_FULL)/.test(code)) return 'the disk is full'
  if (/^(E[A-Z]+|(UNKNOWN_)?SQLITE_\w+)$/.test(code)) return 'it cannot be read or written'
  return undefined
}

function codeOf (error: unknown): string | undefined {
  if (error instanceof StoreUnavailableError || error instanceof StoreQueryError) return error.driverCode
  const code = faultOf(error)?.name ?? (error instanceof Error && 'code' in error ? error.code : undefined)
  return typeof code === 'string' ? code : undefined
}

/** An extended code that libsql has no name for has that of its primary one. */
function nameOf (code: number, name: string): string {
  if (!name.startsWith('UNKNOWN_')) return name
  const [primary] = Object.entries(CODES).find(([, value]) => value === code) ?? []
  return primary === undefined ? name : `SQLITE_${primary.toUpperCase()}`
}

/** The low byte is the primary code. */
function faultOf (error: unknown): SqliteFault | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  if ('rawCode' in error && typeof error.rawCode === 'number') {
    const code = error.rawCode & 0xff
    return { code, name: nameOf(code, error.code) }
  }
  // A failure to open has an empty code and a text that ends in the number: `…/app.db: 14")`.
  return error.code === '' ? { code: CODES.cantopen, name: 'SQLITE_CANTOPEN' } : undefined
}
