const OF_FASTIFY = /[\\/]node_modules[\\/](?:fastify|avvio)[\\/]/
const OF_A_PACKAGE = /[\\/]node_modules[\\/]/
/** Not `<anonymous>`, and not Node's own. */
const HAS_FILE = /^(?!.*\bnode:).*[\\/]/

/**
 * Whether a package, and not the app, calls Fastify with the route that is being declared. The stack says so; in a
 * bundle, where it cannot, the route counts as the app's. @param onRoute the hook that asks
 */
export function isDeclaredByPackage (onRoute: (...args: never[]) => unknown): boolean {
  const trace: { stack?: string } = {}
  Error.captureStackTrace(trace, onRoute)
  const frames = (trace.stack ?? '').split('\n').filter((line) => HAS_FILE.test(line))
  const first = frames.findIndex((line) => OF_FASTIFY.test(line))
  const caller = first === -1 ? undefined : frames.slice(first).find((line) => !OF_FASTIFY.test(line))
  return caller !== undefined && OF_A_PACKAGE.test(caller)
}
