import { notBuilt } from './check.js'

/**
 * Lines for the log at start: what this server does not do.
 * @param ignored settings that are ignored, grouped by the reason
 */
export function limits (ignored: Map<string, string[]>): string[] {
  const settings = [...ignored].map(([why, paths]) => `not used from the configuration: ${paths.join(', ')} (${why})`)
  return [`not built: ${notBuilt().join('; ')}`, ...settings, 'whatever else it does not do is answered with 501']
}
