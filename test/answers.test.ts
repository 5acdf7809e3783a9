import { AsyncLocalStorage } from 'node:async_hooks'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../src/app.js'
import { loadConfig } from '../src/config.js'
import { atEndOfTurn } from '../src/end-of-turn.js'
import { ENVIRONMENT, temporaryFolder } from './support/app.js'
import { request, speak } from './support/raw-http.js'

const nextTurn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

t.test('end of the turn', async (t) => {
  const ran: string[] = []
  const later = atEndOfTurn((item: string) => {
    ran.push(item)
    if (item === 'a') later('left meanwhile')
  })
  later('a')
  later('b')
  await Promise.resolve()
  t.same(ran, [], 'nothing runs in between')
  await nextTurn()
  t.same(ran, ['a', 'b'], 'all run together, in order')
  await nextTurn()
  t.same(ran, ['a', 'b', 'left meanwhile'], 'what is left by one of them has the next turn')

  const caller = new AsyncLocalStorage<string>()
  const contexts: unknown[] = []
  const note = atEndOfTurn((item: string) => contexts.push([item, caller.getStore()]))
  caller.run('first', () => note('1'))
  caller.run('second', () => note('2'))
  await nextTurn()
  t.same(contexts, [['1', 'first'], ['2', 'second']], 'each in the context it was left in')
})

/** The service with two routes of the test: one that Node refuses to send, and one that says who asks. */
async function listening (t: Test): Promise<{ app: FastifyInstance, finished: unknown[] }> {
  const config = loadConfig({ ...ENVIRONMENT, DATABASE_URL: join(await temporaryFolder(t), 'app.db') })
  const app = await buildApp(config, { log: { stream: { write: () => {} } } })
  t.teardown(() => app.close())
  const caller = new AsyncLocalStorage<string>()
  const finished: unknown[] = []
  app.get('/refused-by-node', async (_request, reply) => reply.header('x-name', 'ł').send({}))
  app.get<{ Params: { id: string } }>('/who/:id', {
    onRequest: ({ params }, _reply, done) => caller.run(params.id, done),
    onResponse: async ({ params }) => { finished.push([params.id, caller.getStore()]) },
  }, async () => ({}))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, finished }
}

t.test('answers that leave together', async (t) => {
  const { app, finished } = await listening(t)
  const ask = (path: string) => speak(app, request(`GET ${path} HTTP/1.1`, 'Connection: close'))

  const answers = await Promise.all(['/refused-by-node', '/who/0', '/who/1', '/who/2'].map(ask))
  t.same(answers.map(({ status }) => status), [500, 200, 200, 200], 'a header that Node refuses is a failure of that request and of no other')
  t.equal((await ask('/health/alive')).status, 200, 'nor of the process')
  t.same(finished.sort(), [['0', '0'], ['1', '1'], ['2', '2']], 'what runs after an answer knows whose it was')
})
