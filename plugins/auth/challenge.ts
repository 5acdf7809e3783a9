import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isServiceError } from '../../src/errors.js'
import { ownUrl } from '../../src/http/own-names.js'

/**
 * Every 401 says how to do better (RFC 9110, section 15.5.2): a token, or the cookie that a login sets. Never Basic,
 * for which browsers ask their user. An `onError` hook, so that guards of a host's own routes say it too, whoever
 * renders their errors.
 */
export default fp(async function challenge (app) {
  function challengeFor (request: FastifyRequest): string {
    const url = request[ownUrl]()
    // Without a configured URL it is made of the client's `Host`, which can be anything.
    return URL.canParse(url) ? `Bearer realm="${new URL(url).origin}"` : 'Bearer'
  }

  app.addHook('onError', (request, reply, error, done) => {
    if (isServiceError(error) && error.statusCode === 401) reply.header('www-authenticate', challengeFor(request))
    done()
  })
}, { name: 'challenge', fastify: '5.x', dependencies: ['kratos-caller'] })
