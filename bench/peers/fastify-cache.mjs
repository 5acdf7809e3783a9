// The guard with a cache as one writes it by hand: plain Fastify with its own log, undici's `request`, lru-cache.
import Fastify from 'fastify'
import { LRUCache } from 'lru-cache'
import { Pool } from 'undici'
import { loggerInstance } from './log.mjs'
import { profile, UNAUTHORIZED } from './profile.mjs'

const { PORT, KRATOS_URL } = process.env
const kratos = new Pool(KRATOS_URL, { connections: 64 })
const app = Fastify({ loggerInstance })
app.decorateRequest('kratosSession', null)
const sessions = new LRUCache({ max: 50_000, ttl: 60_000 })

async function authenticate (request, reply) {
  const token = request.headers['x-session-token'] ?? ''
  let session = sessions.get(token)
  if (session === undefined) {
    const answer = await kratos.request({
      method: 'GET',
      path: '/sessions/whoami',
      headers: { 'x-session-token': token },
    })
    session = await answer.body.json()
    if (answer.statusCode !== 200) return reply.code(answer.statusCode).send(UNAUTHORIZED)
    sessions.set(token, session)
  }
  request.kratosSession = session
}

app.get('/api/auth/whoami', { onRequest: authenticate }, async (request) => profile(request.kratosSession))
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
