import fp from 'fastify-plugin'
import { type Config, hasEvents } from '../../src/config.js'
import { replicaName } from '../../src/service/events/replica-name.js'
import { describeStoreError } from '../../src/service/store/errors.js'
import { openStore, type Store } from '../../src/service/store/store.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Its methods throw StoreUnavailableError while the database cannot be used. */
    store: Store
  }
}

export interface StorePluginOptions {
  config: Config
}

export default fp<StorePluginOptions>(async function store (app, { config }) {
  let migrated: string[] = []
  const logMigrated = (): void => {
    if (migrated.length > 0) app.log.info({ event: 'database_migrated', migrations: migrated }, 'The database was migrated')
    migrated = []
  }
  // A start that fails says why, and nothing else.
  app.addHook('onListen', (done) => {
    logMigrated()
    done()
  })

  const opened = await openStore({
    onQuery: (query) => {
      app.metrics.recordStatement(query)
      app.tracing?.onQuery(query)
    },
    url: config.DATABASE_URL,
    maxConnections: config.DATABASE_POOL_SIZE,
    maxConnectionAgeSeconds: config.DATABASE_CONNECTION_MAX_AGE,
    statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
    documentQuota: { count: config.DOCUMENTS_PER_USER, bytes: config.DOCUMENT_BYTES_PER_USER },
    replica: hasEvents(config) ? replicaName() : undefined,
    onError: (error) =>
      app.log.warn({ event: 'database_error', cause: describeStoreError(error) }, 'The database cannot be used'),
    onMigrated: (names) => {
      migrated = names
      if (app.server.listening) logMigrated()
    },
    onNewer: (migrations) =>
      app.log.warn(
        { event: 'database_newer', migrations },
        'A newer version has migrated the database; this one goes on with what it knows',
      ),
  })
  app.decorate('store', opened)
  if (opened.load !== undefined) app.metrics.trackDatabase(opened.load)
  app.addHook('onClose', () => opened.close())
}, { name: 'store', fastify: '5.x', dependencies: ['metrics', 'tracing'] })
