import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { destination } from 'pino'
import { logCounted } from '../http/log-limits.js'

export interface LogTarget {
  stream?: { write: (line: string) => void }
  /** For people at a terminal; everywhere else one JSON object a line. */
  pretty?: boolean
}

/** Of log text while standard output takes none; the rest is lost, so that memory has a bound. */
const MAX_HELD_BACK = 16 * 1024 * 1024

const PRETTY = {
  transport: { target: 'pino-pretty', options: { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' } },
}

/** Fastify's line for each address it listens on has this text, and is dropped: one line tells of the start. */
export const NO_LINE = 'no line'

/** Characters that are handed over at once, and milliseconds that fewer may wait. */
const HANDED_OVER_AT_ONCE = 16 * 1024
const LONGEST_WAIT_MS = 100

// In the background, many lines at a time: a system call for each would delay every request, and a reader that stalls
// would stop the service. Collected here, because sonic-boom measures all that it holds again for each line. What is
// left is written when the process exits.
function createCollector (): { write: (line: string) => void } {
  const output = destination({ dest: 1, sync: false, maxLength: MAX_HELD_BACK })
  let held = ''
  let timer: NodeJS.Timeout | undefined

  function handOver (): void {
    clearTimeout(timer)
    timer = undefined
    output.write(held)
    held = ''
  }

  process.on('exit', () => {
    handOver()
    output.flushSync()
  })
  return {
    write: (line) => {
      held += line
      if (held.length >= HANDED_OVER_AT_ONCE) handOver()
      else timer ??= setTimeout(handOver, LONGEST_WAIT_MS).unref()
    },
  }
}

/** Made once for all lines of a millisecond. */
function createTimestamp (): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) text = `,"time":"${new Date(now).toISOString()}"`
    at = now
    return text
  }
}

/** Serialises only what `addRequestLog` names: no list of secret paths (docs/security-model.md, section 5). */
export function loggerOptions (
  level: string,
  { stream, pretty = false }: LogTarget,
): Exclude<FastifyServerOptions['logger'], boolean | undefined> {
  const serializers = {
    req: () => undefined,
    res: () => undefined,
    err: (error: Error) => ({ type: error.name, code: 'code' in error ? error.code : undefined }),
  }
  return {
    level,
    timestamp: createTimestamp(),
    serializers: serializers as never,
    hooks: {
      logMethod (args, log) {
        if ((args[0] as unknown) !== NO_LINE) log.apply(this, args)
      },
    },
    ...(stream !== undefined ? { stream } : pretty ? PRETTY : { stream: createCollector() }),
  }
}

/** pino skips half of the work of a child logger that has no options of its own. */
export const childLoggerFactory: NonNullable<FastifyServerOptions['childLoggerFactory']> = (logger, bindings, options) =>
  Object.keys(options).length === 0 ? logger.child(bindings) : logger.child(bindings, options)

export interface RequestLogOptions {
  /** Of requests that went well, how many in a hundred are logged. */
  successPercent?: number
  /** Whether requests of `/health` are logged that went well. */
  hasHealth?: boolean
}

const HEALTH = /^\/health(?:\/|$)/

/** The route template instead of the URL, whose query may hold tokens (H06). Whatever failed always has its line. */
export function addRequestLog (
  app: FastifyInstance,
  { successPercent = 100, hasHealth = true }: RequestLogOptions = {},
): void {
  const isLogged = (route: string | undefined, status: number): boolean =>
    status >= 400 || ((hasHealth || route === undefined || !HEALTH.test(route)) && Math.random() * 100 < successPercent)

  app.addHook('onResponse', (request, reply, done) => {
    if (!isLogged(request.routeOptions.url, reply.statusCode)) return done()
    request.log.info({
      event: 'request',
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
    }, 'request')
    done()
  })

  // Nothing is sent to a client that has gone, so no `onResponse` comes.
  app.addHook('onRequestAbort', async (request) => {
    const about = { event: 'request_aborted', method: request.method, route: request.routeOptions.url ?? null }
    // One packet of a client that leaves has room for thousands.
    logCounted(request, 'request_aborted', (count) => request.log.info({ ...about, ...count }, 'request aborted'))
  })
}
