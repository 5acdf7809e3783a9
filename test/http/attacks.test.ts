import { connect, type AddressInfo, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import fastifyKratos from '../../src/plugin.js'
import { build, PATIENT, REFUSING_URL } from '../support/app.js'
import {
  answer, bytes, drip, type FaultServer, flood, hang, type Reaction, resetInBody, startFaultServer, truncate,
} from '../support/fault-server.js'
import { refused, request, speak } from '../support/raw-http.js'

const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
const SESSION = {
  id: 's',
  active: true,
  authenticated_at: new Date().toISOString(),
  expires_at: '2099-01-01T00:00:00Z',
  identity: { id: ID, traits: {} },
}
const NO_SESSION = answer(401, { error: { code: 401, id: 'session_inactive' } })
const NO_CONTENT: Reaction = (socket) => {
  socket.write('HTTP/1.1 204 No Content\r\n\r\n')
}
const LOGIN = 'POST /kratos/self-service/login?flow=x HTTP/1.1'
const JSON_TYPE = 'Content-Type: application/json'

const uncaught: unknown[] = []

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
}

async function listening (t: Test, reaction: Reaction, env: Record<string, string> = {}): Promise<Setup> {
  const kratos = await startFaultServer(t, reaction)
  const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, KRATOS_PROXY: 'true', ...env })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, kratos }
}

/** A connection that starts a request and never finishes it. */
function dawdle (t: Test, app: FastifyInstance, start: string): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  return new Promise((resolve) => socket.on('error', () => {}).write(start, () => resolve(socket)))
}

