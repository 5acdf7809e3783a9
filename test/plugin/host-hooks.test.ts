import Fastify, { type FastifyInstance, type FastifyReply, type FastifyServerOptions } from 'fastify'
import client, { Registry } from 'prom-client'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { PATIENT, REFUSING_URL } from '../support/app.js'
import { startFaultServer } from '../support/fault-server.js'
import { startKratos } from '../support/kratos.js'

/** An error as http-errors and many packages make them. */
const httpError = (statusCode: number, more: object = {}): Error =>
  Object.assign(new Error('words of the host'), { statusCode, ...more })

interface Stopping {
  hook: 'onRequest' | 'preHandler'
  stop: (reply: FastifyReply) => unknown
  /** What an auth route says then, besides the status that a route of the app has. */
  body?: object
  header?: [name: string, value: string]
}

/** How a hook of the app keeps requests from their handlers. */
const STOPPING: Record<string, Stopping> = {
  'an object': { hook: 'onRequest', stop: (reply) => reply.code(503).send({ message: 'back soon' }), body: { message: 'back soon' } },
  'an object, late': { hook: 'preHandler', stop: (reply) => reply.code(401).send({ who: 1 }), body: { who: 1 } },
  'an object of success': { hook: 'onRequest', stop: (reply) => reply.send({ kept: true }), body: { kept: true } },
  'a 401 with its own challenge': {
    hook: 'onRequest',
    stop: (reply) => {
      reply.header('www-authenticate', 'Basic realm="staging"')
      throw httpError(401, { code: 'FST_BASIC_AUTH_MISSING_OR_BAD_AUTHORIZATION_HEADER' })
    },
    body: { success: false, code: 'FORBIDDEN' },
    header: ['www-authenticate', 'Basic realm="staging"'],
  },
  'a 402 that may be told': {
    hook: 'preHandler',
    stop: () => { throw httpError(402, { expose: true, headers: { link: '</pay>' } }) },
    body: { success: false, code: 'FORBIDDEN', error: 'words of the host' },
    header: ['link', '</pay>'],
  },
  'a 404': { hook: 'onRequest', stop: () => { throw httpError(404) }, body: { code: 'NOT_FOUND', error: 'Not found' } },
  'a 503 of a busy app': {
    hook: 'onRequest',
    stop: () => { throw httpError(503, { code: 'FST_UNDER_PRESSURE' }) },
    body: { code: 'OVERLOADED' },
    header: ['retry-after', '1'],
  },
  'a 507': { hook: 'onRequest', stop: () => { throw httpError(507) }, body: { code: 'INTERNAL_ERROR' } },
  'no status': { hook: 'onRequest', stop: () => { throw new Error('a fault') }, body: { code: 'INTERNAL_ERROR' } },
  'an object that is thrown': { hook: 'onRequest', stop: () => { throw Object(httpError(418, { name: 'teapot' })) }, body: { code: 'FORBIDDEN' } },
}
const ROUTES = ['/api/auth/whoami', '/api/auth/sessions', '/api/auth/flows/login', '/kratos/self-service/recovery']

async function host (
  t: Test,
  options: { publicUrl?: string, server?: FastifyServerOptions, before?: (app: FastifyInstance) => void } = {},
): Promise<FastifyInstance> {
  const { publicUrl = REFUSING_URL, server = {}, before } = options
  const app = Fastify(server)
  t.teardown(() => app.close())
  before?.(app)
  await app.register(fastifyKratos, { ...PATIENT, publicUrl })
  app.get('/products', async () => 'bread')
  return app
}

