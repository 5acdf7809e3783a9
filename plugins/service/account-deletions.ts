import fp from 'fastify-plugin'
import { createDeletionWorker } from '../../src/service/deletion-worker.js'

const INTERVAL_MS = 15_000

/** Finishes what was left unfinished, at the start and from then on; every process looks. */
export default fp(async function accountDeletions (app) {
  let timer: NodeJS.Timeout | undefined
  let current = Promise.resolve()
  app.addHook('onReady', (done) => {
    const settle = createDeletionWorker({
      deletions: app.store.deletions,
      kratos: app.kratos,
      log: app.log,
      onFinished: (identityId) => app.sessions.invalidate({ identityId, isDeleted: true }),
    })
    const run = (): void => {
      if (app.store.isMigrated()) current = settle()
    }
    timer = setInterval(run, INTERVAL_MS).unref()
    // The start does not wait for it.
    run()
    done()
  })
  app.addHook('preClose', async () => {
    clearInterval(timer)
    await current
  })
}, { name: 'account-deletions', fastify: '5.x', dependencies: ['store'] })