export default async function (t: Test): Promise<void> {
  for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, (reason) => uncaught.push(reason))

  t.test('config.auth guards a route', async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    app.register(fastifyKratos, { publicUrl: REFUSING_URL })
    const secret = { config: { auth: true } }
    app.get('/before', secret, async () => 'secret')
    app.get('/open', async () => 'open')
    app.get('/strong', { config: { auth: { aal: 'aal2' } } }, async () => 'secret')
    app.register(async (scope) => {
      scope.get('/scoped', secret, async () => 'secret')
    })

    for (const url of ['/before', '/scoped', '/strong']) {
      for (const method of ['GET', 'HEAD'] as const) {
        t.equal(
          (await app.inject({ method, url })).statusCode,
          401,
          `${method} ${url}, also where the plugin was not awaited`,
        )
      }
    }
    t.equal((await app.inject('/open')).statusCode, 200)
  })

  t.test('config.auth asks Kratos once', async (t) => {
    const kratos = await startFaultServer(t, NO_SESSION)
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.url })
    app.get('/x', { config: { auth: true } }, async () => 'secret')
    for (const method of ['GET', 'HEAD'] as const) {
      await app.inject({ method, url: '/x', headers: { 'x-session-token': TOKEN } })
    }
    t.equal(kratos.requests.length, 4, 'a question and its confirmation each')
  })

  t.test('/kratos/*', async (t) => {
    await t.test('a slow upload holds no socket to Kratos (L13, J23)', async (t) => {
      const { app, kratos } = await listening(t, NO_SESSION)
      const start = request(LOGIN, JSON_TYPE, 'Content-Length: 20000') + '{'
      await Promise.all(Array.from({ length: 70 }, () => dawdle(t, app, start)))
      // All are at the handler or before it once a later request on a connection of its own was answered.
      await speak(app, request('GET /health/alive HTTP/1.1'))
      const answered = await app.inject({ url: '/api/auth/whoami', headers: { 'x-session-token': TOKEN } })
      t.equal(answered.statusCode, 401, 'others are served meanwhile')
      t.equal(kratos.requests.length, 2, 'and Kratos hears nothing of half a request')
    })

    await t.test('a redirect that is not allowed is 502, and neither the process nor the socket suffers (E10)', async (t) => {
      const { app, kratos } = await listening(t, hang)
      for (
        const location of [
          'http://evil.example/',
          'javascript:alert(1)',
          '//evil.example',
          '/\\evil.example',
          'https://a@evil.example',
          '/self-service/errors',
        ]
      ) {
        for (const body of ['{}', 'x'.repeat(100_000)]) {
          kratos.react((socket) => {
            socket.write(bytes(303, [['Location', location]], body))
          })
          refused(
            t,
            await speak(app, request('GET /kratos/self-service/login/browser HTTP/1.1')),
            502,
            'UPSTREAM_ERROR',
            location,
          )
        }
      }
      kratos.react((socket) => {
        const [allowed, evil] = ['http://localhost:3001/login', 'http://evil.example/']
        socket.write(bytes(303, [['Location', allowed], ['Location', evil]], ''))
      })
      refused(t, await speak(app, request('GET /kratos/self-service/login/browser HTTP/1.1')), 502, 'UPSTREAM_ERROR', 'two')
      t.same(uncaught, [])
    })

    await t.test('an answer that is read whole fails as at our own routes (J06, J08)', async (t) => {
      const { app, kratos } = await listening(t, hang, { SUBMIT_DEADLINE_MS: '300' })
      const session = { session_token: TOKEN, session: SESSION }
      const faults: Array<[name: string, reaction: Reaction, status: number, code: string]> = [
        ['reset', resetInBody, 502, 'UPSTREAM_ERROR'],
        ['cut short', truncate(session), 502, 'UPSTREAM_ERROR'],
        ['too large', flood(2 * 1024 * 1024, { chunked: true }), 502, 'UPSTREAM_ERROR'],
        ['never ends', drip, 504, 'UPSTREAM_TIMEOUT'],
      ]
      for (const [name, reaction, status, code] of faults) {
        kratos.react(reaction)
        refused(t, await speak(app, request(LOGIN, JSON_TYPE, 'Content-Length: 2') + '{}'), status, code, `login: ${name}`)
        const callback = 'GET /kratos/self-service/methods/oidc/callback/x?code=1 HTTP/1.1'
        refused(t, await speak(app, request(callback)), status, code, `callback: ${name}`)
      }
      t.same(uncaught, [])
    })

    await t.test('a header that can be there once is not passed on twice', async (t) => {
      const { app } = await listening(t, (socket) => {
        const twice = ['Content-Type', 'ETag', 'Retry-After', 'Cache-Control'].flatMap((name): Array<[string, string]> =>
          [[name, 'one'], [name, 'two']])
        socket.write(bytes(200, twice, '{}'))
      })
      const { raw } = await speak(app, request('GET /kratos/sessions/whoami HTTP/1.1'))
      t.notMatch(raw, /^(?:content-type|etag|retry-after): (?:one|two)/im)
      t.match(raw, /cache-control: one\r\ncache-control: two/i, 'a list goes on as it is')
    })

    await t.test('an answer in a coding that nobody asked for is none', async (t) => {
      const { app, kratos } = await listening(t, hang)
      const packed = gzipSync(JSON.stringify({ session_token: TOKEN, session: SESSION })).toString('latin1')
      kratos.react((socket) => {
        const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n'
        socket.write(`${head}Content-Length: ${packed.length}\r\n\r\n${packed}`, 'latin1')
      })
      for (const target of ['sessions/whoami', 'self-service/methods/oidc/callback/x?code=1']) {
        refused(t, await speak(app, request(`GET /kratos/${target} HTTP/1.1`)), 502, 'UPSTREAM_ERROR', target)
      }
      refused(t, await speak(app, request(LOGIN, JSON_TYPE, 'Content-Length: 2') + '{}'), 502, 'UPSTREAM_ERROR', 'login')
    })

    await t.test("bytes go up as they came, framed anew, with nothing of the client's framing", async (t) => {
      const { app, kratos } = await listening(t, NO_SESSION)
      const bodies: Array<[string, string]> = [
        [request(LOGIN, JSON_TYPE, 'Content-Length: 7') + '{"a":1}', '{"a":1}'],
        [request(LOGIN, JSON_TYPE, 'Transfer-Encoding: chunked') + '7\r\n{"a":1}\r\n0\r\n\r\n', '{"a":1}'],
        [request(LOGIN, 'Expect: 100-continue', JSON_TYPE, 'Content-Length: 2') + '{}', '{}'],
        [request(LOGIN, 'Content-Length: 0'), ''],
        [request('GET /kratos/sessions/whoami HTTP/1.1', JSON_TYPE, 'Content-Length: 5') + 'GET /', ''],
      ]
      for (const [sent, body] of bodies) {
        await speak(app, sent)
        const seen = kratos.requests.at(-1)
        t.equal(seen?.body, body)
        t.notMatch(seen?.head, /transfer-encoding|expect:/i)
        t.same(seen?.header('content-length'), seen?.method === 'GET' ? [] : [String(body.length)])
      }
      const chunk = 'x'.repeat(70 * 1024)
      const tooLarge = await speak(
        app,
        `${request(LOGIN, JSON_TYPE, 'Transfer-Encoding: chunked')}${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`,
      )
      refused(t, tooLarge, 413, 'PAYLOAD_TOO_LARGE', '70 KiB in a chunk')
      t.equal(kratos.requests.length, bodies.length)
    })

    await t.test('one credential, and nothing that a client says about itself or its way (B12, B19, B22, D01)', async (t) => {
      const { app, kratos } = await listening(t, NO_SESSION)
      const forged = [
        'Connection: keep-alive, X-Session-Token',
        'X-Forwarded-For: 1.2.3.4',
        'X-Forwarded-Host: evil.example',
        'Forwarded: for=1.2.3.4',
        'True-Client-IP: 6.6.6.6',
        'CF-Connecting-IP: 6.6.6.6',
        'X-HTTP-Method-Override: DELETE',
        `Authorization: Bearer ${TOKEN}`,
        `X-Session-Token: ${TOKEN}`,
        'Cookie: sid=product; ory_kratos_session=MTc5abc; sid2="a',
        'X-Kratos-Authenticated-Identity-Id: x',
        'Origin: http://localhost:3000',
      ]
      await speak(app, request(LOGIN, ...forged, JSON_TYPE, 'Content-Length: 2') + '{}')
      const seen = kratos.requests.at(-1)
      t.equal(seen?.method, 'POST')
      t.same(seen?.header('cookie'), ['ory_kratos_session=MTc5abc'])
      t.same(seen?.header('true-client-ip'), ['127.0.0.1'])
      t.same(seen?.header('host'), ['localhost:3000'])
      // Our own id of the request may have any two letters before a hyphen, `cf-` too.
      const [, id = ''] = /^x-request-id: ([\da-f-]{36})\r$/m.exec(seen?.head ?? '') ?? []
      t.not(id, '')
      t.notMatch(
        seen?.head.replace(id, ''),
        /x-session-token|authorization|product|forwarded-(?:for|host)|forwarded:|override|cf-|x-kratos|origin|evil/i,
      )
    })

    await t.test('no way of writing a URL leads out of the public areas (D01)', async (t) => {
      const { app, kratos } = await listening(t, NO_SESSION)
      const targets = [
        'http://evil.example/kratos/sessions/whoami',
        'http://evil?/kratos/sessions/whoami',
        '/kratos/sessions/whoami?a=1#/../admin',
        '/kratos/sessions/whoami;/../admin?x',
        '/kratos/sessions/whoami#?/../../admin',
        '//kratos/sessions/whoami',
        '/kratos//sessions/whoami',
        '/kratos/sessions%2f..%2fadmin',
        '/kratos/sessions/%252e%252e/admin',
        '/kratos/sessions/%00',
        '/kratos/sessions/\u00ff',
        '/kratos/sessions/..;/admin',
        '/kratos/SESSIONS/whoami',
        '/kratos/.well-known/../admin',
        '/kratos/sessions/whoami?x=%0d%0aHost:%20evil',
        '/%6bratos/sessions/whoami',
        '*',
      ]
      for (const target of targets) {
        const before = kratos.requests.length
        const { status } = await speak(app, request(`GET ${target} HTTP/1.1`))
        for (const { target: up, head } of kratos.requests.slice(before)) {
          t.match(up, /^\/sessions\/whoami(?:[?#]|$)/, `${target} arrives as ${up}`)
          t.equal(head.match(/\r\nhost: localhost:3000(?=\r\n|$)/g)?.length, 1)
        }
        t.ok([400, 401, 404].includes(status), `${target}: ${status}`)
      }
    })

    await t.test('a client that leaves, at whatever moment, gives its socket to Kratos back (J24, N02)', async (t) => {
      const { app, kratos } = await listening(t, hang)
      const endless: Reaction = (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\nstart')
      }
      for (const reaction of [hang, endless]) {
        kratos.react(reaction)
        const clients = await Promise.all(
          Array.from({ length: 64 }, () => dawdle(t, app, request('GET /kratos/sessions/whoami HTTP/1.1'))),
        )
        for (const client of clients) client.destroy()
        kratos.react(NO_SESSION)
        const others = await Promise.all(
          Array.from(
            { length: 64 },
            () => app.inject({ url: '/api/auth/whoami', headers: { 'x-session-token': TOKEN } }),
          ),
        )
        t.ok(
          others.every(({ statusCode }) => statusCode === 401),
          'all sockets are there again',
        )
      }
    })

    await t.test('an answer that never ends is cut off at the deadline', async (t) => {
      const { app } = await listening(t, (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\nstart')
      }, { WHOAMI_DEADLINE_MS: '300' })
      const { ms, closed } = await speak(app, request('GET /kratos/sessions/whoami HTTP/1.1'))
      t.ok(closed)
      t.ok(ms >= 250, `not before: ${ms} ms`)
    })
  })

  t.test('bodies that no form sends', async (t) => {
    await t.test('a list where a string belongs is 400 at every member, and Kratos is not called (A04)', async (t) => {
      const { app, kratos } = await listening(t, NO_SESSION)
      for (const flow of ['login', 'registration', 'recovery', 'verification', 'settings']) {
        for (
          const name of [
            'flow_id',
            'method',
            'csrf_token',
            'traits',
            'transient_payload',
            'password',
            'code',
            'totp_code',
            'lookup_secret',
            'provider',
            'link',
            'token',
            'webauthn_login',
            'resend',
            'address',
            'x',
          ]
        ) {
          const payload = { flow_id: ID, method: 'password', [name]: ['a'] }
          t.equal(
            (await app.inject({ method: 'POST', url: `/api/auth/flows/${flow}`, payload })).statusCode,
            400,
            `${name} of ${flow}`,
          )
        }
      }
      t.same(kratos.requests, [])
    })

    await t.test('thousands of wrong members get a short answer', async (t) => {
      const { app } = await listening(t, NO_SESSION)
      const payload = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`k${n}`, []]))
      const refusal = await app.inject({ method: 'POST', url: '/api/auth/flows/login', payload })
      t.equal(refusal.statusCode, 400)
      t.ok(refusal.json().fields.length <= 20)
      t.ok(refusal.body.length < 5000)
    })
  })

  t.test('an account that is deleted stays so, whatever the app does about it', async (t) => {
    const kratos = await startFaultServer(
      t,
      (socket, received) => (received.method === 'DELETE' ? NO_CONTENT : answer(200, SESSION))(socket, received),
    )
    const noAnswer = (): unknown => undefined
    const broken = [
      () => {
        throw new Error('x')
      },
      noAnswer,
      async () => {
        throw new Error('y')
      },
      () => {
      // eslint-disable-next-line no-throw-literal
        throw null
      },
    ]
    for (const onAccountDeleted of broken) {
      const app = Fastify()
      await app.register(fastifyKratos, {
        ...PATIENT,
        publicUrl: kratos.url,
        adminUrl: `${kratos.url}/admin-port`,
        onAccountDeleted: onAccountDeleted as () => Promise<void>,
      })
      const deleted = await app.inject({
        method: 'DELETE',
        url: '/api/auth/account',
        headers: { 'x-session-token': TOKEN },
      })
      const expected = onAccountDeleted === noAnswer ? 200 : 503
      t.equal(deleted.statusCode, expected)
      if (expected === 503) t.match([deleted.json(), deleted.headers], [{ deletion: 'pending' }, { 'retry-after': '1' }])
      await app.close()
    }
  })

  t.test('nothing was left to the process to catch', async (t) => t.same(uncaught, []))
}
