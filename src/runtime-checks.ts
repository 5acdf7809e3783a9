/** Switches of the runtime that take protection away; the service does not start with them (security model, section 8). */
export function runtimeProblems (env: Record<string, string | undefined>, execArgv: readonly string[]): string[] {
  const flags = [...execArgv, ...(env['NODE_OPTIONS'] ?? '').split(/\s+/)]
  const inspect = flags.find((flag) => /^--inspect(?:-brk|-wait|-port)?=/.test(flag))
  const inspectsBeyondLoopback = inspect !== undefined && !/=(?:(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]):?\d*|\d+)$/.test(inspect)
  return [
    ...(env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0' ? ['NODE_TLS_REJECT_UNAUTHORIZED is not valid: TLS verification must stay on'] : []),
    ...(flags.includes('--insecure-http-parser') ? ['--insecure-http-parser is not valid: the strict parser must stay on'] : []),
    ...(inspectsBeyondLoopback ? ['--inspect is not valid: the debugger may listen on loopback only'] : []),
  ]
}
