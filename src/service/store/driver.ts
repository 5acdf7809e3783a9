import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely'
import { toBindable, type Bindable } from './values.js'

/** Its values have passed the check. */
export interface Statement {
  readonly sql: string
  readonly parameters: readonly Bindable[]
  readonly isRead: boolean
}

/** A connection, lent for one statement or one transaction. */
export interface Session {
  execute(statement: Statement): Promise<QueryResult<unknown>>
  begin(): Promise<void>
  commit(): Promise<void>
  /** Never rejects: the error that led here is the one to report (K11). */
  rollback(): Promise<void>
  release(): void
}

/** What has to happen before a commit returns: the rows are on the disk, or only with the operating system. */
export type Durability = 'disk' | 'process'

export interface Backend {
  connect(durability: Durability): Promise<Session>
  close(): Promise<void>
  /** A driver's error as one of ours, without SQL, parameters and paths; ours and plain bugs unchanged. */
  toStoreError(error: unknown): unknown
  /** Undefined where there is one connection. */
  load?: () => PoolLoad
}

/** Never told the values of a statement. */
export type QueryListener = (query: { sql: string, durationMs: number, isFailed: boolean }) => void

/** Connections of a pool, and calls that wait for one. */
export interface PoolLoad {
  total: number
  idle: number
  waiting: number
}

type DialectParts = Pick<Dialect, 'createAdapter' | 'createIntrospector' | 'createQueryCompiler'>

export interface DialectOptions {
  onQuery?: QueryListener | undefined
  /** Default `disk`. */
  durability?: Durability
}

/** Every bound value and every error of both databases passes here, and nowhere else. */
export function createDialect (parts: DialectParts, backend: Backend, options: DialectOptions = {}): Dialect {
  return { ...parts, createDriver: () => createDriver(backend, options) }
}

/** On the connection itself: a WeakMap would keep each of them until a full collection. */
const SESSION = Symbol('session')
interface Lent extends DatabaseConnection {
  [SESSION]: Session
}

function createDriver (backend: Backend, { onQuery, durability = 'disk' }: DialectOptions): Driver {
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw backend.toStoreError(error)
    }
  }
  const sessionOf = (connection: DatabaseConnection): Session => {
    if (!(SESSION in connection)) throw new TypeError('This connection belongs to another driver')
    return (connection as Lent)[SESSION]
  }
  return {
    init: async () => {},
    destroy: () => backend.close(),
    acquireConnection: () =>
      translated(async () => {
        const session = await backend.connect(durability)
        return createConnection(session, (query) => {
          const statement = toStatement(query)
          return translated(() => execute(session, statement, onQuery))
        })
      }),
    releaseConnection: async (connection) => sessionOf(connection).release(),
    beginTransaction: (connection) => translated(() => sessionOf(connection).begin()),
    commitTransaction: (connection) => translated(() => sessionOf(connection).commit()),
    rollbackTransaction: (connection) => sessionOf(connection).rollback(),
  }
}

function createConnection (session: Session, run: (query: CompiledQuery) => Promise<QueryResult<unknown>>): Lent {
  return {
    [SESSION]: session,
    executeQuery: async <R>(query: CompiledQuery) => await run(query) as QueryResult<R>,
    streamQuery: () => {
      throw new TypeError('The store does not stream; page with a limit')
    },
  }
}

function toStatement ({ sql, parameters, query }: CompiledQuery): Statement {
  return { sql, parameters: parameters.map(toBindable), isRead: query.kind === 'SelectQueryNode' }
}

async function execute (session: Session, statement: Statement, onQuery: QueryListener | undefined) {
  const startedAt = performance.now()
  let isFailed = true
  try {
    const result = await session.execute(statement)
    isFailed = false
    return result
  } finally {
    onQuery?.({ sql: statement.sql, durationMs: performance.now() - startedAt, isFailed })
  }
}
