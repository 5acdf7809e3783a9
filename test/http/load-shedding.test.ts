import { EventEmitter, once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { type Dispatcher, Pool } from 'undici'
import { pressureOf, SHED_AT, shedClassOf } from '../../src/service/pressure.js'
import type { ShedClass } from '../../src/shed-class.js'
import { build, construct, FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import { answer, type FaultServer, hang, type Reaction, startFaultServer } from '../support/fault-server.js'
import { ID, OVER, SESSION } from '../support/faults.js'
import { plain, refused, SECURITY_HEADERS } from '../support/raw-http.js'
import { until } from '../support/until.js'

const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const LOGIN = '/api/auth/flows/login'
const JSON_TYPE = { 'content-type': 'application/json' }
const SUBMIT = { flow_id: ID, identifier: 'a', password: 'b' }

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
}

async function setUp (
  t: Test,
  reaction: Reaction = answer(401, { error: { code: 401 } }),
  env: Record<string, string> = {},
): Promise<Setup> {
  const kratos = await startFaultServer(t, reaction)
  return {
    ...await build(t, { KRATOS_PUBLIC_URL: kratos.url, MAX_IN_FLIGHT: '', MAX_EVENT_LOOP_DELAY_MS: '', ...env }),
    kratos,
  }
}

interface Seen {
  status: number
  code: string | undefined
}

/** Pretends that the library has sampled this; its own samples are of this machine's luck. */
function sampled (app: FastifyInstance, sample: { eventLoopDelay?: number, heapUsed?: number }): void {
  app.memoryUsage = () => ({ eventLoopDelay: 0, heapUsed: 0, rssBytes: 0, eventLoopUtilized: 0, ...sample })
}

/** Puts so many requests to work that there is something to shed; they wait for a Kratos that says nothing. */
async function occupy ({ app, kratos }: Setup, count: number): Promise<{ release: () => Promise<unknown> }> {
  sampled(app, {})
  const before = kratos.requests.length
  const waiting = Array.from(
    { length: count },
    (_, number) => app.inject({ url: '/api/auth/whoami', headers: { 'x-session-token': `${OCCUPIED}${number}` } }),
  )
  await until(() => kratos.requests.length >= before + count)
  return { release: () => Promise.all(waiting) }
}

const OCCUPIED = 'ory_st_occupied'
const hangWhenOccupied: Reaction = (socket, received) => {
  if (!received.head.includes(OCCUPIED)) answer(401, { error: { code: 401 } })(socket, received)
}

export default async function (t: Test): Promise<void> {
  t.test('the pressure', async (t) => {
    const limits = { eventLoopDelayMs: 1000, inFlight: 100, heapBytes: 1000 }
    const idle = { eventLoopDelayMs: 0, inFlight: 20, heapUsedBytes: 0 }
    const cases: Array<[name: string, reading: Partial<typeof idle>, expected: number]> = [
      ['requests at work', { inFlight: 50 }, 0.5],
      ['lateness', { eventLoopDelayMs: 800 }, 0.8],
      ['the worse of the two (M06)', { eventLoopDelayMs: 650, inFlight: 90 }, 0.9],
      ['more than all', { eventLoopDelayMs: 3000 }, 3],
      ['a heap that is nearly full', { heapUsedBytes: 950 }, 1],
      ['a heap with room', { heapUsedBytes: 940 }, 0.2],
      ['few requests are no overload, however late', { inFlight: 15, eventLoopDelayMs: 60_000, heapUsedBytes: 1000 }, 0],
      ['no sample', { eventLoopDelayMs: Infinity }, 0.2],
      ['no sample', { eventLoopDelayMs: NaN }, 0.2],
    ]
    for (const [name, reading, expected] of cases) t.equal(pressureOf({ ...idle, ...reading }, limits), expected, name)
  })

  t.test('the class of a route (M05)', async (t) => {
    const classes: Record<ShedClass, string[]> = {
      start: [
        'GET /api/auth/flows/login',
        'HEAD /api/auth/flows/registration',
        'GET /api/auth/flows/recovery',
        'GET /api/auth/flows/settings',
      ],
      list: ['GET /api/documents', 'GET /api/documents/', 'HEAD /api/documents'],
      read: [
        'GET /api/auth/whoami',
        'GET /api/documents/:id',
        'POST /api/documents',
        'GET /api/auth/sessions',
        'DELETE /api/auth/account',
        'GET /api/auth/flows/login/:id',
        'GET /kratos/*',
        'GET /nowhere',
        'GET /healthy',
        'GET /api/internal/x',
      ],
      submit: ['POST /api/auth/flows/login', 'POST /api/auth/flows/registration', 'POST /api/auth/flows/verification'],
      never: [
        'GET /health/alive',
        'GET /health/ready',
        'HEAD /health/ready',
        'GET /metrics',
        'POST /internal/auth/user-created',
        'POST /internal/auth/purge',
        'GET /api/auth/logout',
        'POST /api/auth/logout/',
        'GET /api/auth/flows/logout',
      ],
    }
    for (const [shedClass, routes] of Object.entries(classes)) {
      for (const route of routes) t.equal(shedClassOf(...route.split(' ') as [string, string]), shedClass, route)
    }
    t.same(Object.entries(SHED_AT).sort(([, a], [, b]) => a - b).map(([name]) => name), [
      'start',
      'list',
      'read',
      'submit',
      'never',
    ], 'in this order they go')
  })

  t.test('the service under pressure', async (t) => {
    const requests: Record<ShedClass, InjectOptions[]> = {
      start: [{ url: LOGIN }, { url: '/api/auth/flows/registration?type=browser' }, { method: 'HEAD', url: LOGIN }],
      list: [{ url: '/api/documents' }, { url: '/api/doc%75ments?limit=1' }],
      read: [{ url: '/api/auth/whoami', headers: { 'x-session-token': TOKEN } }, { url: `/api/documents/${ID}` }, {
        method: 'POST',
        url: '/api/documents',
        payload: { title: 't', content: 'c' },
      }, { url: '/nope' }],
      submit: [{ method: 'POST', url: LOGIN, payload: SUBMIT }, {
        method: 'POST',
        url: '/api/auth/flows/recovery',
        payload: SUBMIT,
      }],
      never: [
        { url: '/health/alive' },
        { url: '/health/ready' },
        { url: '/api/auth/flows/logout', headers: { 'x-session-token': TOKEN } },
        { method: 'POST', url: '/api/auth/logout', payload: {}, headers: { 'x-session-token': TOKEN } },
        {
          method: 'POST',
          url: '/internal/auth/user-created',
          payload: { identity: SESSION.identity },
          headers: { 'x-webhook-key': WEBHOOK_KEY },
        },
      ],
    }

    t.test('gives up one class after the other, in the envelope, and asks Kratos nothing (M05)', async (t) => {
      const service = await setUp(t, hangWhenOccupied, { WHOAMI_DEADLINE_MS: '60000' })
      const { app, kratos } = service
      const { release } = await occupy(service, 16)
      const levels: Array<[delayMs: number, gone: ShedClass[]]> = [
        [490, []],
        [500, ['start']],
        [700, ['start', 'list']],
        [900, ['start', 'list', 'read']],
        [1000, ['start', 'list', 'read', 'submit']],
        [600_000, ['start', 'list', 'read', 'submit']],
      ]
      for (const [eventLoopDelay, gone] of levels) {
        sampled(app, { eventLoopDelay })
        for (const [shedClass, list] of Object.entries(requests) as Array<[ShedClass, InjectOptions[]]>) {
          for (const request of list) {
            const before = kratos.requests.length
            const response = await app.inject({
              ...request,
              headers: { ...request.headers, ...(shedClass !== 'never' && { origin: FRONTEND }) },
            })
            const name = `${request.method ?? 'GET'} ${String(request.url)} at ${eventLoopDelay} ms`
            if (!gone.includes(shedClass)) {
              t.notMatch(response.body, 'OVERLOADED', `${name} is served`)
              continue
            }
            if (request.method !== 'HEAD') refused(t, plain(response), 503, 'OVERLOADED', name)
            t.match(response.headers, {
              ...SECURITY_HEADERS,
              'retry-after': '1',
              'access-control-allow-origin': FRONTEND,
            }, `${name}: when to come back, for scripts to read`)
            t.equal(kratos.requests.length, before)
          }
        }
      }
      const preflight = await app.inject({
        method: 'OPTIONS',
        url: LOGIN,
        headers: { origin: FRONTEND, 'access-control-request-method': 'POST' },
      })
      t.equal(preflight.statusCode, 204, 'a preflight is answered, or no script could read a refusal')
      sampled(app, { heapUsed: Number.MAX_SAFE_INTEGER })
      refused(
        t,
        plain(await app.inject({ method: 'POST', url: LOGIN, payload: SUBMIT })),
        503,
        'OVERLOADED',
        'a full heap',
      )
      await kratos.stop()
      await release()
      sampled(app, { eventLoopDelay: 600_000 })
      t.notMatch((await app.inject(LOGIN)).body, 'OVERLOADED', 'a late machine without work refuses nobody')
    })

    t.test('counts nobody who has left before there was anything to do', async (t) => {
      const kratos = await startFaultServer(t, answer(200, {}))
      const { app } = await construct(t, { KRATOS_PUBLIC_URL: kratos.url, MAX_IN_FLIGHT: '20' })
      sampled(app, {})
      const [arrived, left, handled] = [new Set<Socket>(), new EventEmitter().setMaxListeners(0), new Set<string>()]
      app.get('/slow', {
        onRequest: async ({ raw }) => {
          arrived.add(raw.socket)
          await once(left, 'all')
        },
      }, ({ id }, reply) => {
        handled.add(id)
        reply.hijack()
      })
      await app.listen({ port: 0, host: '127.0.0.1' })
      const { port } = app.server.address() as AddressInfo
      const clients = Array.from({ length: 40 }, () =>
        connect(port, '127.0.0.1').on('error', () => {}).end(
          'GET /slow HTTP/1.1\r\nHost: localhost:3000\r\nContent-Type: application/json\r\n' +
            'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
        ),
      )
      await until(() => arrived.size >= clients.length)
      for (const client of clients) client.destroy()
      await until(() => [...arrived].every(({ destroyed }) => destroyed))
      left.emit('all')
      await until(() => handled.size >= clients.length)
      t.notMatch((await app.inject(LOGIN)).body, 'OVERLOADED')
    })

    t.test('counts nobody any more who has left before the answer', async (t) => {
      const kratos = await startFaultServer(t, answer(200, {}))
      const { app } = await construct(t, { KRATOS_PUBLIC_URL: kratos.url, MAX_IN_FLIGHT: '20' })
      sampled(app, {})
      const atWork = new Set<Socket>()
      app.get('/slow', ({ raw }) => {
        atWork.add(raw.socket)
        return new Promise(() => {})
      })
      await app.listen({ port: 0, host: '127.0.0.1' })
      const { port } = app.server.address() as AddressInfo
      const clients = Array.from({ length: 16 }, () => {
        const client = connect(port, '127.0.0.1').on('error', () => {})
        client.write('GET /slow HTTP/1.1\r\nHost: localhost:3000\r\n\r\n')
        return client
      })
      await until(() => atWork.size >= clients.length)
      t.match((await app.inject(LOGIN)).body, 'OVERLOADED', 'they count while they wait')
      for (const client of clients) client.destroy()
      await until(() => [...atWork].every(({ destroyed }) => destroyed))
      t.notMatch((await app.inject(LOGIN)).body, 'OVERLOADED')
    })

    t.test('counts a request once, from its body to its answer', async (t) => {
      const { app } = await setUp(t, undefined, { MAX_IN_FLIGHT: '40' })
      sampled(app, {})
      await app.listen({ port: 0, host: '127.0.0.1' })
      for (let turn = 0; turn < 3; turn++) {
        const bad: InjectOptions[] = [
          ...Object.values(requests).flat(),
          { method: 'POST', url: LOGIN, payload: '{', headers: { 'content-type': 'application/json' } },
          { method: 'POST', url: LOGIN, payload: 'x'.repeat(70_000) },
          { url: '/api/auth/%zz' },
          { method: 'DELETE', url: LOGIN },
        ]
        for (const request of bad) t.notMatch((await app.inject(request)).body, 'OVERLOADED')
      }
      // Slow uploads wait for their clients: they take no place from anybody.
      const pool = new Pool(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, { connections: 50 })
      const slow = Array.from({ length: 50 }, async () => {
        const controller = new AbortController()
        const body = async function * () {
          yield '{'
          await once(controller.signal, 'abort')
        }
        const done: Promise<unknown> = pool.request({
          method: 'POST',
          path: LOGIN,
          headers: { 'content-type': 'application/json' },
          body: Readable.from(body()),
          signal: controller.signal,
        }).catch(() => {})
        return { controller, done }
      })
      const open = await Promise.all(slow)
      const connections = () =>
        new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))
      await until(async () => await connections() >= 50)
      t.notMatch((await app.inject(LOGIN)).body, 'OVERLOADED', 'with fifty of them')
      for (const { controller } of open) controller.abort()
      await Promise.all(open.map(({ done }) => done))
      await pool.destroy()
      t.notMatch((await app.inject(LOGIN)).body, 'OVERLOADED', 'nor when they have gone')
    })
  })

  t.test('many times more clients than can be served, and a hung Kratos (M02, M04, M06)', async (t) => {
    const [MAX_IN_FLIGHT, CLIENTS, TURNS] = [40, 150, 8]
    const rush = async (env: Record<string, string>) => {
      const { app, kratos } = await setUp(t, hang, { MAX_IN_FLIGHT: String(MAX_IN_FLIGHT), LOG_LEVEL: 'error', ...env })
      sampled(app, {})
      await app.listen({ port: 0, host: '127.0.0.1' })
      const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
      kratos.react((socket, received) => {
        // Logout works on.
        if (received.target === '/self-service/logout/browser') OVER(socket, received)
        else if (received.target.startsWith('/self-service/logout')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
        else if (received.head.includes('LOGGEDOUT')) answer(401, { error: { code: 401 } })(socket, received)
      })
      const pool = new Pool(origin, { connections: CLIENTS + MAX_IN_FLIGHT, pipelining: 1 })
      t.teardown(() => pool.destroy())
      const ask = async (path: string, options: Partial<Dispatcher.RequestOptions> = {}): Promise<Seen> => {
        const { statusCode: status, body } = await pool.request({ method: 'GET', path, ...options })
        const { code } = await body.json() as { code?: string }
        return { status, code }
      }
      let sessions = 0
      // A session each: those that ask for the same one share a call.
      const withSession = (path: string): Promise<Seen> =>
        ask(path, { headers: { 'x-session-token': `${TOKEN}x${sessions++}` } })
      const work = [
        () => ask(LOGIN),
        () => withSession('/api/documents'),
        () => withSession('/api/auth/whoami'),
        () => ask(LOGIN, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(SUBMIT) }),
      ]
      const all: Array<Promise<Seen>> = []
      const answered: Seen[] = []
      const sendAll = (turn: number): void => {
        for (let client = 0; client < CLIENTS; client++) {
          const asked = work[(client + turn) % work.length]?.() ?? Promise.reject(new Error('no work'))
          all.push(asked)
          asked.then((seen) => answered.push(seen), () => {})
        }
      }
      const atKratos = (): number =>
        Object.values(app.kratos.load()).reduce((sum, { inside, waiting }) => sum + inside + waiting, 0)
      return { kratos, ask, sendAll, all, answered, atKratos }
    }
    const isRefused = ({ status, code }: Seen): boolean => status === 503 && code === 'OVERLOADED'

    await t.test('those over the limit are refused at once, while the others wait', async (t) => {
      const { kratos, ask, sendAll, all, answered, atKratos } = await rush({})
      for (let turn = 0; turn < TURNS; turn++) {
        sendAll(turn)
        await until(() => answered.length + atKratos() === all.length)
        const inside = atKratos()
        t.ok(inside <= MAX_IN_FLIGHT && inside > MAX_IN_FLIGHT / 2, `${inside} are at work`)
        t.ok(answered.every(isRefused), `all others, ${answered.length}, were refused`)
        t.same(await ask('/health/alive'), { status: 200, code: undefined })
        const headers = { ...JSON_TYPE, 'x-session-token': 'ory_st_LOGGEDOUT' }
        t.same(await ask('/api/auth/logout', { method: 'POST', headers, body: '{}' }), { status: 200, code: undefined })
        t.equal(atKratos(), inside, 'health and logout were answered while others hang')
      }
      await kratos.stop()
      const seen = await Promise.all(all)
      t.equal(seen.filter(({ code }) => code === 'UPSTREAM_ERROR' || code === 'UPSTREAM_UNAVAILABLE').length + answered.filter(isRefused).length, CLIENTS * TURNS, 'everybody had an answer')
      await kratos.start()
      kratos.react(answer(200, SESSION))
      for (const turn of [1, 2, 3]) {
        const { status } = await ask('/api/auth/whoami', { headers: { 'x-session-token': TOKEN } })
        t.equal(status, 200, `and then all is well, ${turn}`)
      }
      t.not((await ask(LOGIN)).code, 'OVERLOADED', 'nothing is still counted')
    })

    await t.test('clients who leave as soon as they have sent a body use nothing up', async (t) => {
      const { app } = await setUp(t, undefined, { MAX_IN_FLIGHT: '20' })
      await app.listen({ port: 0, host: '127.0.0.1' })
      const head = ['POST /api/auth/logout HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Content-Length: 2']
      const logout = `${head.join('\r\n')}\r\n\r\n{}`
      for (const bytes of [logout, logout.repeat(3)]) {
        for (let visit = 0; visit < 60; visit++) {
          const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').resume()
          socket.on('error', () => {}).write(bytes)
          socket.end()
          await once(socket, 'close')
        }
        const { statusCode } = await app.inject({ url: '/api/auth/whoami' })
        t.equal(statusCode, 401, `${bytes.length / logout.length} in a packet`)
      }
    })

    await t.test('the others are told that Kratos is late', async (t) => {
      const deadline = '500'
      const { ask, sendAll, all } = await rush({
        KRATOS_DEADLINE_MS: deadline,
        WHOAMI_DEADLINE_MS: deadline,
        SUBMIT_DEADLINE_MS: deadline,
      })
      for (const turn of [0, 1]) {
        sendAll(turn)
        await Promise.all(all)
      }
      const served = (await Promise.all(all)).filter((seen) => !isRefused(seen))
      t.ok(served.length > 0)
      t.same(served.filter(({ status, code }) => status !== 504 || code !== 'UPSTREAM_TIMEOUT'), [])
      t.not((await ask(LOGIN)).code, 'OVERLOADED', 'and nothing is still counted')
    })
  })
}
