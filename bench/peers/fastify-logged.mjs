// What Fastify alone makes of a small route with its own log, written to a file as an operator would.
import Fastify from 'fastify'
import pino from 'pino'
import { identityOf } from '../sessions.mjs'
import { profile } from './profile.mjs'

const app = Fastify({ loggerInstance: pino({}, pino.destination({ dest: 1, sync: false, minLength: 4096 })) })
const session = {
  identity: {
    id: identityOf(1),
    traits: { email: 'ada@example.test', first_name: 'Ada', last_name: 'Lovelace', username: 'ada' },
  },
}
app.get('/api/auth/whoami', async () => profile(session))
app.get('/health/alive', async () => ({ success: true, data: { status: 'ok' } }))
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
