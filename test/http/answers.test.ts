import { AsyncLocalStorage } from 'node:async_hooks'
import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { construct } from '../support/app.js'
import { request, speak } from '../support/raw-http.js'

const ask = (app: FastifyInstance, path: string, ...headers: string[]) =>
  speak(app, request(`GET ${path} HTTP/1.1`, ...headers))

export default async function (t: Test): Promise<void> {
  t.test('answers that leave together', async (t) => {
    await t.test('leave at the end of the turn in which they are made', async (t) => {
      const { app } = await construct(t)
      const sent: boolean[] = []
      app.get('/', (_request, reply) => {
        reply.send({})
        sent.push(reply.raw.headersSent)
        setImmediate(() => sent.push(reply.raw.headersSent))
      })
      await app.inject('/')
      await new Promise((resolve) => setImmediate(resolve))
      t.same(sent, [false, true])
    })

    await t.test('are each in the context of their own request, and fail alone', async (t) => {
      const { app } = await construct(t)
      const caller = new AsyncLocalStorage<string>()
      const finished: unknown[] = []
      app.get('/refused-by-node', async (_request, reply) => reply.header('x-name', 'ł').send({}))
      app.get<{ Params: { id: string } }>('/who/:id', {
        onRequest: ({ params }, _reply, done) => caller.run(params.id, done),
        onResponse: async ({ params }) => {
          finished.push([params.id, caller.getStore()])
        },
      }, async () => ({}))
      await app.listen({ port: 0, host: '127.0.0.1' })

      const answers = await Promise.all(
        ['/refused-by-node', '/who/0', '/who/1', '/who/2'].map((path) => ask(app, path, 'Connection: close')),
      )
      t.same(
        answers.map(({ status }) => status),
        [500, 200, 200, 200],
        'a header that Node refuses is a failure of that request and of no other',
      )
      t.equal((await ask(app, '/health/alive')).status, 200, 'nor of the process')
      t.same(finished.sort(), [['0', '0'], ['1', '1'], ['2', '2']], 'what runs after an answer knows whose it was')
    })

    await t.test('close their connection when the service ends in that turn (L02)', async (t) => {
      const { app } = await construct(t)
      let closed: Promise<unknown> | undefined
      app.get('/', async () => {
        queueMicrotask(() =>
          process.nextTick(() => {
            closed = app.close()
          }),
        )
        return {}
      })
      await app.listen({ port: 0, host: '127.0.0.1' })
      t.match(await ask(app, '/'), { status: 200, headers: { connection: 'close' } })
      await closed
    })
  })
}
