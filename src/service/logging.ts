import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { destination } from 'pino'

/** Where log lines go: a stream of the caller, else standard output. */
export interface LogTarget {
  stream?: { write: (line: string) => void }
  /** For people at a terminal; everywhere else one JSON object a line. */
  pretty?: boolean
}

/**
 * Log text held back while standard output takes none; what comes after that is lost rather than kept in memory without
 * bound.
 */
const MAX_HELD_BACK = 16 * 1024 * 1024

const PRETTY = {
  transport: { target: 'pino-pretty', options: { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' } },
}

/** Log text that is handed over at once, in characters, and how long less than that may wait, in milliseconds. */
const HANDED_OVER_AT_ONCE = 16 * 1024
const LONGEST_WAIT_MS = 100

/**
 * Lines go to standard output in the background, many at a time: a system call for each line would be on the way of
 * every request, and a reader that stalls would stop the service. They are collected here, because sonic-boom measures
 * all that it holds again for each line. What is left is written when the process exits.
 */
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

/** `"time"` of a log line, made once for all lines of a millisecond. */
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

/**
 * Logger options that cannot leak: nothing of a request or reply is serialised but what `addRequestLog` names,
 * so there is no list of secret paths to keep up to date (docs/security-model.md, section 5).
 */
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
    ...(stream !== undefined ? { stream } : pretty ? PRETTY : { stream: createCollector() }),
  }
}

/** pino skips half of the work of a child logger that has no options of its own. */
export const childLoggerFactory: NonNullable<FastifyServerOptions['childLoggerFactory']> = (logger, bindings, options) =>
  Object.keys(options).length === 0 ? logger.child(bindings) : logger.child(bindings, options)

/** One line for each request: route template instead of the URL, whose query may hold tokens (H06). */
export function addRequestLog (app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
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
    request.log.info(
      { event: 'request_aborted', method: request.method, route: request.routeOptions.url ?? null },
      'request aborted',
    )
  })
}
