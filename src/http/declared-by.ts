const OF_FASTIFY = /[\\/]node_modules[\\/](?:fastify|avvio)[\\/]/
const OF_A_PACKAGE = /[\\/]node_modules[\\/]/
/** Not `<anonymous>`, and not Node's own. */
const HAS_FILE = /^(?!.*\bnode:).*[\\/]/

const NAMES_OF_PACKAGES = '@fastify/'

/**
 * Whether a package, and not the app, calls Fastify with the route that is being declared. The name of the scope says
 * so for those of Fastify itself, else the stack; in a bundle, where it cannot, the route counts as the app's.
 * @param onRoute the hook that asks
 */
export function isDeclaredByPackage (scope: { pluginName: string }, onRoute: (...args: never[]) => unknown): boolean {
  if (scope.pluginName.startsWith(NAMES_OF_PACKAGES)) return true
  const trace: { stack?: string } = {}
  Error.captureStackTrace(trace, onRoute)
  const frames = (trace.stack ?? '').split('\n').filter((line) => HAS_FILE.test(line))
  const first = frames.findIndex((line) => OF_FASTIFY.test(line))
  const caller = first === -1 ? undefined : frames.slice(first).find((line) => !OF_FASTIFY.test(line))
  return caller !== undefined && OF_A_PACKAGE.test(caller)
}
