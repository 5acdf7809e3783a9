import Fastify, { type FastifyInstance } from 'fastify'
import { Agent, request as requestHttp, type Server } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { sessionWatch } from '../../src/http/own-names.js'
import fastifyKratos, { type FastifyKratosOptions } from '../../src/plugin.js'
import type { Bus } from '../../src/sessions/bus.js'
import { construct, FRONTEND, PATIENT } from '../support/app.js'
import { PASSWORD, startKratos } from '../support/kratos.js'
import { addLive, ENDED } from '../support/live-routes.js'
import { until } from '../support/until.js'
import { openWebSocket } from '../support/websocket.js'

type Headers = Record<string, string>

const watched = (app: FastifyInstance): number => app[sessionWatch].size()

/** Messages to all who have subscribed, as a bus of several processes would carry them. */
function createWire (): () => Bus & { close: () => void } {
  const listeners: Array<(message: string) => void> = []
  return () => ({
    publish: async (message) => { for (const listener of listeners) listener(message) },
    subscribe: ({ onMessage }) => { listeners.push(onMessage) },
    alive: () => true,
    close: () => {},
  })
}

export default async function (t: Test): Promise<void> {
  const kratos = await startKratos(t)

  async function host (t: Test, options: Partial<FastifyKratosOptions> = {}, afterGuard?: () => Promise<void>) {
    const app = Fastify()
    t.teardown(() => app.close())
    const { publicUrl, adminUrl } = kratos
    await app.register(fastifyKratos, { ...PATIENT, publicUrl, adminUrl, origins: [FRONTEND], ...options })
    await addLive(app, afterGuard)
    return { app, url: await app.listen({ port: 0, host: '127.0.0.1' }) }
  }
  const person = async () => kratos.createIdentity({ email: `ada-${Math.random()}@example.com` }, PASSWORD)
  const signIn = (identity: { id: string }, transport: 'token' | 'cookie' = 'token'): Headers =>
    kratos.signIn(identity, { transport }).headers
  const logout = async (app: FastifyInstance, credential: Headers): Promise<void> => {
    const headers = { ...credential, origin: FRONTEND }
    const answer = await app.inject({ method: 'POST', url: '/api/auth/logout', headers, payload: {} })
    if (answer.statusCode !== 200) throw new Error(answer.body)
  }
  async function open (t: Test, url: string, headers: Headers) {
    const client = await openWebSocket(t, `${url}/socket`, headers)
    t.equal(await client.next(), 'hello')
    return client
  }

  t.test('request.onSessionEnd', async (t) => {
    t.test('ends a socket and a stream with the logout, and leaves those of others', async (t) => {
      const { app, url } = await host(t)
      const ada = await person()
      const [headers, other] = [signIn(ada), signIn(ada)]
      const [mine, elsewhere] = [await open(t, url, headers), await open(t, url, other)]
      const stream = await fetch(`${url}/events`, { headers })
      t.equal(watched(app), 3)
      await logout(app, headers)
      t.equal(await mine.next(), ENDED)
      t.equal(await stream.text(), 'data: hello\n\nevent: end\ndata:\n\n')
      t.equal((await app.inject({ url: '/short', headers: other })).statusCode, 200)
      elsewhere.leave()
      t.equal(await elsewhere.next(), 'gone', 'it had not been closed')
      await until(() => watched(app) === 0)
    })

    t.test('ends those of other devices that were revoked, not the one that asked', async (t) => {
      const { app, url } = await host(t)
      const ada = await person()
      const [headers, other] = [signIn(ada), signIn(ada)]
      const [mine, elsewhere] = [await open(t, url, headers), await open(t, url, other)]
      t.equal((await app.inject({ method: 'DELETE', url: '/api/auth/sessions', headers })).statusCode, 200)
      t.equal(await elsewhere.next(), ENDED)
      t.equal((await app.inject({ method: 'DELETE', url: '/api/auth/account', headers })).statusCode, 200)
      t.equal(await mine.next(), ENDED, 'with the account')
    })

    t.test('hears of it over the bus, whatever the cookie of the session', async (t) => {
      const bus = createWire()
      const [here, there] = [await host(t, { bus: bus() }), await host(t, { bus: bus() })]
      const { headers: sealed, id } = kratos.signIn(await person(), { transport: 'cookie' })
      const client = await open(t, there.url, { ...sealed, origin: FRONTEND })
      // Kratos seals a session anew that lasts longer now.
      await fetch(`${kratos.adminUrl}/admin/sessions/${id}/extend`, { method: 'PATCH' })
      const whoami = await fetch(`${kratos.publicUrl}/sessions/whoami`, { headers: sealed })
      const resealed = whoami.headers.getSetCookie().find((line) => line.startsWith('ory_kratos_session='))
      const cookie = resealed?.split(';')[0] ?? ''
      t.not(cookie, sealed['cookie'])
      await logout(here.app, { cookie })
      t.equal(await client.next(), ENDED)
    })

    t.test('asks again where something ended between the guard and it', async (t) => {
      let guarded = (): void => {}
      let goOn = (): void => {}
      const isGuarded = new Promise<void>((resolve) => { guarded = resolve })
      const mayGoOn = new Promise<void>((resolve) => { goOn = resolve })
      let isFirst = true
      const { app, url } = await host(t, {}, async () => {
        if (!isFirst) return
        isFirst = false
        guarded()
        await mayGoOn
      })
      const headers = signIn(await person())
      const opening = open(t, url, headers)
      await isGuarded
      await logout(app, headers)
      goOn()
      t.equal(await (await opening).next(), ENDED)
    })

    t.test('does nothing for a visitor, and refuses where no guard has run', async (t) => {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl })
      app.get('/open', async (request) => typeof request.onSessionEnd(() => {}))
      app.get('/visitors', { onRequest: app.authenticateOptional }, async (request) => typeof request.onSessionEnd(() => {}))
      t.equal((await app.inject('/visitors')).body, 'function')
      t.equal(watched(app), 0)
      t.match((await app.inject('/open')).json(), { statusCode: 500, message: /onSessionEnd at GET \/open: no guard/ })
    })

    t.test('logs what a handler throws, and calls the others', async (t) => {
      const lines: string[] = []
      const app = Fastify({ logger: { level: 'error', stream: { write: (line: string) => lines.push(line) } } })
      t.teardown(() => app.close())
      await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl, origins: [FRONTEND] })
      const reached = new Promise<void>((resolve) => {
        app.get('/wait', { config: { auth: true } }, async (request) => {
          request.onSessionEnd(() => { throw new Error('the handler') })
          request.onSessionEnd(async () => { throw new Error('later') })
          await new Promise<void>((resolve) => request.onSessionEnd(resolve))
          resolve()
          return 'ended'
        })
      })
      const headers = signIn(await person())
      const answer = app.inject({ url: '/wait', headers })
      await until(() => watched(app) === 3)
      await logout(app, headers)
      await reached
      t.equal((await answer).body, 'ended')
      t.strictSame(lines.map((line) => JSON.parse(line).err.message), ['the handler', 'later'])
    })
  })

  t.test('nothing is left of connections that have ended', async (t) => {
    t.test('a hundred sockets, and a hundred answers over one connection', async (t) => {
      const { app, url } = await host(t)
      const headers = signIn(await person())
      for (let round = 0; round < 4; round++) {
        const clients = await Promise.all(Array.from({ length: 25 }, () => open(t, url, headers)))
        t.equal(watched(app), 25)
        for (const client of clients) client.leave()
        await until(() => watched(app) === 0)
      }
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      t.teardown(() => agent.destroy())
      const sockets = new Set<NodeJS.EventEmitter>()
      ;(app.server as Server).on('connection', (socket) => sockets.add(socket))
      const listeners = (): number => [...sockets].flatMap((socket) =>
        socket.eventNames().map((name) => socket.listenerCount(name))).reduce((sum, count) => sum + count, 0)
      const counts: number[] = []
      for (let round = 0; round < 100; round++) {
        await new Promise<void>((resolve, reject) => {
          requestHttp(`${url}/short`, { agent, headers }, (answer) => answer.resume().on('end', resolve))
            .on('error', reject).end()
        })
        counts.push(listeners())
      }
      t.equal(sockets.size, 1)
      t.equal(counts.at(-1), counts[1], 'no listener more')
      await until(() => watched(app) === 0)
    })

    t.test('an aborted stream, http2 and inject', async (t) => {
      const { app, url } = await host(t)
      const headers = signIn(await person())
      const abort = new AbortController()
      const stream = await fetch(`${url}/events`, { headers, signal: abort.signal })
      t.equal(watched(app), 1)
      abort.abort()
      await t.rejects(stream.text())
      t.equal((await app.inject({ url: '/short', headers })).body, 'done')
      await until(() => watched(app) === 0)

      const modern = Fastify({ http2: true })
      t.teardown(() => modern.close())
      await modern.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl })
      modern.get('/short', { config: { auth: true } }, async (request) => {
        request.onSessionEnd(() => {})
        return 'done'
      })
      await modern.listen({ port: 0, host: '127.0.0.1' })
      const session = connectHttp2(`http://127.0.0.1:${(modern.server.address() as AddressInfo).port}`)
      t.teardown(() => session.destroy())
      t.equal(await text(session.request({ ':path': '/short', ...headers })), 'done')
      await until(() => watched(modern as unknown as FastifyInstance) === 0)
    })
  })

  t.test('the service ends them too', async (t) => {
    const { app } = await construct(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl })
    await addLive(app)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const headers = signIn(await person())
    const client = await open(t, url, headers)
    await logout(app, headers)
    t.equal(await client.next(), ENDED)
  })
}
