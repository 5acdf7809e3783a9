import { once } from 'node:events'
import type { Client } from 'pg'
import { MIGRATIONS } from '../store/migrations.js'

export interface DatabaseFacts {
  /** Code of the driver or of Postgres for a connection that is not to be had. */
  fault?: string | undefined
  host: string
  /** sslmode of the address. */
  sslMode?: string | undefined
  poolSize: number
  replicas: number
  /** Whether the bus hears its own message, and sessions are kept that wait for it; undefined without a bus. */
  bus?: { isHeard: boolean, fault?: string | undefined, keepsSessions: boolean } | undefined
  /** What the server says; undefined where there is no connection. */
  server?: ServerFacts | undefined
}

export interface ServerFacts {
  hasTls: boolean
  /** The connection leads through a pooler: the process that answers is not the one that was connected to. */
  hasPooler: boolean
  isReadOnly: boolean
  maxConnections: number
  reservedConnections: number
  /** Connections of everybody else. */
  otherConnections: number
  /** Limits of the role and of the database; -1: none. */
  roleLimit: number
  databaseLimit: number
  /** Migrations of this version that were not applied. */
  pending: string[]
  /** Migrations that this version does not know. */
  newer: string[]
  encoding: string
  canCreate: boolean
  isSuperuser: boolean
  /** `table: right` for each right that the role lacks. */
  missingRights: string[]
}

const CONNECT_MS = 3000
const HEARING_MS = 2000
const STATEMENT_MS = 5000
const RIGHTS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE']
const MIGRATION_TABLE = 'fastify_kratos_migrations'
const TABLES = [
  'users', 'documents', 'login_budgets', 'account_deletions', 'login_sessions',
  'events', 'event_counter', 'event_subscribers', 'event_deliveries', 'jobs',
]

const ABOUT_SERVER = `
  SELECT pg_backend_pid() AS pid,
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls,
    current_setting('transaction_read_only') = 'on' AS read_only,
    current_setting('server_encoding') AS encoding,
    current_setting('max_connections')::int AS max_connections,
    current_setting('superuser_reserved_connections')::int AS reserved,
    (SELECT count(*)::int FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND application_name NOT LIKE 'fastify-kratos%' AND pid <> pg_backend_pid()) AS others,
    (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
    (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS can_create`

const ABOUT_RIGHTS = `
  SELECT name, privilege FROM unnest($1::text[]) AS name, unnest($2::text[]) AS privilege
  WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name), privilege)`

async function compareMigrations (client: Client): Promise<Pick<ServerFacts, 'pending' | 'newer'>> {
  const known = Object.keys(MIGRATIONS)
  const { rows: [found] } = await client.query('SELECT to_regclass($1) IS NOT NULL AS exists', [MIGRATION_TABLE])
  if (found?.exists !== true) return { pending: known, newer: [] }
  // A role that may not read it is told of by its missing rights.
  const { rows } = await client.query(`SELECT name FROM ${MIGRATION_TABLE}`).catch(() => ({ rows: [] as Array<{ name: string }> }))
  const applied = rows.map(({ name }: { name: string }) => name)
  return {
    pending: known.filter((name) => !applied.includes(name)),
    newer: applied.filter((name) => !known.includes(name)),
  }
}

async function askServer (client: Client): Promise<ServerFacts> {
  const { rows: [row] } = await client.query(ABOUT_SERVER)
  const { rows: rights } = await client.query(ABOUT_RIGHTS, [TABLES, RIGHTS])
  const { rows: rightsOnMigrations } = await client.query(ABOUT_RIGHTS, [[MIGRATION_TABLE], ['SELECT']])
  return {
    hasTls: row.tls,
    // A pooler makes up the number that it gives its client (protocol: BackendKeyData).
    hasPooler: (client as Client & { processID?: number | null }).processID !== row.pid,
    isReadOnly: row.read_only,
    maxConnections: row.max_connections,
    reservedConnections: row.reserved,
    otherConnections: row.others,
    roleLimit: row.role_limit ?? -1,
    databaseLimit: row.database_limit ?? -1,
    isSuperuser: row.superuser === true,
    encoding: row.encoding,
    ...await compareMigrations(client),
    canCreate: row.can_create,
    missingRights: [...rights, ...rightsOnMigrations].map(({ name, privilege }) => `${name}: ${privilege}`),
  }
}

/** What the driver says in words alone. */
const WITHOUT_CODE: Array<[words: RegExp, fault: string]> = [
  [/timeout/i, 'timeout'],
  [/does not support SSL/i, 'no TLS'],
  [/password must be a string|no password/i, 'no password'],
]

function faultOf (error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const message = error instanceof Error ? error.message : ''
  return code ?? WITHOUT_CODE.find(([words]) => words.test(message))?.[1] ?? 'no answer'
}

/** Asks the database about itself; nothing is changed. @param url `postgres://…` */
export async function askDatabase (
  url: string,
  { poolSize, replicas }: Pick<DatabaseFacts, 'poolSize' | 'replicas'>,
): Promise<DatabaseFacts> {
  const address = URL.canParse(url) ? new URL(url) : undefined
  const known = {
    host: address?.searchParams.get('host') ?? address?.hostname ?? '',
    sslMode: address?.searchParams.get('sslmode') ?? undefined,
    poolSize,
    replicas,
  }
  const { default: pg } = await import('pg')
  let client: Client | undefined
  try {
    client = new pg.Client({
      connectionString: url,
      application_name: 'fastify-kratos doctor',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS,
    })
    client.on('error', () => {})
    await client.connect()
    return { ...known, server: await askServer(client) }
  } catch (error) {
    return { ...known, fault: faultOf(error) }
  } finally {
    await client?.end().catch(() => {})
  }
}

/**
 * Whether a message of the bus comes back: through a pooler of transactions `LISTEN` succeeds, and nothing is heard.
 */
export async function askBus (url: string): Promise<Pick<NonNullable<DatabaseFacts['bus']>, 'isHeard' | 'fault'>> {
  const { default: pg } = await import('pg')
  const limits = { connectionTimeoutMillis: CONNECT_MS, query_timeout: STATEMENT_MS }
  const client = new pg.Client({ connectionString: url, ...limits })
  client.on('error', () => {})
  try {
    await client.connect()
    const heard = once(client, 'notification', { signal: AbortSignal.timeout(HEARING_MS) })
      .then(() => true, () => false)
    await client.query('LISTEN fastify_kratos_doctor')
    await client.query("NOTIFY fastify_kratos_doctor, 'x'")
    return { isHeard: await heard }
  } catch (error) {
    return { isHeard: false, fault: faultOf(error) }
  } finally {
    await client.end().catch(() => {})
  }
}
