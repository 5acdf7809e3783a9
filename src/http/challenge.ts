import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownUrl } from './own-names.js'

/** On a 401 (RFC 9110, section 15.5.2); never Basic, for which browsers ask their user. */
export function addChallenge (request: FastifyRequest, reply: FastifyReply): void {
  const url = request[ownUrl]()
  // Without a configured URL it is made of the client's `Host`, which can be anything.
  reply.header('www-authenticate', URL.canParse(url) ? `Bearer realm="${new URL(url).origin}"` : 'Bearer')
}
