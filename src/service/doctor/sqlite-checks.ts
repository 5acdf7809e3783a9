import { accessSync, closeSync, constants, openSync, readSync, statSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Checks, error, note } from '../../doctor/finding.js'
import { toSqlitePath } from '../store/database-url.js'

/** What is in the place of a SQLite file; nothing is changed or made. */
export interface SqliteFacts {
  replicas: number
  /** Why the file cannot be used. */
  fault?: 'name' | 'folder' | 'other' | 'read-only' | 'parent' | undefined
}

const HEADER = 'SQLite format 3\0'

const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function isWritable (path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function beginning (path: string): string {
  const bytes = Buffer.alloc(HEADER.length)
  const file = openSync(path, 'r')
  try {
    readSync(file, bytes)
  } finally {
    closeSync(file)
  }
  return bytes.toString('latin1')
}

/** The service makes the folders that are missing. */
function nearestFolder (path: string): string {
  const folder = dirname(path)
  return folder === path || statOf(folder) !== undefined ? folder : nearestFolder(folder)
}

function faultOf (path: string): SqliteFacts['fault'] {
  const stat = statOf(path)
  const folder = nearestFolder(path)
  if (stat?.isDirectory() === true) return 'folder'
  if (statOf(folder)?.isDirectory() !== true || !isWritable(folder)) return 'parent'
  if (stat === undefined) return undefined
  if (!isWritable(path)) return 'read-only'
  return stat.size > 0 && beginning(path) !== HEADER ? 'other' : undefined
}

/** @param url as DATABASE_URL has it */
export function lookAtSqlite (url: string, replicas: number): SqliteFacts {
  try {
    const path = toSqlitePath(url)
    return { replicas, fault: path === ':memory:' ? undefined : faultOf(resolve(path)) }
  } catch {
    return { replicas, fault: 'name' }
  }
}

const FAULTS: Record<NonNullable<SqliteFacts['fault']>, string> = {
  name: 'its name is no name of a file, or has a ? in it',
  folder: 'a folder is in its place',
  other: 'another file, which is no SQLite database, is in its place',
  'read-only': 'this user may not write into it',
  parent: 'this user may not write into its folder, where SQLite keeps files of its own',
}

export const SQLITE_CHECKS: Checks<SqliteFacts> = {
  'sqlite-file': ({ fault }) =>
    fault === undefined
      ? []
      : [error(
          `The SQLite file of DATABASE_URL cannot be used: ${FAULTS[fault]}`,
          'let DATABASE_URL name a file in a folder that belongs to the user of this process; in a container mount a volume there',
        )],

  sqlite: ({ replicas }) =>
    replicas === 1
      ? [note('DATABASE_URL is a SQLite file: one process alone can use it', 'use Postgres for a second replica')]
      : [error(`DATABASE_URL is a SQLite file, and ${replicas} replicas are asked for: each would have users of its own`, 'use Postgres')],
}