export default async function (t: Test): Promise<void> {
  for (const [name, { hook, stop, body = {}, header }] of Object.entries(STOPPING)) {
    t.test(`a hook of the app that ends requests with ${name}: has the same word at auth routes`, async (t) => {
      const app = await host(t, {
        before: (app) => app.addHook(hook as 'onRequest', async (request, reply) =>
          hook === 'onRequest' || request.url === '/products' || request.url === ROUTES[2] ? stop(reply) : undefined),
      })
      const { statusCode } = await app.inject('/products')
      for (const url of hook === 'onRequest' ? ROUTES : ROUTES.slice(2, 3)) {
        const answer = await app.inject(url)
        t.equal(answer.statusCode, statusCode, url)
        t.match(answer.json(), body, url)
        if (header !== undefined) t.equal(answer.headers[header[0]], header[1], url)
      }
    })
  }

  t.test('a hook onRoute that describes failures by a schema of the app', async (t) => {
    const app = await host(t, {
      before: (app) => {
        app.addSchema({ $id: 'Problem', type: 'object', properties: { message: { type: 'string' } } })
        app.addHook('onRoute', (route) => {
          const response = { ...route.schema?.response as object, 401: { $ref: 'Problem#' }, '5xx': { $ref: 'Problem#' } }
          route.schema = { ...route.schema, response }
        })
      },
    })
    t.match((await app.inject('/api/auth/whoami')).json(), { success: false, code: 'INVALID_SESSION' })
    t.match((await app.inject('/api/auth/flows/login')).json(), { success: false, code: 'UPSTREAM_UNAVAILABLE' })
  })

  t.test('a hook onRoute that wants headers by a schema of the app, which ours cannot know, stops the start', async (t) => {
    const app = await host(t, {
      before: (app) => {
        app.addSchema({ $id: 'Tenant', type: 'object', properties: { 'x-tenant': { type: 'string' } } })
        app.addHook('onRoute', (route) => { route.schema = { ...route.schema, headers: { $ref: 'Tenant#' } } })
      },
    })
    await t.rejects(async () => { await app.ready() }, { message: /can't resolve reference Tenant#/ })
  })

  t.test('a handler timeout of the app is told as what it is', async (t) => {
    const hung = await startFaultServer(t, () => {})
    const app = await host(t, { publicUrl: hung.url, server: { handlerTimeout: 100 } })
    const answer = await app.inject('/api/auth/flows/login')
    t.match({ status: answer.statusCode, ...answer.json() }, { status: 504, code: 'UPSTREAM_TIMEOUT' })
  })

  t.test('metrics of an app are gone with it, so that the next one of the process can have its own', async (t) => {
    const registry = new Registry()
    for (const time of ['first', 'second']) {
      const app = Fastify()
      await app.register(fastifyKratos, { publicUrl: REFUSING_URL, metrics: { client, registry } })
      t.match(await registry.metrics(), 'kratos_calls_waiting{pool="whoami"} 0', time)
      await app.close()
      t.equal(await registry.metrics(), '\n', time)
    }
  })

  t.test('two of them in one app, each with a Kratos of its own', async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const [shop, staff] = [await startKratos(t), await startKratos(t)]
    for (const [prefix, { publicUrl }] of [['/shop', shop], ['/staff', staff]] as const) {
      app.register(async (scope) => {
        await scope.register(fastifyKratos, { ...PATIENT, publicUrl })
        scope.get('/me', { config: { auth: true } }, async ({ identityId }) => identityId)
      }, { prefix })
    }
    const { headers } = shop.signIn(await shop.createIdentity({ email: 'ada@example.com' }))
    const urls = ['/shop/me', '/shop/api/auth/whoami', '/staff/me', '/staff/api/auth/whoami']
    const statuses = await Promise.all(urls.map(async (url) => (await app.inject({ url, headers })).statusCode))
    t.strictSame(statuses, [200, 200, 401, 401])
  })

  t.test('plugins inside of the plugin have names that no plugin of an app has', async (t) => {
    const app = await host(t)
    const names = ['kratos', 'cookie', 'sessions', 'authenticate', 'webhook', 'throttle', 'challenge']
    t.strictSame(names.filter((name) => app.hasPlugin(name)), [])
    t.ok(app.hasPlugin('fastify-kratos'))
  })
}
