import { once } from 'node:events'
import http from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { build, construct, FRONTEND, REFUSING_URL, WEBHOOK_KEY } from '../support/app.js'
import { plain, refused } from '../support/raw-http.js'

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

/** Routes that use `reply.send` in every way that Fastify allows. */
const SENDERS: Record<string, Handler> = {
  '/send-then-throw': (_request, reply) => {
    reply.send({ success: true })
    throw new Error('late')
  },
  '/async-send-then-throw': async (_request, reply) => {
    reply.send({ success: true })
    throw new Error('late')
  },
  '/send-then-header': (_request, reply) => {
    reply.send({ a: 1 })
    reply.header('x-late', '1').code(418)
  },
  '/buffer-reused': (_request, reply) => {
    const buffer = Buffer.from('AAAA')
    reply.send(buffer)
    buffer.fill('B')
  },
  '/sent': (_request, reply) => {
    reply.send({ a: 1 })
    if (!reply.sent) throw new Error('sent is false')
  },
  '/async-send-no-return': async (_request, reply) => {
    reply.code(201).send({ a: 1 })
  },
  '/stream-that-fails': (_request, reply) => {
    const body = new PassThrough()
    reply.send(body)
    body.destroy(new Error('the source failed'))
  },
}

const listen = async (app: FastifyInstance): Promise<number> => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

function ask (port: number, path: string): Promise<string> {
  return new Promise((resolve) => {
    http.get({ port, path, host: '127.0.0.1', agent: false }, (answer) => {
      let text = ''
      answer.on('data', (part) => {
        text += part
      }).on('end', () => resolve(`${answer.statusCode} ${text}`))
    }).on('error', (error) => resolve(String(error)))
  })
}

/** Everything that a connection gets for these bytes, until the other side ends it. */
async function conversation (port: number, ...parts: Array<string | ((socket: Socket) => unknown)>): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('error', () => {}).on('data', (data) => {
    received += data.toString('latin1')
  })
  const closed = new Promise((resolve) => socket.on('close', resolve))
  for (const part of parts) {
    if (typeof part === 'string') socket.write(part)
    else await part(socket)
  }
  await closed
  return received
}

/** GET and POST, each to be asked once. */
function slowRoute (app: FastifyInstance, url: string) {
  let [isAsked, release] = [(): void => {}, (): void => {}]
  const asked = new Promise<void>((resolve) => { isAsked = resolve })
  const released = new Promise<void>((resolve) => { release = resolve })
  app.route({
    method: ['GET', 'POST'],
    url,
    handler: async () => {
      isAsked()
      await released
      return 'slow'
    },
  })
  return { asked, release }
}

