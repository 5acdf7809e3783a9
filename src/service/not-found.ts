import type { FastifyInstance, HTTPMethods } from 'fastify'
import { serviceError } from '../errors.js'
import { ErrorSchema, responses } from '../schemas/envelope.js'

const RESPONSES = responses(ErrorSchema)

/** Answers 404 where no route has the path. */
export function addNotFoundHandler (app: FastifyInstance): void {
  app.setNotFoundHandler(() => {
    throw serviceError('NOT_FOUND')
  })
}

/**
 * Answers 405 with `Allow` where a path exists under other methods only (A30): each path of the app gets a route for
 * the methods it lacks, so that Fastify's own router decides which path a URL means (B32).
 * @returns a function to be called when all other routes are there
 */
export function collectMethods (app: FastifyInstance): () => void {
  /** Paths, and whether they have no CORS headers. */
  const paths = new Map<string, false | undefined>()
  app.addHook('onRoute', ({ url, config }) => {
    // The preflight route of the CORS plugin matches everything and allows nothing.
    if (url !== '*') paths.set(url, config?.cors)
  })

  return function refuseOtherMethods (): void {
    const methods = app.supportedMethods as HTTPMethods[]
    for (const [url, cors] of [...paths]) {
      const allowed = methods.filter((method) => app.hasRoute({ method, url }))
      // A route for preflights alone is no page that exists.
      if (allowed.every((method) => method === 'OPTIONS')) continue
      const allow = allowed.sort().join(', ')
      app.route({
        method: methods.filter((method) => !allowed.includes(method)),
        url,
        ...(cors === false && { config: { cors } }),
        schema: { hide: true, response: RESPONSES },
        onRequest: async (_request, reply) => {
          reply.header('allow', allow)
          throw serviceError('METHOD_NOT_ALLOWED')
        },
        handler: () => {},
      })
    }
  }
}
