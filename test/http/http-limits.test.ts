import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { FastifyInstance, onRequestAsyncHookHandler, preParsingHookHandler } from 'fastify'
import { connectionLimit } from '../../src/service/connections.js'
import { build, construct, FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import { busyFor } from '../support/busy-for.js'
import { answer, type FaultServer, hang, type Reaction, startFaultServer } from '../support/fault-server.js'
import { ID, SESSION } from '../support/faults.js'
import { refused, request, speak } from '../support/raw-http.js'
import { until } from '../support/until.js'

const TOKEN = `X-Session-Token: ory_st_${'a1B2'.repeat(8)}`
const LOGIN = '/api/auth/flows/login'
const ALIVE = 'GET /health/alive HTTP/1.1'

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
  logs: () => string[]
  /** Requests whose body was here and valid. */
  handled: () => number
}

async function listening (
  t: Test,
  reaction: Reaction = answer(200, SESSION),
  env: Record<string, string> = {},
): Promise<Setup> {
  const kratos = await startFaultServer(t, reaction)
  const built = await build(t, { KRATOS_PUBLIC_URL: kratos.url, ...env })
  return { ...built, kratos }
}

async function listen (app: FastifyInstance): Promise<FastifyInstance> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

const dial = (app: FastifyInstance): Socket =>
  connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
const connections = (app: FastifyInstance): Promise<number> =>
  new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
const statuses = (raw: string): string[] => [...raw.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status = '']) => status)
const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.destroyed ? resolve(undefined) : socket.once('close', resolve))

/** More than the system keeps for a client that does not read; two of them are what the process holds for clients. */
const LONG_BYTES = 14_000_000
/** Of a long upload: 40 MB, and no less than a minute. */
const MAX_CHUNKS = 10_000
const LIST = request('GET /long HTTP/1.1')

