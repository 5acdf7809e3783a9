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

/** What Fastify logs for each address it listens on is dropped where this is its text: one line tells of the start. */
export const NO_LINE = 'no line'

/** Log text that is written at once, in bytes, and how long less than that may wait, in milliseconds. */
const WRITTEN_AT_ONCE = 4096
const LONGEST_WAIT_MS = 100

/**
 * Written in the background, many lines at a time under load: a system call for each line would be on the way of
 * every request, and a reader that stalls would stop the service. pino writes what is left when the process exits.
 */
const inBackground = () => ({
  stream: destination({
    dest: 1,
    sync: false,
    minLength: WRITTEN_AT_ONCE,
    periodicFlush: LONGEST_WAIT_MS,
    maxLength: MAX_HELD_BACK,
  }),
})

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
    hooks: {
      logMethod (args, log) {
        if ((args[0] as unknown) !== NO_LINE) log.apply(this, args)
      },
    },
    ...(stream !== undefined ? { stream } : pretty ? PRETTY : inBackground()),
  }
}

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
