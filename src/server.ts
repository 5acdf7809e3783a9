import './v8-flags.js'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.js'
import { type Config, ConfigError, loadConfig, shownSettings } from './config.js'
import { favourMemoryWhileIdle } from './idle-memory.js'
import { connectionLimit } from './service/connections.js'
import { NO_LINE } from './service/logging.js'
import { API_VERSION } from './service/openapi/document.js'
import { quietTurn } from './service/quiet-turn.js'
import { runtimeProblems } from './service/runtime-checks.js'
import { warnOfMistakes } from './service/start-checks.js'

/** Connections that the system keeps until we accept them, at most: past it, newcomers lose a second and more. */
const BACKLOG = 4096

/** The load balancer's grace is not included (L03). */
const SHUTDOWN_LIMIT_MS = 10_000
/** What a process in an unknown state may still take to answer and to close its database (L10). */
const CRASH_LIMIT_MS = 500

/** How long the end of listening may wait for a turn without work. */
const BUSY_TURNS_MS = 1000
/** For requests that were on their way when nothing more was accepted. */
const LAST_REQUESTS_MS = 500

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

/** RLIMIT_NOFILE, which Node tells nowhere else; undefined where the system has none. */
function openFileLimit (): number | string | undefined {
  const report = process.report?.getReport() as { userLimits?: { open_files?: { soft: number | string } } } | undefined
  return report?.userLimits?.open_files?.soft
}

/** Answers end their connections by now, so that soon none is left; one that is still busy is closed with the app. */
async function stopListening ({ server }: FastifyInstance): Promise<void> {
  const closed = once(server, 'close')
  server.closeIdleConnections()
  await quietTurn(BUSY_TURNS_MS)
  server.close()
  await Promise.race([closed, sleep(LAST_REQUESTS_MS, undefined, { ref: false })])
}

/** Start, signal and end are one log line each. */
function endWithGrace (app: FastifyInstance, config: Config, about: object): void {
  const limitMs = config.SHUTDOWN_DELAY_MS + SHUTDOWN_LIMIT_MS
  let endingSince: number | undefined
  const endLine = (code: number) => ({ event: 'stopped', code, ms: Date.now() - (endingSince ?? Date.now()), ...about })

  async function end (signal: string | undefined, error: Error | undefined): Promise<void> {
    endingSince = Date.now()
    app.lifecycle.isDraining = true
    if (error !== undefined) {
      // A rejection may be with anything.
      const { name, stack } = error instanceof Error ? error : new Error(inspect(error))
      app.log.fatal({ event: 'uncaught', type: name, stack }, 'Uncaught error')
      await Promise.race([app.close(), sleep(CRASH_LIMIT_MS)])
      app.log.fatal(endLine(1), 'The service has ended after an uncaught error')
      return
    }
    app.log.info({ event: 'stopping', signal, ...about }, `${signal ?? 'The program'} ends the service`)
    if (signal !== undefined) {
      await sleep(config.SHUTDOWN_DELAY_MS)
      await stopListening(app)
    }
    await app.close()
    app.log.info(endLine(0), 'The service has ended')
  }

  const { close } = closeWithGrace({
    delay: limitMs,
    logger: app.log,
    // An orchestrator may repeat itself; what is in flight keeps its time (L03).
    skip: ['SIGTERM'],
    onTimeout: () => app.log.error(endLine(1), `killed by timeout (${limitMs}ms)`),
  }, ({ err, signal, manual }) => end(manual === true ? 'SIGTERM' : signal, err))
  process.on('SIGTERM', () => {
    if (endingSince === undefined) close()
  })
}

/**
 * The first address of a name, as Node itself would take it. For `localhost` Fastify makes one more server for each
 * further address, which would have none of the limits of the first.
 */
async function addressOf (host: string): Promise<string> {
  const { address } = await lookup(host)
  return address
}

async function listenInternally ({ internalServer }: FastifyInstance, port: number, host: string): Promise<void> {
  internalServer?.listen({ port, host })
  if (internalServer !== undefined) await once(internalServer, 'listening')
}

async function serve (): Promise<void> {
  const config = configure()
  const app = await buildApp(config, { log: { pretty: process.stdout.isTTY } })
  app.server.maxConnections = connectionLimit(openFileLimit())
  const about = { version: API_VERSION, node: process.version, settings: shownSettings(config) }
  endWithGrace(app, config, about)
  favourMemoryWhileIdle()
  const address = await app.listen({
    host: await addressOf(config.HOST),
    port: config.PORT,
    backlog: BACKLOG,
    listenTextResolver: () => NO_LINE,
  })
  if (config.INTERNAL_PORT !== undefined) await listenInternally(app, config.INTERNAL_PORT, config.INTERNAL_HOST)
  app.log.info({ event: 'started', ...about }, `Server listening at ${address}`)
  if (config.START_CHECKS) await warnOfMistakes(config, process.env, app.log).catch(() => {})
}

function reasonOf (error: unknown): string {
  const { code, address = '', port, message } = error as NodeJS.ErrnoException & { address?: string, port?: number }
  if (code !== 'EADDRINUSE') return message ?? 'unknown error'
  return `port ${port} of ${address} is in use: another program listens there, or another replica`
}

try {
  await serve()
} catch (error) {
  process.stderr.write(`fastify-kratos cannot start: ${reasonOf(error)}\n`)
  process.exit(1)
}
