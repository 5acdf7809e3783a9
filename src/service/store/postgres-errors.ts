import { StoreQueryError, StoreUnavailableError } from './errors.js'

const SQLSTATE = /^[0-9A-Z]{5}$/
/** Serialisation failure and deadlock: the same statement may well succeed at once. */
const CONFLICTS = new Set(['40001', '40P01'])
/** No right, and no table: not a bug but a database that is not (or no longer) set up for us. */
const NOT_SET_UP = new Set(['42501', '42P01', '3F000'])
/** Cardinality, data, constraint, statement or cursor name, syntax, program limit: the database works, we are wrong. */
const REFUSED_CLASSES = new Set(['0A', '21', '22', '23', '26', '34', '42', '54'])
// Connection exceptions, operator intervention (shutdown, crash, cannot connect now), and a read-only server: after a
// failover the name leads to another one, this connection never will.
const BROKEN = /^(08...|57P..|25006)$/
// Connecting, authorisation, catalogue, state, rights, resources, locks, operator, system: the server's words say what
// is wrong, and hold no value of a statement.
const TELLING = /^(?:08|25|28|3D|3F|42501|42P01|53|55|57|58)/
const MAX_WORDS = 160

/** Plain bugs (TypeError, …) and our own errors unchanged. */
export function toPostgresStoreError (error: unknown): unknown {
  if (!(error instanceof Error) || isOwn(error)) return error
  const code = codeOf(error)
  if (code !== undefined && SQLSTATE.test(code) && isRefusal(code)) {
    const constraint = 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : undefined
    return new StoreQueryError(`The database refused a statement (${code})`, { driverCode: code, constraint })
  }
  const reason = code !== undefined && CONFLICTS.has(code) ? 'conflict' : 'down'
  return new StoreUnavailableError(`The database cannot be used (${code ?? 'no code'})${wordsOf(error, code)}`, {
    driverCode: code,
    reason,
  })
}

/** Only where it says more than the code and nothing that may not be logged (H02). */
function wordsOf ({ message }: Error, code: string | undefined): string {
  const isTelling = code === undefined || (SQLSTATE.test(code) && TELLING.test(code))
  return isTelling && message !== '' ? `: ${message.replaceAll(/\s+/g, ' ').slice(0, MAX_WORDS)}` : ''
}

/** No word from the server, or its last one: the connection must not be used again. */
export function isConnectionBroken (error: unknown): boolean {
  const code = error instanceof Error ? codeOf(error) : undefined
  return code === undefined || !SQLSTATE.test(code) || BROKEN.test(code)
}

function isRefusal (code: string): boolean {
  return REFUSED_CLASSES.has(code.slice(0, 2)) && !NOT_SET_UP.has(code)
}

function isOwn (error: Error): boolean {
  return error instanceof StoreUnavailableError || error instanceof StoreQueryError ||
    error instanceof TypeError || error instanceof RangeError
}

/** pg's own timeouts have no code, only a text. */
function codeOf (error: Error): string | undefined {
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code
  return /timeout/i.test(error.message) ? 'TIMEOUT' : undefined
}
