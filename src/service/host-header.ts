import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { type ErrorCode, serviceError } from '../errors.js'

/** Far more than a browser and its proxies add up to. */
const MAX_HEADERS = 100

/** @param rawHeaders names and values in turn */
function countHosts (rawHeaders: readonly string[]): number {
  let count = 0
  for (let position = 0; position < rawHeaders.length; position += 2) {
    const name = rawHeaders[position]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

function faultOf ({ rawHeaders, httpVersion, headers }: IncomingMessage): ErrorCode | undefined {
  if (rawHeaders.length > 2 * MAX_HEADERS) return 'HEADERS_TOO_LARGE'
  const { 'transfer-encoding': coding } = headers
  if (coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked')) return 'VALIDATION_ERROR'
  const count = countHosts(rawHeaders)
  return count === 1 || (count === 0 && httpVersion === '1.0') ? undefined : 'VALIDATION_ERROR'
}

/**
 * Exactly one `Host` (RFC 9112, section 3.2; B29): Node would answer a missing one outside our envelope, and take the
 * first of two, where a proxy may have taken the second. No more headers than are looked at: Node drops the rest
 * without a word, and a second `Host` or a cookie could hide among them. No transfer coding but `chunked`, and
 * none in HTTP/1.0 (RFC 9112, section 6.1): Node leaves others to us, and nobody here decodes them.
 */
export function addHostCheck (app: FastifyInstance): void {
  // One more than allowed is enough to see that there are too many.
  app.server.maxHeadersCount = MAX_HEADERS + 1
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const fault = faultOf(raw)
    if (fault !== undefined) reply.header('connection', 'close')
    done(fault === undefined ? undefined : serviceError(fault))
  })
}
