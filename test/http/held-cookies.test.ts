import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import { cacheControlWithCookies } from '../../src/http/held-cookies.js'
import fastifyKratos from '../../src/plugin.js'
import { PATIENT } from '../support/app.js'
import { answer, type Reaction, startFaultServer } from '../support/fault-server.js'
import { SESSION } from '../support/faults.js'

const RENEWED = 'ory_kratos_session=renewed; Path=/; Max-Age=60'
const SEALED = { cookie: `ory_kratos_session=MTc5${'Az_-09'.repeat(70)}` }
const renews: Reaction = answer(200, SESSION, [['Set-Cookie', RENEWED], ['Set-Cookie', 'csrf=1; Path=/']])
const refuses: Reaction = answer(403, { error: { id: 'session_aal2_required', code: 403 } }, [['Set-Cookie', RENEWED]])

type Send = (reply: FastifyReply) => unknown
const cached = (value: string): Send => (reply) => reply.header('cache-control', value).send({ bread: 1 })

const write = (reply: FastifyReply, headers: Record<string, string> | string[]): void => {
  reply.hijack()
  reply.raw.writeHead(200, 'Fine', headers as Record<string, string>)
  reply.raw.end('raw')
}

/** How a handler may answer, whether the cookie may come along, and what the answer says to caches then. */
const ROWS: Array<[name: string, send: Send, isAdded: boolean, cacheControl: string | undefined]> = [
  ['nothing said', (reply) => reply.send({}), true, 'private, no-store'],
  ['no-store', cached('no-store'), true, 'no-store'],
  ['private', cached('private, max-age=60'), true, 'private, max-age=60'],
  ['no-cache', cached('no-cache'), true, 'no-cache, private'],
  ['public', cached('public'), false, 'public'],
  ['max-age', cached('max-age=60'), false, 'max-age=60'],
  ['s-maxage', cached('S-MaxAge=60'), false, 'S-MaxAge=60'],
  ['private for one header only', cached('private="x-a", max-age=60'), false, 'private="x-a", max-age=60'],
  ['private within quotes', cached('max-age=60, ext="a, private, b"'), false, 'max-age=60, ext="a, private, b"'],
  ['for a CDN', (reply) => reply.header('cdn-cache-control', 'max-age=60').send({}), false, undefined],
  ['304', (reply) => reply.code(304).send(), false, undefined],
  ['304, no-store', (reply) => reply.code(304).header('cache-control', 'no-store').send(), false, 'no-store'],
  ['a stream', (reply) => reply.header('cache-control', 'public').send(Readable.from(['members'])), false, 'public'],
  ['a stream, nothing said', (reply) => reply.send(Readable.from(['members'])), true, 'private, no-store'],
  ['an empty stream', (reply) => reply.send(Readable.from([])), true, 'private, no-store'],
  ['raw', (reply) => write(reply, { 'Cache-Control': 'public' }), false, 'public'],
  ['raw, as a list', (reply) => write(reply, ['Cache-Control', 'public', 'X-A', '1']), false, 'public'],
  ['raw, nothing said', (reply) => write(reply, { 'X-A': '1' }), true, 'private, no-store'],
  ['raw, with a cookie of its own', (reply) => write(reply, { 'Set-Cookie': 'mine=1' }), true, 'private, no-store'],
  ['an error', () => { throw new Error('oops') }, true, 'private, no-store'],
]

/** An app of members, whose route `/members/<n>` answers in the n-th way. */
async function host (t: Test, reaction: Reaction, ...sends: Send[]): Promise<FastifyInstance> {
  const kratos = await startFaultServer(t, reaction)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.url })
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    sends[Number((request.params as { n: string }).n)]?.(reply)
    return await reply
  }
  app.get('/members/:n', { config: { auth: true } }, handler)
  app.get('/perhaps/:n', { onRequest: app.authenticateOptional }, handler)
  return app
}

export default async function (t: Test): Promise<void> {
  t.test('a session cookie is in no answer that a shared cache may keep', async (t) => {
    const app = await host(t, renews, ...ROWS.map(([, send]) => send))
    for (const [n, [name, , isAdded, cacheControl]] of ROWS.entries()) {
      for (const url of [`/members/${n}`, `/perhaps/${n}`]) {
        const { headers } = await app.inject({ url, headers: SEALED })
        const lines = [headers['set-cookie'] ?? []].flat()
        t.equal(lines.includes(RENEWED) && lines.includes('csrf=1; Path=/'), isAdded, `${url}, ${name}: ${lines.length}`)
        t.equal(headers['cache-control'], cacheControl, `${url}, ${name}`)
      }
    }
  })

  t.test('whatever a hook of the host says later', async (t) => {
    const app = await host(t, renews, (reply) => reply.send({}))
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=60')
    })
    const { headers } = await app.inject({ url: '/members/0', headers: SEALED })
    t.match(headers, { 'cache-control': 'public, max-age=60', 'set-cookie': undefined })
  })

  t.test('a refusal brings it along, and says that nobody may keep it', async (t) => {
    const app = await host(t, refuses, (reply) => reply.send({}))
    const refused = await app.inject({ url: '/members/0', headers: SEALED })
    t.match(refused, { statusCode: 403, headers: { 'set-cookie': RENEWED, 'cache-control': 'private, no-store' } })
  })

  t.test('cookies of the host stay, whatever it says to caches', async (t) => {
    const app = await host(t, renews, (reply) =>
      reply.header('set-cookie', 'mine=1').header('cache-control', 'public').send({}))
    t.equal((await app.inject({ url: '/members/0', headers: SEALED })).headers['set-cookie'], 'mine=1')
    const own = await host(t, renews, (reply) => reply.header('set-cookie', 'mine=1').send({}))
    t.same((await own.inject({ url: '/members/0', headers: SEALED })).headers['set-cookie'], [
      'mine=1',
      RENEWED,
      'csrf=1; Path=/',
    ])
  })

  t.test('over HTTP/2 too', async (t) => {
    const kratos = await startFaultServer(t, renews)
    const app = Fastify({ http2: true })
    t.teardown(() => app.close())
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.url })
    app.get('/:cache', { config: { auth: true } }, async (request, reply) => {
      const { cache } = request.params as { cache: string }
      if (cache !== 'none') reply.header('cache-control', cache)
      return 'members'
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { connect } = await import('node:http2')
    const session = connect(`http://127.0.0.1:${(app.server.address() as { port: number }).port}`)
    t.teardown(() => session.close())
    const ask = (path: string): Promise<Record<string, unknown>> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': path, ...SEALED }).on('error', reject)
        stream.on('response', (headers) => resolve(headers)).resume().end()
      })
    t.match(await ask('/none'), { ':status': 200, 'set-cookie': [RENEWED, String], 'cache-control': 'private, no-store' })
    t.match(await ask('/public'), { ':status': 200, 'set-cookie': undefined, 'cache-control': 'public' })
  })

  t.test('Cache-Control that is said twice counts as one', async (t) => {
    t.equal(cacheControlWithCookies(200, 'max-age=60,no-store', false), 'max-age=60,no-store')
    t.equal(cacheControlWithCookies(200, ' ', false), 'private, no-store')
    t.equal(cacheControlWithCookies(200, 'no-store', true), undefined)
  })
}
