import type { PoolClient } from 'pg'
import type { QueryResult } from 'kysely'
import type { Backend, Session, Statement } from './driver.js'
import { StoreOpenError, StoreUnavailableError } from './errors.js'
import { isConnectionBroken, toPostgresStoreError } from './postgres-errors.js'
import { connectWithin, type Resizable } from './postgres-pool.js'

export interface PostgresSettings {
  url: string
  maxConnections: number
  /** Longest life of a connection: behind a name that moves on, an old one leads to the old server. */
  maxConnectionAgeSeconds?: number
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
const CONNECTION_AGE_SECONDS = 300

/** A pooler such as PgBouncer refuses limits as startup parameters, and would hand a `SET` on to the next client. */
function beginStatement ({ statementTimeoutMs, lockTimeoutMs }: PostgresSettings): string {
  const limits = {
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    ...lockTimeoutMs !== undefined && { lock_timeout: lockTimeoutMs },
  }
  const settings = Object.entries(limits).map(([name, ms]) => `; SET LOCAL ${name} = ${Math.trunc(ms)}`)
  return `BEGIN${settings.join('')}`
}

/** No connection is made before it is asked for. @throws StoreOpenError for an address that is none */
export async function openPostgresBackend (settings: PostgresSettings): Promise<Backend> {
  const { default: pg } = await import('pg')
  const options = {
    connectionString: settings.url,
    application_name: 'fastify-kratos',
    max: settings.maxConnections,
    maxLifetimeSeconds: settings.maxConnectionAgeSeconds ?? CONNECTION_AGE_SECONDS,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    query_timeout: settings.statementTimeoutMs + SILENCE_GRACE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  }
  try {
    // The pool would find a malformed address at its first connection only, and repeat it with the password in it.
    await new pg.Client(options).end()
  } catch {
    throw new StoreOpenError('Cannot open the database: its postgres:// address is malformed')
  }
  const pool = new pg.Pool(options)
  pool.on('error', (error) => settings.onError(toPostgresStoreError(error)))
  return createBackend(pool, settings)
}

function createBackend (pool: Resizable, settings: PostgresSettings): Backend {
  const lent = new Set<() => void>()
  const begin = beginStatement(settings)
  return {
    toStoreError: toPostgresStoreError,
    load: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    connect: async () => {
      if (pool.ending) throw new StoreUnavailableError('The store is closed')
      return createSession(await connectWithin(pool, settings), begin, lent)
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

function createSession (client: PoolClient, beginText: string, lent: Set<() => void>): Session {
  let isBroken = false
  let isInTransaction = false
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
  const begin = async () => {
    isInTransaction = true
    try {
      // Without values, so that it may be several statements, and one round trip.
      await client.query(beginText)
    } catch (error) {
      isBroken = true
      throw error
    }
  }
  const commit = async () => {
    await query('COMMIT')
    isInTransaction = false
  }
  const rollback = async () => {
    isInTransaction = false
    try {
      await query('ROLLBACK')
    } catch {
      isBroken = true
    }
  }
  /** A statement that writes has the server's time limit: given up by us alone, it could still take effect later. */
  const inTransaction = async <T>(work: () => Promise<T>): Promise<T> => {
    await begin()
    try {
      const result = await work()
      await commit()
      return result
    } catch (error) {
      await rollback()
      throw error
    }
  }
  client.on('error', onClientError)
  lent.add(destroySession)
  return {
    execute: async ({ sql, parameters, isRead }: Statement): Promise<QueryResult<unknown>> => {
      const work = () => query(sql, [...parameters])
      const { rows, rowCount } = await (isRead || isInTransaction ? work() : inTransaction(work))
      return { numAffectedRows: BigInt(rowCount ?? 0), rows }
    },
    begin,
    commit,
    rollback,
    release: () => release(isBroken),
  }
}
