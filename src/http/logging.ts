import type { FastifyInstance, FastifyServerOptions } from 'fastify'

/** Where log lines go: a stream of the caller, else standard output. */
export interface LogTarget {
  stream?: { write: (line: string) => void }
  /** For people at a terminal; everywhere else one JSON object a line. */
  pretty?: boolean
}

const prettyOr = (pretty: boolean) =>
  pretty ? { transport: { target: 'pino-pretty', options: { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' } } } : {}

/**
 * Logger options that cannot leak: nothing of a request or reply is serialised but what `addRequestLog` names,
 * so there is no list of secret paths to keep up to date (security model, section 5).
 */
export function loggerOptions (level: string, { stream, pretty = false }: LogTarget): Exclude<FastifyServerOptions['logger'], boolean | undefined> {
  const serializers = { req: () => undefined, res: () => undefined, err: (error: Error) => ({ type: error.name, code: 'code' in error ? error.code : undefined }) }
  return {
    level,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    serializers: serializers as never,
    ...(stream === undefined ? prettyOr(pretty) : { stream }),
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
    request.log.info({ event: 'request_aborted', method: request.method, route: request.routeOptions.url ?? null }, 'request aborted')
  })
}
