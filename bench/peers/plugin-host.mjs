// An app of somebody else with the public plugin as built: Fastify with its own log on, one small answer behind each
// kind of guard.
import Fastify from 'fastify'
import fastifyKratos from '../../dist/src/plugin.js'

const { PORT, KRATOS_URL } = process.env
const app = Fastify({ logger: true })
await app.register(fastifyKratos, { publicUrl: KRATOS_URL, routes: false })

const whose = async ({ identityId, kratosSession }) => ({ id: identityId ?? kratosSession.identity.id })

app.get('/session', { config: { auth: true } }, whose)
app.get('/fresh', { config: { auth: { fresh: true } } }, whose)
app.get('/id', { config: { auth: { only: 'id' } } }, whose)
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
