import type { FastifyInstance } from 'fastify'
import { serviceError } from '../errors.js'

/** @param rawHeaders names and values in turn */
function countHosts (rawHeaders: readonly string[]): number {
  let count = 0
  for (let position = 0; position < rawHeaders.length; position += 2) {
    const name = rawHeaders[position]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

/**
 * Exactly one `Host` (RFC 9112, section 3.2; B29): Node would answer a missing one outside our envelope, and of two it
 * would silently take the first, where a proxy in front may have taken the second.
 */
export function addHostCheck (app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const count = countHosts(raw.rawHeaders)
    const isFine = count === 1 || (count === 0 && raw.httpVersion === '1.0')
    if (!isFine) reply.header('connection', 'close')
    done(isFine ? undefined : serviceError('VALIDATION_ERROR'))
  })
}
