import { notBuilt } from './check.js'

/**
 * What the log says at start about what this server does not do.
 * @param ignored settings of the configuration that are left alone, by the reason
 */
export function limits (ignored: Map<string, string[]>): string[] {
  const settings = [...ignored].map(([why, paths]) => `not used from the configuration: ${paths.join(', ')} (${why})`)
  return [`not built: ${notBuilt().join('; ')}`, ...settings, 'whatever else it does not do is answered with 501']
}
