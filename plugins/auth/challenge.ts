import fp from 'fastify-plugin'
import { isServiceError } from '../../src/errors.js'
import { addChallenge } from '../../src/http/challenge.js'

// 429 and 503 say when to come back, 401 how to do better. By `onError`, so that guards of a host's own routes say it
// too, whoever renders their errors.
export default fp(async function challenge (app) {
  app.addHook('onError', (request, reply, error, done) => {
    if (!isServiceError(error)) return done()
    if (error.statusCode === 401) addChallenge(request, reply)
    if (error.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter))
    done()
  })
}, { name: 'fastify-kratos/challenge', fastify: '5.x' })
