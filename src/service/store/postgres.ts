import type { Pool, PoolClient } from 'pg'
import type { QueryResult } from 'kysely'
import type { Backend, Session, Statement } from './driver.js'
import { StoreOpenError, StoreUnavailableError } from './errors.js'
import { isConnectionBroken, toPostgresStoreError } from './postgres-errors.js'

export interface PostgresSettings {
  url: string
  maxConnections: number
  /** For a free connection, or for a new one to be made. */
  connectTimeoutMs: number
  statementTimeoutMs: number
  /** Waiting for a lock, advisory ones included; without it the statement timeout alone counts. */
  lockTimeoutMs?: number
  /** Errors of idle connections, which no call reports. Without a listener they would end the process. */
  onError: (error: unknown) => void
}

/** The server's own statement timeout comes first; this one is for a server that says nothing any more. */
const SILENCE_GRACE_MS = 500
const IDLE_IN_TRANSACTION_MS = 10_000
const KEEP_ALIVE_AFTER_MS = 10_000
const CLOSE_GRACE_MS = 1000

/**
 * A pool of connections, none of which is made before it is asked for.
 * @throws StoreOpenError for an address that is none
 */
export async function openPostgresBackend (settings: PostgresSettings): Promise<Backend> {
  const { default: pg } = await import('pg')
  const options = {
    connectionString: settings.url,
    application_name: 'fastify-kratos',
    max: settings.maxConnections,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    statement_timeout: settings.statementTimeoutMs,
    query_timeout: settings.statementTimeoutMs + SILENCE_GRACE_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    ...settings.lockTimeoutMs !== undefined && { lock_timeout: settings.lockTimeoutMs },
  }
  try {
    // The pool would find a malformed address at its first connection only, and repeat it with the password in it.
    await new pg.Client(options).end()
  } catch {
    throw new StoreOpenError('Cannot open the database: its postgres:// address is malformed')
  }
  const pool = new pg.Pool(options)
  pool.on('error', (error) => settings.onError(toPostgresStoreError(error)))
  return createBackend(pool)
}

function createBackend (pool: Pool): Backend {
  const lent = new Set<() => void>()
  return {
    toStoreError: toPostgresStoreError,
    connect: async () => {
      if (pool.ending) throw new StoreUnavailableError('The store is closed')
      return createSession(await pool.connect(), lent)
    },
    close: async () => {
      if (pool.ending) return
      const timer = setTimeout(() => {
        for (const destroy of lent) destroy()
      }, CLOSE_GRACE_MS)
      await pool.end()
      clearTimeout(timer)
    },
  }
}

function createSession (client: PoolClient, lent: Set<() => void>): Session {
  let isBroken = false
  // The pool stops listening while a connection is lent; the statement under way reports the same fault.
  const onClientError = () => {
    isBroken = true
  }
  const release = (destroy: boolean) => {
    if (!lent.delete(destroySession)) return
    client.removeListener('error', onClientError)
    client.release(destroy)
  }
  const destroySession = () => release(true)
  const query = async (sql: string, values: unknown[] = []) => {
    try {
      return await client.query(sql, values)
    } catch (error) {
      isBroken ||= isConnectionBroken(error)
      throw error
    }
  }
  client.on('error', onClientError)
  lent.add(destroySession)
  return {
    execute: async ({ sql, parameters }: Statement): Promise<QueryResult<unknown>> => {
      const { rows, rowCount } = await query(sql, [...parameters])
      return { numAffectedRows: BigInt(rowCount ?? 0), rows }
    },
    begin: async () => {
      await query('BEGIN')
    },
    commit: async () => {
      await query('COMMIT')
    },
    rollback: async () => {
      try {
        await query('ROLLBACK')
      } catch {
        isBroken = true
      }
    },
    release: () => release(isBroken),
  }
}
