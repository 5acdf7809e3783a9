// No guard, no log, no Kratos: what Fastify alone makes of the same answer.
import Fastify from 'fastify'
import { identityOf } from '../sessions.mjs'
import { profile } from './profile.mjs'

const app = Fastify()
const session = {
  identity: {
    id: identityOf(1),
    traits: { email: 'ada@example.test', first_name: 'Ada', last_name: 'Lovelace', username: 'ada' },
  },
}
app.get('/api/auth/whoami', async () => profile(session))
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
