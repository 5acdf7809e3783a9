import type { FastifyRequest } from 'fastify'
import { serviceError } from '../errors.js'
import { logSecurityEvent } from './security-event.js'

/**
 * Whether the session token may be in the answer's body: that is for native clients, a browser has to take the cookie
 * (B26).
 * @throws ServiceError for a page that asks for it
 */
export function keepsToken (request: FastifyRequest, transport: string | undefined): boolean {
  const { headers } = request
  if (transport !== 'token') return false
  if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return true
  logSecurityEvent(
    request,
    'origin_refused',
    { origin: headers.origin?.slice(0, 200) },
    'Session token asked for by a page refused',
  )
  throw serviceError('ORIGIN_FORBIDDEN')
}
