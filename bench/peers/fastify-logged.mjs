// What Fastify alone makes of a small route with its own log, written to a file as an operator would.
import Fastify from 'fastify'
import { identityOf } from '../sessions.mjs'
import { loggerInstance } from './log.mjs'
import { profile } from './profile.mjs'

const app = Fastify({ loggerInstance })
const session = {
  identity: {
    id: identityOf(1),
    traits: { email: 'ada@example.test', first_name: 'Ada', last_name: 'Lovelace', username: 'ada' },
  },
}
app.get('/api/auth/whoami', async () => profile(session))
app.get('/health/alive', async () => ({ success: true, data: { status: 'ok' } }))
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
