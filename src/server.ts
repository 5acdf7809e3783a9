import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.js'
import { type Config, ConfigError, loadConfig } from './config.js'
import { connectionLimit } from './service/connections.js'
import { runtimeProblems } from './service/runtime-checks.js'
import { isHttpsUrl } from './url-rules.js'

/** Longest time a shutdown may take, the load balancer's grace not counted (L03). */
const SHUTDOWN_LIMIT_MS = 10_000
/** What a process in an unknown state may still take to answer and to close its database (L10). */
const CRASH_LIMIT_MS = 500

function configure (): Config {
  const problems = runtimeProblems(process.env, process.execArgv)
  try {
    const config = loadConfig(process.env)
    if (problems.length === 0) return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
  }
  process.stderr.write(`fastify-kratos cannot start:\n${problems.map((problem) => `  ${problem}\n`).join('')}`)
  process.exit(1)
}

/** Soft limit of open files (RLIMIT_NOFILE), which Node tells nowhere else; undefined where the system has none. */
function openFileLimit (): number | string | undefined {
  const report = process.report?.getReport() as { userLimits?: { open_files?: { soft: number | string } } } | undefined
  return report?.userLimits?.open_files?.soft
}

const isLoopback = (url: string): boolean => /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)

async function serve (): Promise<void> {
  const config = configure()
  const app = await buildApp(config, { log: { pretty: process.stdout.isTTY } })
  app.server.maxConnections = connectionLimit(openFileLimit())
  if (!isHttpsUrl(config.PUBLIC_URL) && !isLoopback(config.PUBLIC_URL)) {
    app.log.warn(
      { event: 'insecure_public_url' },
      'PUBLIC_URL is http on a public host: session cookies travel in the clear',
    )
  }
  closeWithGrace({ delay: config.SHUTDOWN_DELAY_MS + SHUTDOWN_LIMIT_MS, logger: app.log }, async ({ err, signal }) => {
    app.lifecycle.isDraining = true
    if (err !== undefined) {
      // A rejection may be with anything.
      const { name, stack } = err instanceof Error ? err : new Error(inspect(err))
      app.log.fatal({ event: 'uncaught', type: name, stack }, 'Uncaught error')
      return await Promise.race([app.close(), sleep(CRASH_LIMIT_MS)])
    }
    if (signal !== undefined) await sleep(config.SHUTDOWN_DELAY_MS)
    await app.close()
  })
  await app.listen({ host: config.HOST, port: config.PORT })
}

try {
  await serve()
} catch (error) {
  process.stderr.write(`fastify-kratos cannot start: ${error instanceof Error ? error.message : 'unknown error'}\n`)
  process.exit(1)
}
