import type { StartLive } from './run.js'

/**
 * Starts the embedded server with the configuration of a scenario. It keeps the recorded base URLs although it listens
 * on any free port; loaded late, so that a server that cannot be loaded is one more difference.
 */
export const startEmbedded: StartLive = async ({ config, dev }, clock) => {
  const { startEmbeddedKratos } = await import('../../../kratos/embedded/index.js')
  return await startEmbeddedKratos({ config, dev, clock, baseUrl: 'keep', logger: () => {} })
}
