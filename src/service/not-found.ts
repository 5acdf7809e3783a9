import type { FastifyInstance, HTTPMethods, RouteOptions } from 'fastify'
import { serviceError } from '../errors.js'
import { ErrorSchema, responses } from '../schemas/envelope.js'

const RESPONSES = responses(ErrorSchema)

export function addNotFoundHandler (app: FastifyInstance): void {
  app.setNotFoundHandler(() => {
    throw serviceError('NOT_FOUND')
  })
}

/**
 * 405 with `Allow` where a path exists under other methods only (A30): each path gets a route for the methods it lacks,
 * so that Fastify's own router decides which path a URL means (B32). @returns a function to be called when all other
 * routes are there
 */
export function collectMethods (app: FastifyInstance): () => void {
  const paths = new Map<string, RouteOptions['config']>()
  app.addHook('onRoute', ({ url, config }) => {
    // The preflight route of the CORS plugin matches everything and allows nothing.
    if (url === '*') return
    paths.set(url, config)
    // The root of a scope has two paths, and Fastify tells one of them.
    if (!/[/*]$/.test(url)) paths.set(`${url}/`, config)
  })

  return function refuseOtherMethods (): void {
    const methods = app.supportedMethods as HTTPMethods[]
    for (const [url, { cors } = {}] of [...paths]) {
      const allowed = methods.filter((method) => app.hasRoute({ method, url }))
      // A route for preflights alone is no page that exists.
      if (allowed.every((method) => method === 'OPTIONS')) continue
      const allow = allowed.sort().join(', ')
      app.route({
        method: methods.filter((method) => !allowed.includes(method)),
        url,
        schema: { hide: true, response: RESPONSES },
        // A preflight is no exception: a path without CORS has none for any method.
        config: { anyMediaType: true, auth: false, ...(cors === false && { cors }) },
        onRequest: async (_request, reply) => {
          reply.header('allow', allow)
          throw serviceError('METHOD_NOT_ALLOWED')
        },
        handler: () => {},
      })
    }
  }
}
