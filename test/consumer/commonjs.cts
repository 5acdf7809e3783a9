import Fastify = require('fastify')
import fastifyKratos, { DEFAULT_PREFIX, type FastifyKratosOptions } from 'fastify-kratos'
import { startEmbeddedKratos, type EmbeddedKratos } from 'fastify-kratos/testing'

// A program in CommonJS: the same instances, the same types.

async function main (): Promise<void> {
  const kratos: EmbeddedKratos = await startEmbeddedKratos()
  const options: FastifyKratosOptions = { publicUrl: kratos.publicUrl }
  const app = Fastify()
  await app.register(fastifyKratos, options)
  app.get('/mail', { onRequest: app.authenticate }, async ({ kratosSession }) => kratosSession?.identity.traits.email)
  const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.test' }))
  console.log(DEFAULT_PREFIX, (await app.inject({ url: '/mail', headers })).body)
  await app.close()
  await kratos.close()
}

void main()
