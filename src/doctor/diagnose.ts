import type { JsonObject } from '../kratos-client/kratos-body.js'
import { ENVIRONMENT_CHECKS, type EnvironmentFacts } from './environment-checks.js'
import { FILE_CHECKS } from './file-checks.js'
import { type Finding, runChecks } from './finding.js'
import { HOOK_CHECKS } from './hook-checks.js'
import { askKratos } from './probe.js'
import { PROBE_CHECKS } from './probe-checks.js'

/**
 * Everything that needs no database.
 * @param config Kratos' configuration, where it is known
 */
export async function diagnose (facts: EnvironmentFacts, config: JsonObject | undefined): Promise<Finding[]> {
  const { settings } = facts
  const kratos = await askKratos(settings, { withSession: settings.sessionCacheMaxAge > 0 })
  return [
    ...runChecks(ENVIRONMENT_CHECKS, facts),
    ...runChecks(PROBE_CHECKS, { settings, kratos }),
    ...(config === undefined ? [] : runChecks({ ...HOOK_CHECKS, ...FILE_CHECKS }, { settings, config })),
  ]
}

/** What is worth a line at each start: what can be known at once, without a session and without files. */
export async function diagnoseAtStart (facts: EnvironmentFacts): Promise<Finding[]> {
  const { settings } = facts
  const kratos = await askKratos(settings, { withSession: false })
  const all = [...runChecks(ENVIRONMENT_CHECKS, facts), ...runChecks(PROBE_CHECKS, { settings, kratos })]
  return all.filter(({ severity }) => severity !== 'note')
}

/** What a diagnosis with or without Kratos' files can have seen. */
export const lookedAt = (parts: string[], hasConfig: boolean): string =>
  `looked at ${['settings', 'a running Kratos', ...parts].join(', ')}${
    hasConfig ? ' and its configuration' : "; hooks, cookie name and second factors are in Kratos' files: --kratos-config <file>"
  }`
