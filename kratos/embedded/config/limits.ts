import { notBuilt } from './check.js'
import type { ReadConfig } from './load.js'

/** Lines for the log at start: what this server does not do. */
export function limits ({ ignored, leftOut }: Pick<ReadConfig, 'ignored' | 'leftOut'>): string[] {
  return [
    `not built: ${notBuilt().join('; ')}`,
    ...[...leftOut].map(([what, paths]) => `left out of the configuration: ${paths.join(', ')} (not built: ${what})`),
    ...[...ignored].map(([why, paths]) => `not used from the configuration: ${paths.join(', ')} (${why})`),
    'whatever else it does not do is answered with 501',
  ]
}
