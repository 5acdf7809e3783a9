import type { ManualClock } from './clock.js'
import type { StartLive } from './run.js'
import type { JsonObject } from './types.js'

interface EmbeddedModule {
  startEmbeddedKratos: (options: { config: JsonObject, dev: boolean, clock: ManualClock, database: 'memory' }) => Promise<{ publicUrl: string, adminUrl: string, close: () => Promise<void> }>
}

/** Starts the embedded server with the configuration of a scenario; loaded late, so that the harness works without it. */
export const startEmbedded: StartLive = async ({ config, dev }, clock) => {
  const path = '../../../kratos/embedded/index.js'
  const { startEmbeddedKratos } = await import(path) as EmbeddedModule
  return await startEmbeddedKratos({ config, dev, clock, database: 'memory' })
}
