import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { build } from '../support/app.js'
import { answer, type FaultServer, type Reaction, startFaultServer } from '../support/fault-server.js'
import { refused, request, SECURITY_HEADERS, speak } from '../support/raw-http.js'
import { until } from '../support/until.js'

const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
const LOGIN = '/api/auth/flows/login'
const ACTIVE = answer(200, {
  id: 's',
  active: true,
  expires_at: '2099-01-01T00:00:00Z',
  identity: { id: ID, traits: { email: 'a@example.test' } },
})

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
  logs: () => string[]
}

async function listening (t: Test, reaction: Reaction = answer(500, {})): Promise<Setup> {
  const kratos = await startFaultServer(t, reaction)
  const { app, logs } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, kratos, logs }
}

export default async function (t: Test): Promise<void> {
  /** Started first and awaited last: these cases are about waiting (L13). */
  const slowClients = (async () => {
    const { app } = await listening(t)
    const slow = (bytes: string) => speak(app, bytes, { untilClosed: true })
    const POST = [
      `POST ${LOGIN} HTTP/1.1`,
      'Host: localhost:3000',
      'Content-Type: application/json',
      'Content-Length: 100',
    ].join('\r\n')
    // Clients that never close their side, one that talks on and one that says nothing at all, lose the socket all the
    // same.
    const halfOpen = [1, 2].map(() =>
      connect({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true }),
    )
    let open = halfOpen.length + 4
    const cutOff = new Promise<void>((resolve) =>
      app.server.on('connection', (socket: Socket) => socket.once('close', () => --open === 0 && resolve())),
    )
    for (const socket of halfOpen) socket.on('error', () => {}).resume()
    halfOpen[0]?.write('GARBAGE\r\n\r\n')
    const timer = setInterval(() => halfOpen[0]?.destroyed === true || halfOpen[0]?.write('more'), 100)
    const [silent, headers, body, refusedEarly] = await Promise.all([
      slow(''),
      slow('GET / HTTP/1.1\r\nHost: x\r\nX-A'),
      slow(`${POST}\r\n\r\n{`),
      slow(`${POST}\r\nOrigin: https://evil.example\r\n\r\n{`),
      cutOff,
    ])
    for (const socket of halfOpen) socket.destroy()
    clearInterval(timer)
    const { headersTimeout, requestTimeout } = app.server
    return { silent, headers, body, refusedEarly, limits: { headersTimeout, requestTimeout } }
  })()

  t.test('requests that break the rules of HTTP are refused in the envelope and cut off', async (t) => {
    const { app, kratos } = await listening(t)
    const POST = 'POST /api/auth/flows/login HTTP/1.1'
    const body = `{"flow_id":"${ID}"}`
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const json = 'Content-Type: application/json'
    const length = `Content-Length: ${body.length}`
    const broken: Array<[name: string, bytes: string]> = [
      ['length and chunked', request(POST, json, length, 'Transfer-Encoding: chunked') + body],
      ['two lengths', request(POST, json, length, 'Content-Length: 5') + body],
      ['the same length twice', request(POST, json, length, length) + body],
      ['+2', request(POST, json, 'Content-Length: +2') + '{}'],
      ['-1', request(POST, json, 'Content-Length: -1')],
      ['2,2', request(POST, json, 'Content-Length: 2,2') + '{}'],
      ['xchunked', request(POST, json, 'Transfer-Encoding: xchunked') + '0\r\n\r\n'],
      ['chunked twice', request(POST, json, 'Transfer-Encoding: chunked, chunked') + '0\r\n\r\n'],
      ['identity', request(POST, json, 'Transfer-Encoding: identity') + body],
      ...['gzip, chunked', 'identity, chunked', 'chunked;q=1', ', chunked'].map((coding): [string, string] => [
        coding,
        request(POST, json, `Transfer-Encoding: ${coding}`) + chunks,
      ]),
      ['chunked in HTTP/1.0', request(POST.replace('1.1', '1.0'), json, 'Transfer-Encoding: chunked') + chunks],
      ['blank before colon', request(POST, json, `Content-Length : ${body.length}`) + body],
      ['folded header', request('GET /health/alive HTTP/1.1', 'X-A: 1', ' folded')],
      ['bare LF', 'GET /health/alive HTTP/1.1\nHost: localhost\n\n'],
      ['bare LF in the head', 'GET /health/alive HTTP/1.1\r\nHost: localhost\nX-A: 1\r\n\r\n'],
      ['bare CR', request('GET /health/alive HTTP/1.1', 'X-A: 1\rX-B: 2')],
      ['NUL in a value', request('GET /health/alive HTTP/1.1', 'X-A: a\u0000b')],
      ['NUL in the path', request('GET /health/\u0000 HTTP/1.1')],
      ['HTTP/9.9', request('GET /health/alive HTTP/9.9')],
      ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['bad chunk size', request(POST, json, 'Transfer-Encoding: chunked') + 'zz\r\n'],
      ['space in the path', request('GET /health/ alive HTTP/1.1')],
      ['TLS on a plain port', '\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1'],
      ['an expectation', request('GET /health/alive HTTP/1.1', 'Expect: miracles')],
      ['no Host', 'GET /health/alive HTTP/1.1\r\n\r\n'],
      ['two Hosts', request('GET /health/alive HTTP/1.1', 'Host: evil.example')],
    ]
    for (const [name, bytes] of broken) {
      const answer = await speak(app, bytes)
      refused(t, answer, 400, 'VALIDATION_ERROR', `${name} (B29)`)
      t.match(answer.headers, SECURITY_HEADERS, `${name}: the headers of any answer (C16)`)
      t.ok(answer.closed, `${name}: the connection is closed`)
      t.equal(answer.raw.match(/HTTP\/1\.1 /g)?.length, 1, `${name}: one answer`)
    }
    for (const size of [16 * 1024, 100_000]) {
      const answer = await speak(app, request('GET /health/alive HTTP/1.1', `X-Big: ${'x'.repeat(size)}`))
      refused(t, answer, 431, 'HEADERS_TOO_LARGE', `${size} bytes of headers (B09)`)
      t.ok(answer.closed)
    }
    t.equal(
      (await speak(app, request('GET /health/alive HTTP/1.1', `X-Big: ${'x'.repeat(15_000)}`))).status,
      200,
      '15 kB of headers pass',
    )
    t.equal(kratos.requests.length, 0, 'nothing was handled')
  })

  t.test('what else clients do is no fault of ours', async (t) => {
    const { app, logs } = await listening(t)
    // Fastify has no routes for WebDAV's methods.
    const methods = { QUERY: 405, PROPFIND: 404, TRACE: 405, SEARCH: 404, OPTIONS: 405 }
    for (const [method, expected] of Object.entries(methods)) {
      const { status } = await speak(app, request(`${method} /api/auth/whoami HTTP/1.1`))
      t.ok(status === expected || status === 400, `${method}: ${status}`)
    }
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(
      [`POST ${LOGIN} HTTP/1.1`, 'Host: x', 'Content-Type: application/json', 'Content-Length: 100', '', '{'].join(
        '\r\n',
      ),
      () => setImmediate(() => socket.destroy()),
    )
    await until(() => logs().some((line) => line.includes('request_aborted')))
    t.notOk(
      logs().some((line) => line.includes('INTERNAL_ERROR')),
      'an upload that breaks off is not logged as our error',
    )
  })

  t.test('other spellings of a path lead to the same guarded route (B32)', async (t) => {
    const { app, kratos } = await listening(t, ACTIVE)
    for (
      const path of [
        '/api/auth/who%61mi',
        '/api/auth/whoami#x',
        '/api/auth/whoami/',
        '/api/auth/whoami?x#y',
        '/%61pi/auth/whoami',
      ]
    ) {
      refused(t, await speak(app, request(`GET ${path} HTTP/1.1`)), 401, 'INVALID_SESSION', path)
      t.equal(
        (await speak(app, request(`GET ${path} HTTP/1.1`, `X-Session-Token: ${TOKEN}`))).status,
        200,
        `${path} with a session`,
      )
    }
    t.equal(kratos.requests.length, 5)
    for (
      const path of [
        '/api/doc%75ments',
        '/api/documents/../documents',
        '/api//documents',
        '/api/documents;x',
        '/api/auth/../documents',
        '/api/auth/%2e%2e/documents',
        'http://localhost:3000/api/documents',
      ]
    ) {
      t.not((await speak(app, request(`GET ${path} HTTP/1.1`))).status, 200, `${path} is not open`)
    }
  })

  t.test('a packet of a thousand requests', async (t) => {
    const { app, logs } = await listening(t)
    const open = async (): Promise<Socket> => {
      const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').resume().on('error', () => {})
      t.teardown(() => socket.destroy())
      await once(socket, 'connect')
      return socket
    }

    await t.test('writes one line', async (t) => {
      const socket = await open()
      socket.write(request('GET / HTTP/1.1').repeat(1000))
      await once(socket, 'close')
      await until(() => logs().some((line) => line.includes('request_aborted')))
      t.ok(logs().filter((line) => line.includes('request_aborted')).length <= 2)
    })

    await t.test('is read in turns, also where each expects something', async (t) => {
      const sockets = await Promise.all(Array.from({ length: 40 }, open))
      // Known ones: newcomers wait for their turn anyway.
      for (const socket of sockets) {
        socket.write(request('GET /health/alive HTTP/1.1'))
        await once(socket, 'data')
      }
      const seen = new Map<number, Set<Socket>>()
      let turn = 0
      let hasRequest = false
      app.server.on('checkExpectation', ({ socket }) => {
        if (!hasRequest) {
          hasRequest = true
          setImmediate(() => {
            turn++
            hasRequest = false
          })
        }
        seen.set(turn, (seen.get(turn) ?? new Set()).add(socket))
      })
      for (const socket of sockets) socket.write(request('GET / HTTP/1.1', 'Expect: x').repeat(1500))
      await Promise.all(sockets.map(async (socket) => socket.destroyed || await once(socket, 'close')))
      const most = Math.max(...[...seen.values()].map(({ size }) => size))
      t.ok(most < 30, `${most} of 40 connections in one turn`)
    })
  })

  t.test('clients that take their time (L13)', async (t) => {
    const { silent, headers, body, refusedEarly, limits } = await slowClients
    t.same(limits, { headersTimeout: 5000, requestTimeout: 10_000 })
    refused(t, headers, 408, 'REQUEST_TIMEOUT', 'half a head')
    t.ok(headers.ms > 4000, `after ${headers.ms} ms`)
    refused(t, silent, 408, 'REQUEST_TIMEOUT', 'no byte at all')
    t.ok(silent.closed && silent.ms > 4000, `cut off after ${silent.ms} ms`)
    refused(t, body, 408, 'REQUEST_TIMEOUT', 'half a body')
    t.ok(body.ms > headers.ms, `later than the head: after ${body.ms} ms`)
    t.equal(refusedEarly.status, 403, 'a refusal does not wait for the body')
    t.equal(refusedEarly.raw.match(/HTTP\/1\.1 /g)?.length, 1, 'and is the only answer')
  })
}
