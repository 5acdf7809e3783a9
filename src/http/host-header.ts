import type { FastifyInstance } from 'fastify'
import { serviceError } from '../errors.js'

const isHost = (name: string, position: number): boolean => position % 2 === 0 && name.toLowerCase() === 'host'

/**
 * Exactly one `Host` (RFC 9112, section 3.2; B29): Node would answer a missing one outside our envelope, and of two it
 * would silently take the first, where a proxy in front may have taken the second.
 */
export function addHostCheck (app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }, reply) => {
    const count = raw.rawHeaders.filter(isHost).length
    if (count === 1 || (count === 0 && raw.httpVersion === '1.0')) return
    reply.header('connection', 'close')
    throw serviceError('VALIDATION_ERROR')
  })
}
