import { fileURLToPath } from 'node:url'
import { StoreOpenError } from './errors.js'

/** A scheme counts in any case of letters (RFC 3986, section 3.1). */
export const isPostgresUrl = (text: string): boolean => /^postgres(?:ql)?:\/\/./i.test(text)

/** `postgres//host`: a colon was forgotten, and a folder of that name would be made. One letter is a drive. */
const NO_PATH = /^(?:(?!file:)[a-z][a-z0-9+.-]+:|(?:postgres(?:ql)?|file)\/\/)/i

/**
 * Path of the SQLite file that `path`, `file:…` or `:memory:` names. Refuses other schemes: libsql takes `http:` and
 * `libsql:` for a remote server, a typing error for a file name. @throws StoreOpenError
 */
export function toSqlitePath (url: string): string {
  if (url === ':memory:') return url
  const path = /^file:\/\//i.test(url) ? toFilePath(url) : url.replace(/^file:/i, '')
  if (NO_PATH.test(url) || path === '' || /[\0?]/.test(url)) throw malformed()
  return path
}

/** Whether the store can tell what kind of database it is, and where. */
export function isDatabaseUrl (text: string): boolean {
  try {
    return isPostgresUrl(text) || toSqlitePath(text) !== ''
  } catch {
    return false
  }
}

function toFilePath (url: string): string {
  try {
    return fileURLToPath(url)
  } catch {
    throw malformed()
  }
}

const malformed = (): StoreOpenError =>
  new StoreOpenError('Cannot open the database: its address is neither postgres://… nor the path of a file')
