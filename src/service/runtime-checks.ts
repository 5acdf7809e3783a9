import { SECRETS } from '../config.js'
import { LOOPBACK } from '../patterns.js'

/** A key that our own files print is no secret: `kratos/kratos.yml` and the examples (F05). */
const PRINTED_KEY = /development-webhook-key|change-?me|example/i

const INSPECTS_AT = /^--(?:inspect(?:-brk|-wait|-port)?|debug-port)=/
const LOOPBACK_OR_PORT = new RegExp(`=(?:${LOOPBACK}(?::\\d*)?|\\d+)$`)

/** As Node reads them: from both sources, quotes dropped, words parted by dashes or underscores. */
const runtimeFlags = (env: Record<string, string | undefined>, execArgv: readonly string[]): string[] =>
  [...execArgv, ...(env['NODE_OPTIONS'] ?? '').replaceAll('"', '').split(/\s+/)]
    .map((flag) => flag.replace(/^--[\w-]+/, (name) => name.replaceAll('_', '-')))

/** Only for production: known keys, and switches that take protection away (docs/security-model.md, section 8). */
export function runtimeProblems (env: Record<string, string | undefined>, execArgv: readonly string[]): string[] {
  const flags = runtimeFlags(env, execArgv)
  const inspectsBeyondLoopback = flags.some((flag) => INSPECTS_AT.test(flag) && !LOOPBACK_OR_PORT.test(flag))
  const printedKeys = SECRETS.filter((name) => PRINTED_KEY.test(env[name] ?? ''))
  return [
    ...printedKeys.map((name) => `${name} is not valid: it wants a key of your own, not one printed in our files`),
    ...(env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0'
      ? ['NODE_TLS_REJECT_UNAUTHORIZED is not valid: TLS verification must stay on']
      : []),
    ...(flags.includes('--insecure-http-parser')
      ? ['--insecure-http-parser is not valid: the strict parser must stay on']
      : []),
    ...(inspectsBeyondLoopback ? ['--inspect is not valid: the debugger may listen on loopback only'] : []),
  ]
}
