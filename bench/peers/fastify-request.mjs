// The guard as one writes it by hand: plain Fastify and undici's `request`; with a log where it is asked for.
import Fastify from 'fastify'
import { Pool } from 'undici'
import { profile, UNAUTHORIZED } from './profile.mjs'

const { PORT, KRATOS_URL, LOGGED } = process.env
const kratos = new Pool(KRATOS_URL, { connections: 64 })
const app = Fastify(LOGGED === 'true' ? { ...await import('./log.mjs') } : {})
app.decorateRequest('kratosSession', null)

async function authenticate (request, reply) {
  const headers = { 'x-session-token': request.headers['x-session-token'] ?? '' }
  const { statusCode, body } = await kratos.request({ method: 'GET', path: '/sessions/whoami', headers })
  const session = await body.json()
  if (statusCode !== 200) return reply.code(statusCode).send(UNAUTHORIZED)
  request.kratosSession = session
}

app.get('/api/auth/whoami', { onRequest: authenticate }, async (request) => profile(request.kratosSession))
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
