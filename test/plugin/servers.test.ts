import { readFile } from 'node:fs/promises'
import { request as requestHttp } from 'node:http'
import { connect } from 'node:http2'
import { request as requestHttps } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'
import awsLambda from '@fastify/aws-lambda'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import fastifyKratos, { sessionOf } from '../../src/plugin.js'
import { PATIENT, temporaryFolder } from '../support/app.js'
import { startKratos } from '../support/kratos.js'

const TLS = join(import.meta.dirname, '../fixtures/tls')
type Answer = { status: number, body: string }
type Ask = (path: string, headers: Record<string, string>) => Promise<Answer>

export default async function (t: Test): Promise<void> {
  const kratos = await startKratos(t)
  const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))

  /** Guarded route and auth routes, whatever the server. */
  async function addAll (t: Test, app: FastifyInstance): Promise<void> {
    t.teardown(() => app.close())
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl })
    app.get('/me', { onRequest: app.authenticate }, async (request) => sessionOf(request).identity.traits)
  }

  /** The same for every way of asking. */
  async function check (t: Test, ask: Ask): Promise<void> {
    t.match(await ask('/me', headers), { status: 200, body: 'ada@example.com' })
    t.match(await ask('/me', {}), { status: 401 })
    t.match(await ask('/api/auth/whoami', headers), { status: 200, body: '"authenticated":true' })
    t.match(await ask('/api/auth/whoami', {}), { status: 401, body: 'INVALID_SESSION' })
    t.match(await ask('/api/auth/flows/login', {}), { status: 200, body: '"next":"form"' })
  }

  const answerOf = async (message: IncomingMessage): Promise<Answer> =>
    ({ status: message.statusCode ?? 0, body: await text(message) })
  const tls = { key: await readFile(join(TLS, 'server.key')), cert: await readFile(join(TLS, 'good.pem')) }

  t.test('https', async (t) => {
    const app = Fastify({ https: tls })
    await addAll(t, app as unknown as FastifyInstance)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    await check(t, (path, headers) => new Promise((resolve, reject) => {
      const read = (message: IncomingMessage) => answerOf(message).then(resolve, reject)
      requestHttps(url + path, { headers, rejectUnauthorized: false }, read).on('error', reject).end()
    }))
  })

  t.test('http2', async (t) => {
    const app = Fastify({ http2: true })
    await addAll(t, app as unknown as FastifyInstance)
    const session = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
    t.teardown(() => session.destroy())
    await check(t, async (path, headers) => {
      const stream = session.request({ ':path': path, ...headers })
      const status = new Promise<number>((resolve) => {
        stream.once('response', (head) => resolve(Number(head[':status'])))
      })
      return { body: await text(stream), status: await status }
    })
  })

  t.test('a unix socket', async (t) => {
    const app = Fastify()
    await addAll(t, app)
    const socketPath = join(await temporaryFolder(t), 'app.sock')
    await app.listen({ path: socketPath })
    await check(t, (path, headers) => new Promise((resolve, reject) => {
      requestHttp({ socketPath, path, headers }, (message) => answerOf(message).then(resolve, reject)).on('error', reject).end()
    }))
  })

  t.test('@fastify/aws-lambda', async (t) => {
    const app = Fastify()
    await addAll(t, app)
    const proxy = awsLambda(app as never)
    await check(t, async (path, headers) => {
      const answer = await proxy({ httpMethod: 'GET', path, headers }, {} as never)
      const { statusCode, body } = answer as { statusCode: number, body: string }
      return { status: statusCode, body }
    })
  })
}
