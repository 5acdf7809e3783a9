import fp from 'fastify-plugin'
import { createDeletionWorker } from '../../src/service/deletion-worker.js'
import { repeat } from '../../src/service/repeat.js'

const INTERVAL_MS = 15_000

/** Finishes what was left unfinished, at the start and from then on; every process looks. */
export default fp(async function accountDeletions (app) {
  repeat(app, INTERVAL_MS, () => {
    const settle = createDeletionWorker({
      deletions: app.store.deletions,
      kratos: app.kratos,
      log: app.log,
      onFinished: (identityId) => app.sessions.invalidate({ identityId, isDeleted: true }),
    })
    return async () => {
      if (app.store.isMigrated()) await settle()
    }
  })
}, { name: 'account-deletions', fastify: '5.x', dependencies: ['store'] })
