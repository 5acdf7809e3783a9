import type { StartLive } from './run.js'

/**
 * Starts the embedded server with the configuration of a scenario. It keeps the recorded base URLs although it listens
 * on free ports. It is imported late, so that an import error is reported as a difference.
 */
export const startEmbedded: StartLive = async ({ config, dev }, clock) => {
  const { startEmbeddedKratos } = await import('../../../kratos/embedded/index.js')
  return await startEmbeddedKratos({ config, dev, clock, baseUrl: 'keep', watchCourier: false, logger: () => {} })
}
