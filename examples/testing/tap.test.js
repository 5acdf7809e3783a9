import Fastify from 'fastify'
import fastifyKratos from 'fastify-kratos'
import { startEmbeddedKratos } from 'fastify-kratos/testing'
import t from 'tap'

const kratos = await startEmbeddedKratos()
const app = Fastify().register(fastifyKratos, { publicUrl: kratos.publicUrl })
t.teardown(() => Promise.all([app.close(), kratos.close()]))

t.test('an outage is not a logout', async (t) => {
  const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))
  await kratos.fault({ path: '/sessions/whoami', kind: 'status', status: 500, times: 1 })
  t.equal((await app.inject({ url: '/api/auth/whoami', headers })).statusCode, 502)
  t.equal((await app.inject({ url: '/api/auth/whoami', headers })).statusCode, 200)
})