export default async function (t: Test): Promise<void> {
  t.test('a route of the service', async (t) => {
    await t.test('has the reply.send that Fastify promises', async (t) => {
      const bare = Fastify()
      t.teardown(() => bare.close())
      const { app, logs } = await construct(t)
      for (const host of [bare, app]) {
        for (const [url, handler] of Object.entries(SENDERS)) host.get(url, handler as () => void)
      }
      const [barePort, port] = [await listen(bare), await listen(app)]
      for (const path of Object.keys(SENDERS)) {
        const [expected, found] = [await ask(barePort, path), await ask(port, path)]
        // Of a failure only the status: its body is our envelope.
        const shown = (answer: string): string => answer.startsWith('500') ? '500' : answer
        t.equal(shown(found), shown(expected), path)
      }
      t.notMatch(logs().join(), /already sent[^}]*async-send-no-return/)
    })

    await t.test('answers in the envelope whatever it throws', async (t) => {
      const odd = Object.assign(new Error('x'), { code: 'constructor', validation: 'none', statusCode: 'many', message: 7 })
      const thrown: unknown[] = [null, undefined, 'secret text', 0, Symbol('x'), {}, { code: 'toString' }, odd, () => {}]
      const { app, logs } = await construct(t)
      for (const [index, value] of thrown.entries()) {
        app.get(`/thrown/${index}`, () => {
          throw value
        })
        app.get(`/rejected/${index}`, () => Promise.reject(value))
      }
      for (const index of thrown.keys()) {
        for (const how of ['thrown', 'rejected']) {
          const answer = await app.inject(`/${how}/${index}`)
          refused(t, plain(answer), 500, 'INTERNAL_ERROR', `${how} ${String(thrown[index])}`)
        }
      }
      t.notMatch(logs().join(), /secret text/)
    })

    await t.test('tells a client of its mistake, where a package says that it is one', async (t) => {
      const { app } = await construct(t, { DOCS: 'true' })
      const mistake = (statusCode: number, expose: boolean): Error => Object.assign(new Error('x'), { statusCode, expose })
      app.get('/mistake', () => Promise.reject(mistake(400, true)))
      app.get('/secret', () => Promise.reject(mistake(400, false)))
      app.get('/failure', () => Promise.reject(mistake(500, true)))
      for (const url of ['/mistake', '/docs/static/%00']) {
        refused(t, plain(await app.inject(url)), 400, 'VALIDATION_ERROR', url)
      }
      for (const url of ['/secret', '/failure']) refused(t, plain(await app.inject(url)), 500, 'INTERNAL_ERROR', url)
    })

    await t.test('and so does a receiver of the plugin', async (t) => {
      for (const value of [null, undefined, 'text', 0, {}]) {
        const app = Fastify()
        t.teardown(() => app.close())
        const onIdentity = () => Promise.reject(value)
        await app.register(fastifyKratos, { publicUrl: REFUSING_URL, webhook: { keys: [WEBHOOK_KEY], onIdentity } })
        const answer = await app.inject({
          method: 'POST',
          url: '/internal/auth/user-created',
          headers: { authorization: `Bearer ${WEBHOOK_KEY}` },
          payload: { identity: { id: '7d2f9c4e-8a55-4c4b-9b7e-0d5a5d7c0a11', traits: {} } },
        })
        refused(t, plain(answer), 500, 'INTERNAL_ERROR', String(value))
      }
    })
  })

  t.test('405 names the methods of the path, with a slash at its end and with a long id too (A30)', async (t) => {
    const { app } = await build(t)
    const put = async (url: string): Promise<unknown[]> => {
      const { statusCode, headers } = await app.inject({ method: 'PUT', url })
      return [statusCode, headers['allow']]
    }
    for (const url of ['/api/auth/logout', '/api/auth/whoami', '/api/documents', '/api/auth/sessions', '/internal/auth/purge']) {
      t.match(await put(url), [405, /[A-Z]/])
      t.same(await put(`${url}/`), await put(url), url)
    }
    const one = await put(`/api/documents/${'a'.repeat(36)}`)
    t.match(one, [405, 'DELETE, GET, HEAD, PATCH'])
    for (const length of [1, 101, 512]) t.same(await put(`/api/documents/${'a'.repeat(length)}`), one, `${length} characters`)
  })

  t.test('415', async (t) => {
    const { app } = await build(t)
    const post = (url: string, type: string | undefined, headers: Record<string, string> = {}) =>
      app.inject({ method: 'POST', url, headers: { ...(type !== undefined && { 'content-type': type }), ...headers }, payload: '{}' })

    await t.test('a charset that is not UTF-8', async (t) => {
      for (const charset of ['utf-16', 'ISO-8859-1', '"latin1"', 'us-ascii', 'utf-8; charset=utf-16', 'utf-7', '']) {
        const answer = await post('/api/auth/logout', `application/json; charset=${charset}`)
        refused(t, plain(answer), 415, 'UNSUPPORTED_MEDIA_TYPE', charset)
      }
      for (const type of ['application/json', 'application/json;charset=utf-8', 'Application/JSON ; Charset="UTF-8"', 'application/json; charset=utf8']) {
        t.not((await post('/api/auth/logout', type)).statusCode, 415, type)
      }
    })

    await t.test('a wrong type, whoever asks', async (t) => {
      const callers: Array<Record<string, string>> = [
        {},
        { origin: FRONTEND },
        { origin: 'https://evil.example' },
        { 'x-session-token': `ory_st_${'a'.repeat(32)}` },
        { cookie: `ory_kratos_session=ory_st_${'a'.repeat(32)}`, 'sec-fetch-site': 'cross-site' },
      ]
      for (const url of ['/api/auth/logout', '/api/auth/flows/login', '/api/documents', '/internal/auth/user-created']) {
        for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', undefined]) {
          for (const headers of callers) {
            t.equal((await post(url, type, headers)).json().code, 'UNSUPPORTED_MEDIA_TYPE', `${url} ${type}`)
          }
        }
      }
      t.equal((await post('/nowhere', 'text/plain')).statusCode, 404)
      t.equal((await post('/api/auth/whoami', 'text/plain')).statusCode, 405)
    })
  })

  t.test('Retry-After is on every 429 and 503 of ours, on routes of a host app too', async (t) => {
    const token = { 'x-session-token': `ory_st_${'a'.repeat(32)}` }
    for (const custom of [false, true]) {
      const app = Fastify()
      t.teardown(() => app.close())
      if (custom) app.setErrorHandler((error: { statusCode?: number }, _request, reply) => reply.code(error.statusCode ?? 500).send('mine'))
      await app.register(fastifyKratos, { publicUrl: REFUSING_URL, throttle: { perAddress: 1 } })
      app.get('/mine', { config: { auth: true } }, async () => 'mine')
      app.get('/perhaps', { onRequest: app.authenticateOptional }, async () => 'mine')
      for (const url of ['/mine', '/perhaps', '/api/auth/whoami']) {
        const { statusCode, headers } = await app.inject({ url, headers: token })
        t.match([statusCode, headers['retry-after']], [503, /^[1-9]\d*$/], url)
      }
      const submit = () => app.inject({
        method: 'POST',
        url: '/api/auth/flows/login',
        payload: { flow_id: '7d2f9c4e-8a55-4c4b-9b7e-0d5a5d7c0a11', identifier: 'a', password: 'b' },
      })
      await submit()
      const late = await submit()
      t.match([late.statusCode, late.headers['retry-after']], [429, /^[1-9]\d*$/])
    }
  })

  t.test('a connection whose answer is under way', async (t) => {
    const { app } = await construct(t)
    const body = new PassThrough()
    app.get('/streamed', (_request, reply) => {
      reply.header('content-type', 'text/plain').send(body)
    })
    const slow = ['/slow/0', '/slow/1', '/slow/2', '/slow/3'].map((url) => slowRoute(app, url))
    const port = await listen(app)

    await t.test('gets nothing added when what follows is broken', async (t) => {
      body.write('begun')
      const received = await conversation(
        port,
        'GET /streamed HTTP/1.1\r\nHost: x\r\n\r\n',
        (socket) => once(socket, 'data'),
        'NONSENSE\r\n\r\n',
      )
      // The id of the request may have these digits.
      t.notMatch(received.replace(/^x-request-id:.*$/im, ''), /VALIDATION_ERROR|400/)
    })

    await t.test('which is still to come: it comes first, then the word about what follows', async (t) => {
      const get = (n: number, ...more: string[]): string => [`GET /slow/${n} HTTP/1.1`, 'Host: x', ...more, '', ''].join('\r\n')
      const post = 'POST /slow/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'
      const half = 'POST /slow/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'
      const [whole, told, over] = [/^HTTP\/1\.1 200 [^]*\r\n\r\nslow/, /slowHTTP\/1\.1 400 [^]*VALIDATION_ERROR[^]*\}$/, /\r\n\r\nslow$/]
      const cases: Array<[name: string, bytes: string, end: RegExp]> = [
        ['garbage', `${get(0)}NONSENSE\r\n\r\n`, told],
        ['garbage behind a body', `${post}NONSENSE\r\n\r\n`, told],
        ['a body that cannot be read', get(2) + half, told],
        ['more than a client that closes may send', `${get(3, 'Connection: close')}GET / HTTP/1.1\r\n\r\n`, over],
      ]
      for (const [index, [name, bytes, end]] of cases.entries()) {
        const received = await conversation(port, bytes, () => slow[index]?.asked, () => ask(port, '/health/alive'), () => slow[index]?.release())
        t.match(received, whole, name)
        t.match(received, end, name)
        t.equal(received.match(/HTTP\/1\.1 /g)?.length, end === told ? 2 : 1, name)
      }
    })

    await t.test('broken bytes by themselves are still told', async (t) => {
      t.match(await conversation(port, 'NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 [^]*VALIDATION_ERROR/)
      const after = await conversation(port, 'GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n', () => ask(port, '/health/alive'), 'NONSENSE\r\n\r\n')
      t.match(after, /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 400 [^]*VALIDATION_ERROR/)
    })
  })

  t.test('a request while the service closes is 503 in the envelope', async (t) => {
    const { app } = await construct(t)
    const body = new PassThrough()
    app.get('/streamed', (_request, reply) => {
      reply.header('content-type', 'text/plain').header('content-length', '5').send(body)
    })
    const port = await listen(app)
    let closed: unknown
    const received = await conversation(
      port,
      'GET /streamed HTTP/1.1\r\nHost: x\r\n\r\n',
      (socket) => {
        body.write('12')
        return once(socket, 'data')
      },
      () => {
        closed = app.close()
      },
      () => ask(port, '/'),
      'GET /api/auth/whoami HTTP/1.1\r\nHost: x\r\n\r\n',
      () => new Promise((resolve) => setImmediate(resolve)),
      () => body.end('345'),
    )
    await closed
    const second = received.slice(received.lastIndexOf('HTTP/1.1'))
    t.match(second, /^HTTP\/1\.1 503 [^]*retry-after: \d+[^]*"code":"NOT_READY"/i)
    t.match(second, /connection: close/i)
  })
}
