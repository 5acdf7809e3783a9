import Fastify, { type FastifyInstance } from 'fastify'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import client, { Registry } from 'prom-client'
import type { Test } from 'tap'
import { Agent, MockAgent } from 'undici'
import fastifyKratos, { type FastifyKratosOptions, type RateLimitStore } from '../../src/plugin.js'
import { PATIENT, REFUSING_URL, temporaryFolder, WEBHOOK_KEY } from '../support/app.js'
import { startKratos } from '../support/kratos.js'

const OPTIONS: FastifyKratosOptions = { publicUrl: REFUSING_URL }
const handler = async (): Promise<string> => 'mine'
const SUBMIT = {
  method: 'POST' as const,
  url: '/api/auth/flows/login',
  payload: { flow_id: '6c2f5b54-6f6f-4f9b-8a55-5b2f3f0c1a11', identifier: 'a', password: 'b' },
}

function host (t: Test): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  return app
}

const failure = (app: FastifyInstance, options: unknown): Promise<string | undefined> =>
  Promise.resolve(app.register(fastifyKratos, options as FastifyKratosOptions)).then(
    () => undefined,
    (error: Error) => error.message,
  )

export default async function (t: Test): Promise<void> {
  t.test('options that nobody knows are refused with the one that is meant', async (t) => {
    const KEYS = { keys: [WEBHOOK_KEY] }
    for (const [wrong, message] of [
      [{ orgins: [] }, 'orgins is not known: did you mean origins?'],
      [{ deadlines: { whoamiMS: 100 } }, 'deadlines.whoamiMS is not known: did you mean whoamiMs?'],
      [{ routes: { prefx: '/auth' } }, 'routes.prefx is not known: did you mean prefix?'],
      [{ purge: { ...KEYS, paht: '/x' } }, 'purge.paht is not known: did you mean path?'],
      [{ purge: {} }, 'purge.keys is missing'],
      [{ proxy: { path: 'kratos' } }, 'proxy.path is not valid'],
      [{ decorators: { authentcate: 'x' } }, 'decorators.authentcate is not known: did you mean authenticate?'],
      [{ decorators: { authenticate: 'two words' } }, 'decorators.authenticate is not valid'],
      [{ decorators: { kratos: 'sessions' } }, 'decorators uses app.sessions twice'],
      [{ dispatcher: {} }, 'dispatcher is not valid'],
      [{ metrics: { registry: new Registry() } }, 'metrics.client is missing'],
      [{ throttleStore: { create: 5 } }, 'throttleStore.create is not valid'],
      [{ openapi: 'no' }, 'openapi is not valid'],
      [{ returnUrls: ['javascript:alert(1)'] }, 'returnUrls is not valid: it wants where a flow may return to'],
      [{ traits: { email: 'contact.email' } }, 'traits.email is not valid: it wants JSON pointer'],
      [{ traits: { firstname: '/name' } }, 'traits.firstname is not known: did you mean firstName?'],
      [{ traits: { username: '/email' } }, 'traits.username is not valid: it must differ from traits.email, and lie apart'],
    ] as const) t.match(await failure(host(t), { ...OPTIONS, ...wrong }), message, JSON.stringify(wrong))
  })

  t.test('decorators: a name that is taken is told at once, with the option that helps', async (t) => {
    const app = host(t)
    app.decorate('kratos' as never, 1 as never).decorateRequest('auth' as never, null as never)
    t.equal(
      await failure(app, OPTIONS),
      'fastify-kratos: this app has app.kratos already: give ours another name with the option decorators.kratos; ' +
        'this app has request.auth already: give ours another name with the option decorators.auth',
    )
  })

  t.test('decorators: every name can be another, and nothing else is taken', async (t) => {
    const kratos = await startKratos(t)
    const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))
    const app = host(t)
    for (const name of ['kratos', 'sessions', 'authenticate', 'authenticateOptional', 'guardOrigin', 'loginThrottle']) {
      app.decorate(name as never, (async () => {}) as never)
    }
    for (const name of ['auth', 'kratosSession', 'identityId', 'onSessionEnd', 'ownUrl', 'kratosCaller']) {
      app.decorateRequest(name as never, 'of the host' as never)
    }
    for (const name of ['forwardCookies', 'expireSessionCookie']) app.decorateReply(name as never, null as never)
    await app.register(fastifyKratos, {
      ...PATIENT,
      publicUrl: kratos.publicUrl,
      decorators: {
        kratos: 'identityServer',
        sessions: 'kratosSessions',
        authenticate: 'requireSession',
        authenticateOptional: 'allowVisitor',
        auth: 'kratosAuth',
        kratosSession: 'session',
        identityId: 'owner',
        onSessionEnd: 'whenLoggedOut',
      },
    })
    const renamed = app as unknown as Record<string, never>
    app.get('/mine', { onRequest: renamed['requireSession'] as never }, async (request) => {
      const { kratosAuth, owner, session, auth } = request as unknown as Record<string, { kind: string, id: string }>
      const { whenLoggedOut, onSessionEnd } = request as unknown as Record<string, unknown>
      const [ended, theirs] = [typeof whenLoggedOut, onSessionEnd]
      return { kind: kratosAuth?.kind, owner: typeof owner, session: typeof session?.id, ended, auth, theirs }
    })
    t.equal((await app.inject('/mine')).statusCode, 401)
    const theirs = 'of the host'
    const EXPECTED = { kind: 'session', owner: 'string', session: 'string', ended: 'function', auth: theirs, theirs }
    t.strictSame((await app.inject({ url: '/mine', headers })).json(), EXPECTED)
    t.equal((await app.inject({ url: '/api/auth/sessions', headers })).statusCode, 200)
  })

  t.test('dispatcher: makes the calls to Kratos, and is not closed by us', async (t) => {
    const agent = new MockAgent()
    agent.disableNetConnect()
    agent.get('http://kratos.internal').intercept({ path: '/sessions/whoami' }).reply(
      200,
      { id: 's', active: true, expires_at: '2999-01-01T00:00:00Z', identity: { id: SUBMIT.payload.flow_id, traits: {} } },
      { headers: { 'content-type': 'application/json' } },
    )
    const app = Fastify()
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: 'http://kratos.internal', dispatcher: agent })
    app.get('/mine', { config: { auth: true } }, async ({ identityId }) => identityId)
    const headers = { 'x-session-token': `ory_st_${'a'.repeat(32)}` }
    t.equal((await app.inject({ url: '/mine', headers })).body, SUBMIT.payload.flow_id)
    t.equal((await app.inject({ url: '/mine', headers })).statusCode, 502, 'nothing else is answered')
    await app.close()
    agent.assertNoPendingInterceptors()
    await agent.close()
  })

  t.test('dispatcher: a unix socket, a private CA and a client certificate', async (t) => {
    const identity = { id: SUBMIT.payload.flow_id, traits: {} }
    const whoami = JSON.stringify({ id: 's', active: true, expires_at: '2999-01-01T00:00:00Z', identity })
    const answer: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(whoami)
    }
    const pem = (name: string): Promise<string> => readFile(join(import.meta.dirname, '../fixtures/tls', name), 'utf8')
    const [key, cert, ca] = [await pem('server.key'), await pem('good.pem'), await pem('authority.pem')]
    const socketPath = join(await temporaryFolder(t), 'kratos.sock')
    const plain = createServer(answer).listen(socketPath)
    const secure = createTlsServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, answer)
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve))
    t.teardown(() => [plain, secure].forEach((server) => server.close()))
    const { port } = secure.address() as AddressInfo
    for (const [publicUrl, dispatcher, isAnswered] of [
      ['http://kratos.internal', new Agent({ connect: { socketPath } }), true],
      [`https://127.0.0.1:${port}`, new Agent({ connect: { ca, key, cert } }), true],
      [`https://127.0.0.1:${port}`, new Agent({ connect: { ca } }), false],
    ] as const) {
      const app = host(t)
      await app.register(fastifyKratos, { ...PATIENT, publicUrl, dispatcher })
      app.get('/mine', { config: { auth: true } }, async ({ identityId }) => identityId)
      const headers = { 'x-session-token': `ory_st_${'a'.repeat(32)}` }
      t.equal((await app.inject({ url: '/mine', headers })).statusCode === 200, isAnswered)
      await dispatcher.destroy()
    }
  })

  t.test('bus: may be an instance with more than the three functions', async (t) => {
    class OwnBus {
      readonly told: string[] = []
      readonly connection = 'open'
      #isAlive = true
      async publish (message: string): Promise<void> { this.told.push(message) }
      subscribe (): void {}
      alive (): boolean { return this.#isAlive }
    }
    const bus = new OwnBus()
    const app = host(t)
    await app.register(fastifyKratos, { ...OPTIONS, bus })
    app.sessions.invalidate({ identityId: 'somebody' })
    await app.close()
    t.match(bus.told.join(), /"identityId":"somebody"/)
    t.match(await failure(host(t), { ...OPTIONS, bus: { publish: async () => {} } }), 'bus.subscribe is missing')
  })

  t.test('purge and proxy: are where the options say, and absent without them', async (t) => {
    const kratos = await startKratos(t)
    const key = { 'x-webhook-key': WEBHOOK_KEY }
    const payload = { identity_id: SUBMIT.payload.flow_id }
    const app = host(t)
    const purge = { keys: [WEBHOOK_KEY], path: '/hooks/purge' }
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl, purge, proxy: { path: '/ory' } })
    const post = (on: FastifyInstance, url: string, headers = {}) => on.inject({ method: 'POST', url, headers, payload })
    t.strictSame((await post(app, '/hooks/purge', key)).json(), { success: true })
    t.equal((await post(app, '/hooks/purge')).statusCode, 401)
    t.equal((await app.inject('/ory/self-service/login/api')).statusCode, 200)
    t.match((await app.inject('/ory/admin/identities')).json(), { success: false, code: 'NOT_FOUND' })
    const plain = host(t)
    await plain.register(fastifyKratos, OPTIONS)
    t.equal((await post(plain, '/internal/auth/purge', key)).statusCode, 404)
    t.equal((await plain.inject('/kratos/self-service/login/api')).statusCode, 404)
  })

  t.test('metrics: counts into the registry of the app', async (t) => {
    const registry = new Registry()
    const app = host(t)
    await app.register(fastifyKratos, { ...OPTIONS, metrics: { client, registry } })
    await app.inject({ url: '/api/auth/whoami', headers: { 'x-session-token': `ory_st_${'a'.repeat(32)}` } })
    const text = await registry.metrics()
    t.match(text, 'kratos_call_duration_seconds_count{operation="whoami",outcome="UPSTREAM_UNAVAILABLE"} 1')
    t.match(text, 'session_lookups_total{result="miss"} 1')
    t.notMatch(text, 'http_requests_total', 'requests are the business of the app')
  })

  t.test('throttleStore: keeps the login budgets where the app says', async (t) => {
    const keys: string[] = []
    const create = (budget: RateLimitStore['budget']): RateLimitStore => ({
      budget,
      consume: async (key) => {
        keys.push(key)
        return { used: keys.length > 2 ? budget.burst + 1 : 1, waitMs: 1000 }
      },
      giveBack: async () => {},
      clear: async () => {},
    })
    const app = host(t)
    await app.register(fastifyKratos, { ...OPTIONS, throttleStore: { create, key: WEBHOOK_KEY } })
    t.equal((await app.inject(SUBMIT)).statusCode, 503)
    t.equal((await app.inject(SUBMIT)).statusCode, 429)
    t.equal(new Set(keys).size, 2, 'address and identifier')
  })

  t.test('throttleStore: one that could not count second factors stops the start', async (t) => {
    const create = (budget: RateLimitStore['budget']) =>
      ({ budget, consume: async () => ({ used: 1, waitMs: 0 }) }) as unknown as RateLimitStore
    const registered = Promise.resolve(host(t).register(fastifyKratos, { ...OPTIONS, throttleStore: { create } }))
    await t.rejects(registered, { message: 'fastify-kratos: throttleStore.create made a store without giveBack, clear' })
  })

  t.test('bus: one that never answers does not keep the app from closing', async (t) => {
    const app = host(t)
    const bus = { publish: () => new Promise<void>(() => {}), subscribe: () => {}, alive: () => true }
    await app.register(fastifyKratos, { ...OPTIONS, bus })
    await app.ready()
    await app.close()
    t.pass('closed')
  })

  t.test('behind TLS: one warning names the option, and the page of the app may post', async (t) => {
    const lines: Array<Record<string, unknown>> = []
    const stream = { write: (line: string) => lines.push(JSON.parse(line)) }
    const app = Fastify({ logger: { level: 'warn', stream } })
    t.teardown(() => app.close())
    const kratos = await startKratos(t)
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl })
    app.post('/like', { config: { auth: true } }, handler)
    const ada = await kratos.createIdentity({ email: 'ada@example.com' })
    const { headers: cookie } = kratos.signIn(ada, { transport: 'cookie' })
    const page = { host: 'app.example.com', origin: 'https://app.example.com', 'sec-fetch-site': 'same-origin' }
    const post = async (more: Record<string, string> = {}) =>
      (await app.inject({ method: 'POST', url: '/like', headers: { ...cookie, ...page, ...more }, payload: {} })).statusCode
    t.strictSame([await post(), await post()], [200, 200])
    t.equal(lines.filter(({ event }) => event === 'tls_in_front').length, 1)
    t.match(lines[0], { msg: /baseUrl.*trustProxy/, expected: 'https://app.example.com' })
    for (const other of [
      { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' },
      { origin: 'https://app.example.com:8443' }, { origin: 'null' }, { host: 'internal:3000' },
    ]) t.equal(await post(other), 403, JSON.stringify(other))
    const refusal = lines.find(({ event }) => event === 'origin_refused')
    t.match(refusal, { expected: 'http://app.example.com' }, 'the first of a second')
  })
}
