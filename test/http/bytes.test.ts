import { EventEmitter, once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { createByteBudget } from '../../src/service/bytes/byte-budget.js'
import { limitUnsentBytes } from '../../src/service/bytes/unsent-bytes.js'
import { construct } from '../support/app.js'
import { refused, request, speak } from '../support/raw-http.js'

const KB = 1024

const clientOf = (app: FastifyInstance): Socket =>
  connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})

/** The service with a route whose answer has so many bytes. `onAnswer` hears of each that is made. */
async function listening (t: Test, bytes: number, onAnswer = (): void => {}): Promise<FastifyInstance> {
  const { app } = await construct(t)
  app.route({
    method: ['GET', 'POST'],
    url: '/large',
    handler: async () => {
      onAnswer()
      return 'x'.repeat(bytes)
    },
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

async function statusesOf (socket: Socket, count: number): Promise<string[]> {
  let text = ''
  for await (const chunk of socket.setEncoding('latin1')) {
    text += String(chunk)
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status ?? '')
    if (statuses.length >= count) return statuses
  }
  throw new Error('closed before all answers were here')
}

export default async function (t: Test): Promise<void> {
  t.test('answers that nobody reads (M09)', async (t) => {
    t.test('are one megabyte a connection at most, then 503', async (t) => {
      let made = 0
      const answers = new EventEmitter()
      const allMade = once(answers, 'all made')
      const app = await listening(t, 200 * KB, () => { if (++made === 32) answers.emit('all made') })
      const socket = clientOf(app).pause()
      // Without a body each would wait for the one before it.
      socket.write((request('POST /large HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 2') + '{}').repeat(32))
      await allMade
      const statuses = await statusesOf(socket, 32)
      t.ok(statuses.filter((status) => status === '200').length >= 5)
      t.ok(statuses.includes('503'))
      t.same([...new Set(statuses)].sort(), ['200', '503'])
      const again = await speak(app, request('GET /large HTTP/1.1', 'Connection: close'), { untilClosed: true })
      t.equal(again.status, 200, 'and nothing is held of what was read')
      socket.destroy()
    })

    t.test('are not made before the one in front of them has gone', async (t) => {
      const { app } = await construct(t)
      let made = 0
      // More than the system keeps for a client that does not read.
      app.get('/large', async () => {
        made++
        return 'x'.repeat(14_000_000)
      })
      await app.listen({ port: 0, host: '127.0.0.1' })
      const socket = clientOf(app).pause()
      socket.write(request('GET /large HTTP/1.1').repeat(20) + request('GET /large HTTP/1.1', 'Connection: close'))
      await once(socket, 'readable')
      // Somebody else is served, and not in a moment.
      for (let n = 0; n < 5; n++) t.equal((await speak(app, request('GET /health/alive HTTP/1.1'))).status, 200)
      t.equal(made, 1)
      socket.destroy()
    })

    t.test('are held by the process in common, and small ones are always sent', async (t) => {
      const app = Fastify()
      t.teardown(() => app.close())
      const budget = createByteBudget(100 * KB)
      limitUnsentBytes(app, budget)
      app.get('/large', async () => 'x'.repeat(60 * KB))
      app.get('/small', async () => 'x')
      budget.add(50 * KB)
      t.match((await app.inject('/large')).json(), { code: 'OVERLOADED' })
      budget.remove(50 * KB)
      t.equal((await app.inject('/large')).statusCode, 200)
      t.equal((await app.inject('/large')).statusCode, 200, 'what was sent is held no longer')
      budget.add(200 * KB)
      t.equal((await app.inject('/small')).statusCode, 200)
    })

    t.test('end the connection of whoever reads next to nothing, and nobody else', async (t) => {
      const app = Fastify()
      t.teardown(() => app.close())
      const limits = { perConnection: 1e9, minBytes: 30 * KB, windowMs: 1500, checkMs: 50 }
      limitUnsentBytes(app, createByteBudget(1e9), limits)
      // More than the system takes by itself.
      app.get('/large', async () => 'x'.repeat(48 * KB * KB))
      await app.listen({ port: 0, host: '127.0.0.1' })
      const [slow, fast] = [clientOf(app).pause(), clientOf(app).pause()]
      const accepted: Socket[] = []
      app.server.on('connection', (socket: Socket) => accepted.push(socket))
      slow.write(request('GET /large HTTP/1.1'))
      while (accepted.length < 1) await once(app.server, 'connection')
      fast.write(request('GET /large HTTP/1.1'))
      const reading = setInterval(() => fast.read(), 2)
      await once(accepted[0] as Socket, 'close')
      t.equal(accepted[1]?.destroyed, false)
      clearInterval(reading)
      for (const socket of [slow, fast]) socket.destroy()
    })
  })

  t.test('bodies that nobody finishes (M10)', async (t) => {
    t.test('make room for each other: 503 for the oldest, and a whole one is served', async (t) => {
      const app = await listening(t, 1)
      app.server.maxConnections = Infinity
      const head = request(
        'POST /api/auth/flows/settings HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 65500',
      )
      const half = `${head}{"x":"${'a'.repeat(65_300)}`
      const sockets = Array.from({ length: 700 }, () => {
        const socket = clientOf(app)
        socket.write(half)
        return socket
      })
      const [first] = sockets
      const closed = Promise.all(sockets.slice(0, 100).map((socket) => once(socket.resume(), 'close')))
      await once(first as Socket, 'close')
      await closed
      const body = '{"flow_id":"77d1b512-3207-4f23-81ed-7fd35915a4f0"}'
      const whole = await speak(
        app,
        request(
          'POST /api/auth/flows/login HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${body.length}`,
        ) + body,
      )
      t.match(JSON.parse(whole.body), { code: 'UPSTREAM_UNAVAILABLE' }, 'it reached Kratos, which is away here')
      for (const socket of sockets) socket.destroy()
    })

    t.test('are not cut into thousands of pieces (A40)', async (t) => {
      const app = await listening(t, 1)
      const head = request(
        'POST /api/auth/flows/login HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked',
      )
      const inPieces = (count: number): string => `${head}${'1\r\n \r\n'.repeat(count)}2\r\n{}\r\n0\r\n\r\n`
      refused(t, await speak(app, inPieces(900)), 400, 'VALIDATION_ERROR', 'read as a whole')
      const many = await speak(app, inPieces(20_000), { untilClosed: true })
      refused(t, many, 413, 'PAYLOAD_TOO_LARGE', 'and no more of it')
    })

    t.test('are no thousands of pieces for anybody to read, whatever the request (A40)', async (t) => {
      const app = await listening(t, 1)
      let pieces = 0
      const whole = new Promise<void>((resolve) => {
        app.server.prependListener('request', (incoming) => {
          const push = incoming.push.bind(incoming)
          incoming.push = (piece, encoding) => {
            if (piece === null) resolve()
            else pieces++
            return push(piece, encoding)
          }
        })
      })
      const socket = clientOf(app).resume()
      const head = request('GET /large HTTP/1.1', 'Transfer-Encoding: chunked')
      socket.write(`${head}${'1\r\n \r\n'.repeat(8_000)}0\r\n\r\n`)
      await whole
      t.ok(pieces < 1_100, `${pieces} of 8,000 pieces were handed on`)
      socket.destroy()
    })

    t.test('a client that goes away in the middle leaves nothing behind', async (t) => {
      const app = await listening(t, 1)
      for (let index = 0; index < 5; index++) {
        const socket = clientOf(app)
        socket.write(request('POST /api/auth/flows/login HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 9'))
        socket.write('{')
        await new Promise((resolve) => setTimeout(resolve, 20))
        socket.destroy()
      }
      const answer = await speak(
        app,
        request('POST /api/auth/flows/login HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 2') + '{}',
      )
      refused(t, answer, 400, 'VALIDATION_ERROR', 'the next one is served')
    })
  })
}