export default async function (t: Test): Promise<void> {
  /**
   * Started first and awaited last: these cases are about waiting. The limits are shown by real sockets at a tenth of
   * their time.
   */
  const slowClients = (async () => {
    const { app } = await construct(t, { WHOAMI_DEADLINE_MS: '', SUBMIT_DEADLINE_MS: '', KRATOS_DEADLINE_MS: '' })
    app.get('/long', async () => 'x'.repeat(LONG_BYTES))
    const byDefault = { timeout: app.server.timeout, keepAliveTimeout: app.server.keepAliveTimeout }
    app.server.setTimeout(3000)
    app.server.keepAliveTimeout = 2000
    await listen(app)

    const time = async (work: Promise<unknown>): Promise<number> => {
      const start = Date.now()
      await work
      return Date.now() - start
    }
    /** Reads the beginning of a long answer and then nothing any more. */
    async function stalledReader (): Promise<number> {
      const socket = dial(app)
      const [accepted] = await Promise.all([once(app.server, 'connection'), socket.write(LIST)]) as [[Socket], boolean]
      await once(socket, 'readable')
      return time(closed(accepted[0]))
    }
    /** Reads a piece now and then, each time before it counts as stalled. */
    async function slowReader (): Promise<number> {
      const socket = dial(app)
      socket.write(LIST)
      const read = { bytes: 0 }
      socket.on('data', (chunk: Buffer) => {
        read.bytes += chunk.length
      })
      for (let piece = 0; piece < 8; piece++) {
        socket.pause()
        await sleep(700)
        socket.resume()
        await sleep(20)
      }
      while (read.bytes < LONG_BYTES && !socket.destroyed) await sleep(20)
      socket.destroy()
      return read.bytes
    }
    async function idleClient (): Promise<number> {
      const socket = dial(app)
      socket.write(request(ALIVE))
      await once(socket, 'data')
      return time(closed(socket.resume()))
    }
    /** A long upload, at full speed: refused at 64 KiB, and cut off while it goes on. */
    async function longUpload (): Promise<{ chunks: number, raw: string }> {
      const socket = dial(app)
      let raw = ''
      socket.on('data', (chunk: Buffer) => {
        raw += chunk.toString('latin1')
      })
      socket.write(
        request(
          `POST ${LOGIN} HTTP/1.1`,
          'Content-Type: application/json',
          `Origin: ${FRONTEND}`,
          'Transfer-Encoding: chunked',
        ),
      )
      const chunk = `1000\r\n${' '.repeat(0x1000)}\r\n`
      let chunks = 0
      const timer = setInterval(() => {
        if (socket.writableLength > 1_000_000) return
        if (++chunks === MAX_CHUNKS) socket.destroy()
        else socket.write(chunk)
      }, 5)
      await closed(socket)
      clearInterval(timer)
      return { chunks, raw }
    }
    // One after the other where they look at the server's next connection.
    const stalled = stalledReader()
    await sleep(50)
    const [stalledMs, slowLength, idleMs, upload] = await Promise.all([
      stalled,
      slowReader(),
      idleClient(),
      longUpload(),
    ])
    // The last ones may still be closing.
    for (let look = 0; look < 100 && await connections(app) > 0; look++) await sleep(20)
    return { byDefault, stalledMs, slowLength, idleMs, upload, left: await connections(app) }
  })()

  t.test('the number and the size of headers', async (t) => {
    const { app } = await listening(t)
    await listen(app)
    const withHeaders = (count: number, ...rest: string[]) =>
      speak(app, request(ALIVE, ...Array.from({ length: count }, (_, index) => `X-${index}: 1`), ...rest))
    t.equal((await withHeaders(99)).status, 200, 'a hundred with Host')
    for (const count of [100, 101, 127, 128, 500]) {
      const tooMany = await withHeaders(count)
      refused(t, tooMany, 431, 'HEADERS_TOO_LARGE', `${count + 1} headers`)
      t.ok(tooMany.closed)
    }
    const hidden = await speak(app, request(ALIVE, ...Array(2100).fill('a:'), 'Host: evil.example'))
    refused(t, hidden, 431, 'HEADERS_TOO_LARGE', 'nothing hides behind those that Node drops (B29)')
    t.equal(
      (await speak(app, request(`GET /health/alive?${'x'.repeat(15_000)} HTTP/1.1`))).status,
      200,
      'a long URL counts as headers',
    )
    for (const length of [16 * 1024, 200_000]) {
      refused(
        t,
        await speak(app, request(`GET /health/alive?${'x'.repeat(length)} HTTP/1.1`)),
        431,
        'HEADERS_TOO_LARGE',
        `a URL of ${length} bytes (B09)`,
      )
    }
  })

  t.test('bodies without a length (A11)', async (t) => {
    const { app, kratos } = await listening(t, answer(500, {}))
    await listen(app)
    const chunked = (size: number): string => `${size.toString(16)}\r\n${' '.repeat(size)}\r\n0\r\n\r\n`
    const post = (url: string, size: number, ...headers: string[]) =>
      speak(
        app,
        request(`POST ${url} HTTP/1.1`, 'Content-Type: application/json', 'Transfer-Encoding: chunked', ...headers) +
          chunked(size),
      )
    refused(t, await post(LOGIN, 65_537), 413, 'PAYLOAD_TOO_LARGE', 'a flow')
    refused(
      t,
      await post('/internal/auth/user-created', 65_537, `X-Webhook-Key: ${WEBHOOK_KEY}`),
      413,
      'PAYLOAD_TOO_LARGE',
      'the webhook',
    )
    refused(t, await post(LOGIN, 65_536), 400, 'VALIDATION_ERROR', 'the last byte that fits is read')
    t.equal(kratos.requests.length, 0)
    kratos.react(answer(200, SESSION))
    refused(t, await post('/api/documents', 256 * 1024 + 1, TOKEN), 413, 'PAYLOAD_TOO_LARGE', 'a document')
  })

  t.test('pipelined requests', async (t) => {
    t.test('are answered in their order, however long one takes', async (t) => {
      const { app, kratos } = await listening(t, (socket, received) => {
        setTimeout(() => answer(200, SESSION)(socket, received), 100)
      })
      await listen(app)
      const { raw } = await speak(
        app,
        request('GET /api/auth/whoami HTTP/1.1', TOKEN) + request(ALIVE) + request('GET /nope HTTP/1.1') +
          request(ALIVE, 'Connection: close'),
        { untilClosed: true },
      )
      t.same(statuses(raw), ['200', '200', '404', '200'])
      t.ok(raw.indexOf(ID) > 0 && raw.indexOf(ID) < raw.indexOf('"status":"ok"'), 'the slow one first')
      t.equal(kratos.requests.length, 1)
    })

    t.test('are not handled without bound: who asks on and on without an answer loses the connection', async (t) => {
      const { app, kratos, logs } = await listening(t, hang, { KRATOS_DEADLINE_MS: '100' })
      await listen(app)
      const start = request(`GET ${LOGIN} HTTP/1.1`)
      const many = await speak(app, start.repeat(2000), { untilClosed: true })
      t.same(statuses(many.raw), [], 'cut off at once')
      t.equal(logs().filter((line) => line.includes('pipelining_refused')).length, 1)
      t.ok(kratos.requests.length <= 32, `${kratos.requests.length} reached Kratos`)
      const few = await speak(app, start.repeat(31) + request(`GET ${LOGIN} HTTP/1.1`, 'Connection: close'), {
        untilClosed: true,
      })
      t.same(statuses(few.raw), Array(32).fill('504'), 'as many as allowed get their answers')
      const unread = dial(app).pause()
      unread.write(request('GET /nope HTTP/1.1').repeat(20_000))
      await closed(unread.resume())
      t.equal((await speak(app, request(ALIVE))).status, 200)
      await until(async () => await connections(app) === 0)
    })

    t.test('are at work one after the other, and not at all once their client has gone (M11)', async (t) => {
      let answering = 0
      let most = 0
      const { app, kratos } = await listening(t, (socket, received) => {
        most = Math.max(most, ++answering)
        setTimeout(() => {
          answering--
          answer(200, SESSION)(socket, received)
        }, 20)
      })
      await listen(app)
      // Each of another session, so that no two share a call.
      const whoami = (count: number, ...headers: string[]): string =>
        Array.from({ length: count }, (_, n) => request('GET /api/auth/whoami HTTP/1.1', `${TOKEN}${n}`, ...headers)).join('')
      const { raw } = await speak(app, whoami(9) + whoami(1, 'Connection: close'), { untilClosed: true })
      t.same(statuses(raw), Array(10).fill('200'))
      t.equal(most, 1)
      const asked = kratos.requests.length
      const gone = dial(app)
      gone.write(whoami(20))
      await until(() => kratos.requests.length !== asked)
      gone.resetAndDestroy()
      await until(async () => await connections(app) === 0)
      t.equal(kratos.requests.length, asked + 1)
      t.equal((await speak(app, request(ALIVE))).status, 200)
    })

    t.test('end in silence with their connection when nobody has begun them: an error each costs most (N07)', async (t) => {
      const { app, kratos } = await listening(t, hang)
      let told = 0
      app.server.on('request', (received) => received.on('error', () => told++))
      await listen(app)
      const gone = dial(app)
      gone.write(request('GET /api/auth/whoami HTTP/1.1', TOKEN).repeat(20))
      await until(() => kratos.requests.length === 1)
      gone.resetAndDestroy()
      await until(async () => await connections(app) === 0)
      t.equal(told, 1, 'the one at work alone')
      await speak(app, request('GET /api/auth/whoami HTTP/1.1', TOKEN).repeat(500), { untilClosed: true })
      await until(async () => await connections(app) === 0)
      t.ok(told <= 2, `${told} of 500 that were too many`)
    })

    t.test('with a body do not wait for the answer before them, and are answered in order', async (t) => {
      let release = (): void => {}
      const { app, kratos, handled } = await listening(t, (socket, received) => {
        release = () => answer(200, SESSION)(socket, received)
      })
      await listen(app)
      const socket = dial(app)
      let raw = ''
      socket.on('data', (chunk: Buffer) => {
        raw += chunk.toString('latin1')
      })
      const body = '{"a":1}'
      const post = request('POST /nope HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${body.length}`)
      socket.write(request('GET /api/auth/whoami HTTP/1.1', TOKEN) + post + body + request(ALIVE))
      await until(() => kratos.requests.length > 0 && handled() > 0)
      t.equal(raw, '', 'it was handled, and waits to be answered')
      release()
      while (statuses(raw).length < 3) await once(socket, 'data')
      t.same(statuses(raw), ['200', '404', '200'])
      socket.destroy()
    })

    t.test('count by connection and only while they wait', async (t) => {
      const { app } = await listening(t)
      await listen(app)
      const socket = dial(app)
      let raw = ''
      socket.on('data', (chunk: Buffer) => {
        raw += chunk.toString('latin1')
      })
      for (let turn = 1; turn <= 5; turn++) {
        socket.write(request(ALIVE).repeat(30))
        while (statuses(raw).length < 30 * turn) await once(socket, 'data')
      }
      t.same(statuses(raw), Array(150).fill('200'))
      socket.destroy()
    })
  })

  t.test('other things that a connection can be asked for', async (t) => {
    const { app, kratos } = await listening(t)
    await listen(app)
    const tunnel = await speak(app, request('CONNECT internal.example:443 HTTP/1.1') + 'secret', { untilClosed: true })
    t.equal(tunnel.raw, '', 'no tunnel: CONNECT is closed without an answer')

    const websocket = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]
    refused(
      t,
      await speak(app, request('GET /api/auth/whoami HTTP/1.1', ...websocket)),
      401,
      'INVALID_SESSION',
      'an upgrade that nobody offers is a plain request, guard and all',
    )
    const socket = dial(app)
    let raw = ''
    socket.on('data', (chunk: Buffer) => {
      raw += chunk.toString('latin1')
    })
    for (
      const headers of [websocket, ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'], [
        'Connection: close',
      ]]
    ) {
      socket.write(request(ALIVE, ...headers))
      await once(socket, 'data')
    }
    await closed(socket)
    t.same(statuses(raw), ['200', '200', '200'], 'and its connection goes on, until a request says close')

    const old = await speak(app, 'GET /health/alive HTTP/1.0\r\n\r\n', { untilClosed: true })
    t.match(old, { status: 200, headers: { connection: 'close' }, closed: true }, 'HTTP/1.0 gets its answer and the end')
    const kept = await speak(app, 'GET /health/alive HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    t.match(kept, { status: 200, headers: { connection: 'keep-alive' }, closed: false }, 'unless it asks to go on')

    const body = '{"flow_id":"x"}'
    const expecting = await speak(
      app,
      request(
        `POST ${LOGIN} HTTP/1.1`,
        'Expect: 100-continue',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        'Connection: close',
      ) + body,
      { untilClosed: true },
    )
    t.same(statuses(expecting.raw), ['100', '400'], 'Expect: 100-continue is met')
    t.equal(kratos.requests.length, 0)
    await until(async () => await connections(app) === 0)
  })

  t.test('the number of connections stays below the limit of open files', async (t) => {
    const limits: Array<[openFiles: number | string | undefined, connections: number]> = [
      [1024, 768],
      [20_000, 19_744],
      [256, 128],
      [2, 1],
      [1, 1],
      [1_048_576, 65_536],
      ['unlimited', 65_536],
      [undefined, 65_536],
    ]
    for (const [openFiles, expected] of limits) t.equal(connectionLimit(openFiles), expected, String(openFiles))
  })

  /** @param guard what a busy request waits for before its handler works */
  const letsNewcomersIn = (guard: onRequestAsyncHookHandler) => async (t: Test): Promise<void> => {
    const { app } = await construct(t)
    let served = 0
    app.get('/busy', { onRequest: guard }, async () => {
      served++
      busyFor(1)
      return 'x'
    })
    await listen(app)
    const [there, newcomers] = [50, 20]
    let isOver = false
    const busy = Array.from({ length: there }, () => dial(app))
    for (const socket of busy) {
      const ask = (): void => {
        if (!isOver) socket.write(request('GET /busy HTTP/1.1'))
      }
      socket.on('data', ask)
      ask()
    }
    const count = (): number => served
    await until(() => count() >= 100)
    const before = served
    const answers = await Promise.all(Array.from({ length: newcomers }, () => speak(app, request(ALIVE))))
    const meanwhile = served - before
    isOver = true
    for (const socket of busy) socket.destroy()
    t.same([...new Set(answers.map(({ status }) => status))], [200])
    t.ok(meanwhile < there * newcomers / 4, `${meanwhile} others were served before the last newcomer`)
  }

  t.test('newcomers do not wait behind every request of the connections that are there (M13)', async (t) => {
    await t.test('requests that can be answered at once', letsNewcomersIn(async () => {}))
    await t.test('requests whose guards have their answers in one turn of the event loop', letsNewcomersIn(() => sleep(5)))
  })

  /** @param act what all connections do at once @param watch has each noted that was read, and take a moment */
  const readsInTurns = (
    act: (socket: Socket) => unknown,
    watch: (app: FastifyInstance, note: () => void) => unknown,
  ) => async (t: Test): Promise<void> => {
    const { app } = await construct(t)
    const seen = { all: 0, inTurn: 0, most: 0 }
    watch(app, () => {
      busyFor(2)
      seen.all++
      if (seen.inTurn++ === 0) setImmediate(() => Object.assign(seen, { inTurn: 0 }))
      seen.most = Math.max(seen.most, seen.inTurn)
    })
    await listen(app)
    const sockets = Array.from({ length: 100 }, () => dial(app).resume())
    await until(async () => await connections(app) === 100)
    for (const socket of sockets) act(socket)
    await until(() => seen.all === 100)
    for (const socket of sockets) socket.destroy()
    t.ok(seen.most < 30, `${seen.most} of 100 in one turn of the event loop`)
  }

  t.test('what connections do at once is read in several turns, so that others come in between (M14)', async (t) => {
    await t.test('requests', readsInTurns(
      (socket) => socket.write(request(ALIVE)),
      ({ server }, note) => server.on('request', note),
    ))
    await t.test('their ends', readsInTurns(
      (socket) => socket.end(),
      ({ server }, note) => server.on('connection', (socket) => socket.on('end', note)),
    ))
    await t.test('what is no HTTP', readsInTurns(
      (socket) => socket.write('x\r\n\r\n'),
      ({ server }, note) => server.on('clientError', note),
    ))
    await t.test('pieces of their bodies', async (t) => {
      const { app } = await construct(t)
      const seen = { heads: 0, all: 0, inTurn: 0, most: 0 }
      app.server.on('request', (incoming) => {
        seen.heads++
        const push = incoming.push.bind(incoming)
        incoming.push = (piece, encoding) => {
          busyFor(2)
          seen.all++
          if (seen.inTurn++ === 0) setImmediate(() => Object.assign(seen, { inTurn: 0 }))
          seen.most = Math.max(seen.most, seen.inTurn)
          return push(piece, encoding)
        }
      })
      await listen(app)
      const sockets = Array.from({ length: 100 }, () => dial(app).resume())
      const head = request('POST /api/auth/flows/login HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')
      for (const socket of sockets) socket.write(head)
      await until(() => seen.heads === 100)
      for (const socket of sockets) socket.write('1\r\n{\r\n')
      await until(() => seen.all === 100)
      for (const socket of sockets) socket.destroy()
      t.ok(seen.most < 30, `${seen.most} of 100 in one turn of the event loop`)
    })
    await t.test('whose packets take long waits for each of them', async (t) => {
      const { app } = await construct(t)
      let lastEnd = 0
      const pauses: number[] = []
      app.server.on('request', () => {
        pauses.push(performance.now() - lastEnd)
        busyFor(10)
        lastEnd = performance.now()
      })
      await listen(app)
      const sockets = Array.from({ length: 30 }, () => dial(app))
      // Each sends its next packet as soon as it may.
      for (const socket of sockets) socket.on('data', () => socket.write(request(ALIVE)))
      await until(async () => await connections(app) === 30)
      for (const socket of sockets) socket.write(request(ALIVE))
      await until(() => pauses.length >= 60)
      for (const socket of sockets) socket.destroy()
      // Not the least one: on a machine that stands still for so long they are forgotten.
      const median = pauses.sort((a, b) => a - b)[Math.floor(pauses.length / 2)] ?? 0
      t.ok(median > 5, `others had ${median} ms between two of 10 ms`)
    })
    await t.test('injected requests are no connections, however long their bodies take', async (t) => {
      const { app } = await construct(t)
      const preParsing: preParsingHookHandler = ({ raw }, _reply, payload, done) => {
        raw.on('data', () => busyFor(10))
        done(null, payload)
      }
      app.post('/busy', { preParsing }, async () => 'x')
      await listen(app)
      const over = new AbortController()
      const newcomers = (async () => {
        while (!over.signal.aborted) {
          const socket = dial(app)
          await once(socket, 'connect')
          socket.destroy()
        }
      })()
      for (let n = 0; n < 20; n++) {
        t.equal((await app.inject({ method: 'POST', url: '/busy', payload: { a: 1 } })).statusCode, 200)
      }
      over.abort()
      await newcomers
    })
    await t.test('newcomers are accepted before they are read', async (t) => {
      const { app } = await construct(t)
      const seen = { accepted: 0, read: 0, readAtLast: 0 }
      app.server.on('request', () => {
        busyFor(3)
        seen.read++
      })
      app.server.on('connection', () => {
        if (++seen.accepted === 100) seen.readAtLast = seen.read
      })
      await listen(app)
      const sockets = Array.from({ length: 100 }, () => dial(app))
      for (const socket of sockets) socket.resume().write(request(ALIVE))
      await until(() => seen.read === 100)
      for (const socket of sockets) socket.destroy()
      t.ok(seen.readAtLast < 50, `${seen.readAtLast} of 100 were read before the last one was accepted`)
    })
    await t.test('who has waited to be read does not wait again for an urgent answer', async (t) => {
      const { app } = await construct(t)
      let answered = 0
      let read = 0
      app.server.on('request', (_request, response) => {
        read++
        busyFor(3)
        // Before anything that waits for a turn of its own.
        setImmediate(() => {
          if (response.headersSent) answered++
        })
      })
      await listen(app)
      const sockets = Array.from({ length: 100 }, () => dial(app))
      for (const socket of sockets) socket.resume().write(request(ALIVE))
      await until(() => read === 100)
      await nextTurn()
      for (const socket of sockets) socket.destroy()
      t.ok(answered > 50, `${answered} of 100 were answered in the turn in which they were read`)
    })
    await t.test('who has waited too long to be read is closed without an answer', async (t) => {
      const { app } = await construct(t)
      app.server.headersTimeout = 100
      app.server.on('connection', (socket) => process.nextTick(() => socket.pause()))
      await listen(app)
      const socket = dial(app)
      let raw = ''
      socket.on('data', (bytes: Buffer) => {
        raw += bytes.toString()
      }).write(request(ALIVE))
      await closed(socket)
      t.equal(raw, '')
    })
    await t.test('those who have waited too long at once are closed in several turns', async (t) => {
      const { app } = await construct(t)
      app.server.headersTimeout = 500
      const seen = { all: 0, inTurn: 0, most: 0 }
      app.server.on('connection', (socket) => {
        const destroy = socket.destroy.bind(socket)
        // Its turn does not come, and closing it takes as long as on a slow machine.
        process.nextTick(() => Object.assign(socket.pause(), {
          resume: () => socket,
          destroy: () => {
            busyFor(0.1)
            return destroy()
          },
        }))
        socket.on('close', () => {
          seen.all++
          if (seen.inTurn++ === 0) setImmediate(() => Object.assign(seen, { inTurn: 0 }))
          seen.most = Math.max(seen.most, seen.inTurn)
        })
      })
      await listen(app)
      for (let n = 0; n < 400; n++) dial(app).resume()
      await until(() => seen.all === 400)
      t.ok(seen.most <= 64, `${seen.most} of 400 in one turn of the event loop`)
    })
  })

  t.test('near the limit of connections', async (t) => {
    /** Connections whose requests wait for Kratos. */
    async function waiting (app: FastifyInstance, count: number): Promise<Socket[]> {
      const sockets: Socket[] = []
      while (sockets.length < count) {
        const socket = dial(app)
        socket.write(request('GET /api/auth/whoami HTTP/1.1', TOKEN))
        await once(app.server, 'request')
        sockets.push(socket)
      }
      return sockets
    }
    const full = async (t: Test): Promise<Setup> => {
      const setup = await listening(t, hang)
      setup.app.server.maxConnections = 8
      await listen(setup.app)
      return setup
    }

    await t.test('idle ones are closed for new clients, the longest idle first (M12)', async (t) => {
      const { app, logs } = await full(t)
      const idle: Socket[] = []
      for (let count = 0; count < 8; count++) {
        const socket = dial(app)
        socket.write(request(ALIVE))
        await once(socket, 'data')
        idle.push(socket.resume())
      }
      for (let count = 0; count < 4; count++) {
        t.equal((await speak(app, request(ALIVE, 'Connection: close'), { untilClosed: true })).status, 200)
      }
      await closed(idle[0] as Socket)
      t.equal(idle.at(-1)?.destroyed, false)
      t.equal(logs().filter((line) => line.includes('connections_dropped')).length, 0)
      t.equal(logs().filter((line) => line.includes('connections_closed')).length, 1, 'said once')
      for (const socket of idle) socket.destroy()
    })

    await t.test('so are those that have not sent a whole request', async (t) => {
      const { app } = await full(t)
      const head = request(`POST ${LOGIN} HTTP/1.1`, 'Content-Type: application/json', 'Content-Length: 9')
      const silent = ['', 'GET / HTTP/1.1\r\nX', head, `${head}{`].flatMap((bytes) => [bytes, bytes]).map((bytes) => {
        const socket = dial(app).resume()
        socket.write(bytes)
        return socket
      })
      t.equal((await speak(app, request(ALIVE))).status, 200)
      await closed(silent[0] as Socket)
      for (const socket of silent) socket.destroy()
    })

    await t.test('none is closed that waits for us; what is over is dropped, and said once', async (t) => {
      const { app, logs } = await full(t)
      const inside = await waiting(app, 8)
      const outside = [dial(app), dial(app)]
      await Promise.all(outside.map((socket) => closed(socket.resume())))
      t.same(inside.map(({ destroyed }) => destroyed), Array(8).fill(false))
      t.equal(logs().filter((line) => line.includes('connections_dropped')).length, 1)
      for (const socket of inside) socket.destroy()
      await until(async () => await connections(app) === 0)
      t.equal((await speak(app, request(ALIVE))).status, 200, 'and there is room again')
    })
  })

  t.test('clients that take their time (L13)', async (t) => {
    const { byDefault, stalledMs, slowLength, idleMs, upload, left } = await slowClients
    t.same(
      byDefault,
      { timeout: 30_000, keepAliveTimeout: 72_000 },
      'stalled for 30 s, idle for 72 s; here a tenth of the first',
    )
    const { app: patient } = await build(t, {
      WHOAMI_DEADLINE_MS: '60000',
      SUBMIT_DEADLINE_MS: '60000',
      KRATOS_DEADLINE_MS: '60000',
    })
    t.equal(patient.server.timeout, 240_000, 'an operator who gives Kratos more time gives it to the waiting client too')
    t.ok(stalledMs > 2500, `who stops reading is cut off, after ${stalledMs} ms`)
    t.ok(slowLength > LONG_BYTES, 'who reads slowly gets everything')
    t.ok(idleMs > 1500, `an idle connection is closed, after ${idleMs} ms`)
    t.same(statuses(upload.raw), ['413'], 'a long upload is refused')
    t.ok(upload.chunks < MAX_CHUNKS, `and cut off after ${upload.chunks} chunks of 4 KiB`)
    t.equal(left, 0, 'no socket is left')
  })
}
