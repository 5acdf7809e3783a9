import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import findMyWay, { type HTTPMethod } from 'find-my-way'
import { serviceError } from '../errors.js'

/**
 * Answers 405 with `Allow` where the path exists under another method, else 404. One policy for all routes (A30);
 * asks a router of the same kind as Fastify's, fed with the same patterns, so that no URL is compared as text (B32).
 */
export function addNotFoundHandler (app: FastifyInstance): void {
  const router = findMyWay()
  const methods = new Set<HTTPMethod>()

  app.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat() as HTTPMethod[]) {
      // The preflight route of the CORS plugin matches everything and allows nothing.
      if (name === 'OPTIONS' || router.hasRoute(name, url)) continue
      methods.add(name)
      router.on(name, url, () => {})
    }
  })

  function notFound (request: FastifyRequest, reply: FastifyReply): void {
    const allowed = [...methods].filter((method) => router.find(method, request.url) !== null)
    if (allowed.length === 0) throw serviceError('NOT_FOUND')
    reply.header('allow', allowed.sort().join(', '))
    throw serviceError('METHOD_NOT_ALLOWED')
  }

  app.setNotFoundHandler(notFound)
}
