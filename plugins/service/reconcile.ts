import fp from 'fastify-plugin'
import type { Config } from '../../src/config.js'
import { createReconcileWorker } from '../../src/service/reconcile-worker.js'
import { repeat } from '../../src/service/repeat.js'
import type { AuthSettings } from '../../src/settings.js'

/** How often each process looks whether it is time. */
const INTERVAL_MS = 60_000
const HOUR_MS = 60 * 60_000

/** RECONCILE_HOURS: the command's small form, by one process for all. */
export default fp<{ config: Config, settings: AuthSettings }>(async function reconcile (app, { config, settings }) {
  if (config.RECONCILE_HOURS === 0) return
  const worker = createReconcileWorker({
    store: app.store,
    adminUrl: config.KRATOS_ADMIN_URL,
    traits: settings.traits,
    log: app.log,
    everyMs: config.RECONCILE_HOURS * HOUR_MS,
  })
  // Before `repeat` waits for what is under way.
  app.addHook('preClose', async () => worker.end())
  repeat(app, INTERVAL_MS, () => async () => {
    await worker.work()
  })
}, { name: 'reconcile', fastify: '5.x', dependencies: ['store'] })
