import fp from 'fastify-plugin'
import type { Config } from '../../src/config.js'
import { describeStoreError } from '../../src/service/store/errors.js'
import { openStore, type Store } from '../../src/service/store/store.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Users and documents; its methods throw StoreUnavailableError while the database cannot be used. */
    store: Store
  }
}

export interface StorePluginOptions {
  config: Config
}

export default fp<StorePluginOptions>(async function store (app, { config }) {
  const opened = await openStore({
    url: config.DATABASE_URL,
    documentQuota: { count: config.DOCUMENTS_PER_USER, bytes: config.DOCUMENT_BYTES_PER_USER },
    onError: (error) =>
      app.log.warn({ event: 'database_error', cause: describeStoreError(error) }, 'The database cannot be used'),
  })
  app.decorate('store', opened)
  app.addHook('onClose', () => opened.close())
}, { name: 'store', fastify: '5.x' })
