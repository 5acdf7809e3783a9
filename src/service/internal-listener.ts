import { createServer, type Server, type ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The second listener, for INTERNAL_PORT; undefined without it. Whoever starts the service has it listen. */
    internalServer: Server | undefined
  }
}

type Place = 'public' | 'internal' | 'both'

/** By route templates, so no spelling of a URL matters; the first that matches. */
const PLACE_OF_ROUTE: Array<[route: RegExp, place: Place]> = [
  [/^\/health(?:\/|$)/, 'both'],
  [/^\/(?:internal|metrics)(?:\/|$)/, 'internal'],
]
const placeOf = (route: string): Place => PLACE_OF_ROUTE.find(([pattern]) => pattern.test(route))?.[1] ?? 'public'

/**
 * With INTERNAL_PORT, what is for operators exists there alone, and what is for clients does not. Both lead to the same
 * routes; to be registered before all hooks that cost something.
 */
export function addInternalListener (app: FastifyInstance, config: Config, options: ServerOptions): void {
  if (config.INTERNAL_PORT === undefined) {
    app.decorate('internalServer', undefined)
    return
  }
  const internal = new WeakSet<Socket>()
  const server = createServer(options, app.routing)
  server.on('connection', (socket) => internal.add(socket))
  // Whoever speaks no HTTP here is not told about it.
  server.on('clientError', (_error, socket) => socket.destroy())
  app.decorate('internalServer', server)

  app.addHook('onRequest', function hideOtherListener (request, reply, done) {
    const { url: route } = request.routeOptions
    const place = route === undefined ? 'both' : placeOf(route)
    const here: Place = internal.has(request.raw.socket) ? 'internal' : 'public'
    if (place === 'both' || place === here) done()
    // Exactly as for a path that nobody has.
    else reply.callNotFound()
  })

  app.addHook('preClose', (done) => {
    server.close()
    server.closeIdleConnections()
    done()
  })
}
