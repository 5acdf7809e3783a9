import { type Checks, error, note, warning } from '../../doctor/finding.js'
import { FAULTS as SYSTEM_FAULTS } from '../../doctor/faults.js'
import { isLoopback } from '../../doctor/hosts.js'
import type { DatabaseFacts } from './database-facts.js'

/** What Postgres' own codes mean beside those of the system. */
const FAULTS: Readonly<Record<string, string>> = {
  ...SYSTEM_FAULTS,
  '28P01': 'the password is wrong',
  28000: 'the role does not exist, or may not come from here or without TLS (pg_hba.conf)',
  '3D000': 'there is no such database',
  53300: 'there are too many connections already',
  '57P03': 'it is starting',
  ENOENT: 'its socket, or a file that sslrootcert, sslcert or sslkey names, is not there',
  ERR_INVALID_URL: 'the address is none: in a password @ is written %40, # %23, / %2F',
  'no TLS': 'it speaks no TLS, and sslmode wants it',
  'no password': 'it wants a password, and the address has none',
}

/** A process keeps one more than its pool while it migrates. */
const BESIDE_POOL = 1

const hasUnix = (host: string): boolean => host === '' || host.startsWith('/')

export const DATABASE_CHECKS: Checks<DatabaseFacts> = {
  'database-connection': ({ fault }) =>
    fault === undefined
      ? []
      : [error(
          `The database of DATABASE_URL cannot be used: ${FAULTS[fault] ?? 'see its log'} (${fault})`,
          'correct host, port, role, password or database name in DATABASE_URL, or start the database',
        )],

  'database-rights': ({ server }) =>
    (server?.missingRights.length ?? 0) > 0
      ? [error(
          `The role of DATABASE_URL lacks rights (${server?.missingRights.join(', ')}): requests that need them are 503`,
          'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO <role>, and SELECT on fastify_kratos_migrations',
        )]
      : [],

  'database-migrations': ({ server }) => {
    if (server === undefined || server.pending.length === 0) return []
    return server.canCreate
      ? [note(`${server.pending.length} migrations are not applied yet; the service does so at its start`, 'run `service.js migrate` as a job before it, if its role is to need no DDL')]
      : [error(
          `${server.pending.length} migrations are missing, and the role of DATABASE_URL may not create tables: the service does not become ready`,
          'run `service.js migrate` as a job with a role that may',
        )]
  },

  'database-read-only': ({ server }) =>
    server?.isReadOnly === true
      ? [error('DATABASE_URL leads to a server that takes no writes', 'let it name the primary, such as with target_session_attrs=read-write')]
      : [],

  'database-newer': ({ server }) =>
    (server?.newer.length ?? 0) > 0
      ? [note(`The database was migrated by a newer version (${server?.newer.join(', ')}); this one works beside it`, 'nothing while versions are mixed or rolled back; else start the newer one')]
      : [],

  'database-encoding': ({ server }) =>
    server === undefined || server.encoding === 'UTF8'
      ? []
      : [warning(
          `The database is encoded in ${server.encoding}: a name or document with a sign that it does not have is 503`,
          "make the database anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
        )],

  'database-superuser': ({ server }) =>
    server?.isSuperuser === true
      ? [warning('The role of DATABASE_URL is a superuser: whoever takes this process over has the whole server', 'give the service a role of its own, as docker/create-databases.sql does')]
      : [],

  'database-tls': ({ host, sslMode, server }) => {
    if (hasUnix(host) || isLoopback(host)) return []
    if (server?.hasTls === false) {
      return [warning('Statements and passwords travel to the database in the clear', 'add ?sslmode=verify-full to DATABASE_URL (and sslrootcert=<file> for an authority of your own)')]
    }
    if (sslMode === 'no-verify') {
      return [warning('The certificate of the database is not checked: anybody on the way can play the database', 'replace sslmode=no-verify in DATABASE_URL by verify-full')]
    }
    return []
  },

  'database-pooler': ({ server }) =>
    server?.hasPooler === true
      ? [note('DATABASE_URL leads through a pooler: figures of connections here are those behind it', 'nothing, if it pools sessions or transactions; LISTEN/NOTIFY wants an address that goes around it')]
      : [],

  bus: ({ bus }) =>
    bus === undefined || bus.isHeard
      ? []
      : [(bus.keepsSessions ? error : warning)(
          bus.fault === undefined
            ? 'Replicas hear nothing of each other: BUS_DATABASE_URL (or DATABASE_URL) leads through a pooler of transactions'
            : `The bus cannot be used: ${FAULTS[bus.fault] ?? 'see the log of its server'} (${bus.fault})`,
          'let BUS_DATABASE_URL name the server itself, or a pooler of sessions',
        )],

  'database-pool': ({ server, bus, poolSize, replicas }) => {
    if (server === undefined || server.hasPooler) return []
    const { maxConnections, reservedConnections, otherConnections, roleLimit, databaseLimit } = server
    const wanted = replicas * (poolSize + BESIDE_POOL + (bus === undefined ? 0 : 1))
    const limits = [
      { free: maxConnections - reservedConnections - otherConnections, what: `max_connections ${maxConnections}, less ${reservedConnections} reserved and ${otherConnections} of others` },
      ...(roleLimit >= 0 ? [{ free: roleLimit, what: `CONNECTION LIMIT ${roleLimit} of the role` }] : []),
      ...(databaseLimit >= 0 ? [{ free: databaseLimit, what: `CONNECTION LIMIT ${databaseLimit} of the database` }] : []),
    ]
    return limits.filter(({ free }) => wanted > free).map(({ what, free }) => warning(
      `${replicas} replicas with DATABASE_POOL_SIZE ${poolSize} may want ${wanted} connections, and ${Math.max(0, free)} are to be had (${what}): under load requests wait, and some are 503`,
      'make DATABASE_POOL_SIZE smaller, raise the limit, or put a pooler in between',
    ))
  },
}
