import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config.js'
import { diagnoseAtStart } from '../doctor/diagnose.js'
import { environmentFacts } from './doctor/settings-facts.js'

/**
 * Logs what the doctor can know at once, a line each. Kratos may come later than the service, so nothing waits for it
 * and nothing fails. @param env for variables that look like ours and are none
 */
export async function warnOfMistakes (
  config: Config,
  env: Record<string, string | undefined>,
  log: FastifyBaseLogger,
): Promise<void> {
  for (const { check, what, change } of await diagnoseAtStart(environmentFacts(config, env))) {
    log.warn({ event: 'misconfigured', check, change }, what)
  }
}
