// The guard that asks Kratos once for simultaneous requests of one session, as one writes it by hand: plain Fastify
// with its own log and undici's `request`.
import Fastify from 'fastify'
import { Pool } from 'undici'
import { loggerInstance } from './log.mjs'
import { profile, UNAUTHORIZED } from './profile.mjs'

const { PORT, KRATOS_URL } = process.env
const kratos = new Pool(KRATOS_URL, { connections: 64 })
const app = Fastify({ loggerInstance })
app.decorateRequest('kratosSession', null)
const pending = new Map()

async function ask (token) {
  const { statusCode, body } = await kratos.request({
    method: 'GET',
    path: '/sessions/whoami',
    headers: { 'x-session-token': token },
  })
  return { statusCode, session: await body.json() }
}

async function authenticate (request, reply) {
  const token = request.headers['x-session-token'] ?? ''
  let answer = pending.get(token)
  if (answer === undefined) {
    answer = ask(token).finally(() => pending.delete(token))
    pending.set(token, answer)
  }
  const { statusCode, session } = await answer
  if (statusCode !== 200) return reply.code(statusCode).send(UNAUTHORIZED)
  request.kratosSession = session
}

app.get('/api/auth/whoami', { onRequest: authenticate }, async (request) => profile(request.kratosSession))
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
