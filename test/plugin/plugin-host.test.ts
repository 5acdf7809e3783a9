import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyError, type FastifyInstance, type InjectOptions } from 'fastify'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { expireSessionCookie } from '../../src/http/own-names.js'
import { FRONTEND, REFUSING_URL, WEBHOOK_KEY } from '../support/app.js'

const FLOW_ID = '6c2f5b54-6f6f-4f9b-8a55-5b2f3f0c1a11'
const JSON_TYPE = { 'content-type': 'application/json' }

interface HostOptions {
  plugin?: 'first' | 'last' | 'none'
}

const addPlugin = async (app: FastifyInstance): Promise<void> => {
  await app.register(fastifyKratos, {
    publicUrl: REFUSING_URL,
    origins: [FRONTEND],
    webhook: { keys: [WEBHOOK_KEY], onIdentity: async () => {} },
  })
}

/** Parsers, compilers, formatters and handlers as no two apps have them: each leaves a mark on what it touched. */
function addManners (app: FastifyInstance): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => ({ parsedByHost: body }),
  )
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => Object.fromEntries(new URLSearchParams(body)),
  )
  app.addContentTypeParser('*', async () => 'anything')
  app.setValidatorCompiler(() => (value) =>
    JSON.stringify(value).includes('wrong') ? { error: new Error('the host says no') } : { value },
  )
  app.setSerializerCompiler(() => (data) => JSON.stringify({ serializedByHost: data }))
  app.setSchemaErrorFormatter(() => new Error('formatted by host'))
  app.setErrorHandler(async (error: FastifyError, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ host: error.message, code: error.code }),
  )
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ host: 'nothing here' }))
}

function addRoutes (app: FastifyInstance): void {
  const schema = { body: { type: 'object' }, response: { 200: { type: 'object', properties: {} } } }
  app.post('/echo', { schema }, async ({ body }) => ({ body }))
  app.get('/cookies', async (request, reply) => reply.setCookie('mine', 'yes').send({ cookies: request.cookies }))
  app.get('/boom', async () => {
    throw new Error('boom')
  })
}

async function buildHost (t: Test, { plugin = 'last' }: HostOptions = {}): Promise<FastifyInstance> {
  const app = Fastify({ exposeHeadRoutes: false })
  t.teardown(() => app.close())
  if (plugin === 'first') await addPlugin(app)
  await app.register(cors, { origin: [FRONTEND], credentials: true })
  await app.register(cookie)
  addManners(app)
  if (plugin === 'last') await addPlugin(app)
  addRoutes(app)
  return app
}

/** An app without any routeRules of its own. */
async function buildPlain (t: Test): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await addPlugin(app)
  return app
}

async function answersOf (app: FastifyInstance, requests: InjectOptions[], { headers: withHeaders = true } = {}) {
  const answers = []
  for (const request of requests) {
    const { statusCode, headers: { date: _, 'x-request-id': __, ...headers }, body } = await app.inject(request)
    answers.push({
      request: `${request.method ?? 'GET'} ${String(request.url)}`,
      statusCode,
      body,
      ...(withHeaders && { headers }),
    })
  }
  return answers
}

const HOST_REQUESTS: InjectOptions[] = [
  { method: 'POST', url: '/echo', headers: JSON_TYPE, payload: '{"a":1}' },
  { method: 'POST', url: '/echo', headers: JSON_TYPE, payload: '{"a":"wrong"}' },
  { method: 'POST', url: '/echo', headers: JSON_TYPE, payload: '{not json' },
  {
    method: 'POST',
    url: '/echo',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'a=1&b=2',
  },
  { method: 'POST', url: '/echo', headers: { 'content-type': 'text/csv' }, payload: 'a;b' },
  { method: 'HEAD', url: '/cookies' },
  { url: '/cookies', headers: { cookie: 'a=b%20c; ory_kratos_session=%zz', origin: FRONTEND } },
  { url: '/boom' },
  { url: '/nowhere' },
  { url: '/%zz' },
  { url: '/api/nowhere', headers: { origin: 'https://elsewhere.example' } },
  { method: 'OPTIONS', url: '/echo', headers: { origin: FRONTEND, 'access-control-request-method': 'POST' } },
]

const OWN_REQUESTS: InjectOptions[] = [
  { url: '/api/auth/whoami' },
  { url: '/api/auth/whoami', headers: { cookie: 'ory_kratos_session=ory_st_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' } },
  { url: '/api/auth/flows/login?type=wrong' },
  { url: '/api/auth/flows/login' },
  { url: '/api/auth/flows/login/wrong' },
  { url: '/api/auth/logout' },
  {
    method: 'POST',
    url: '/api/auth/flows/login',
    headers: JSON_TYPE,
    payload: `{"flow_id":"${FLOW_ID}","identifier":"a","password":"b"}`,
  },
  { method: 'POST', url: '/api/auth/flows/login', headers: JSON_TYPE, payload: '{"flow_id":5,"password":6}' },
  { method: 'POST', url: '/api/auth/flows/login', headers: JSON_TYPE, payload: '{not json' },
  {
    method: 'POST',
    url: '/api/auth/flows/login',
    headers: JSON_TYPE,
    payload: `{"flow_id":"${FLOW_ID}","__proto__":{}}`,
  },
  {
    method: 'POST',
    url: '/api/auth/flows/login',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `flow_id=${FLOW_ID}`,
  },
  {
    method: 'POST',
    url: '/api/auth/flows/login',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: FRONTEND },
    payload: `flow_id=${FLOW_ID}`,
  },
  {
    method: 'POST',
    url: '/internal/auth/user-created',
    headers: { ...JSON_TYPE, 'x-webhook-key': WEBHOOK_KEY },
    payload: `{"identity":{"id":"${FLOW_ID}","traits":{}}}`,
  },
  {
    method: 'POST',
    url: '/internal/auth/user-created',
    headers: { ...JSON_TYPE, 'x-webhook-key': WEBHOOK_KEY },
    payload: '{"identity":{}}',
  },
  { method: 'POST', url: '/internal/auth/user-created', headers: JSON_TYPE, payload: '{}' },
]

const SUBMIT: InjectOptions = {
  method: 'POST',
  url: '/api/auth/flows/login',
  headers: JSON_TYPE,
  payload: `{"flow_id":"${FLOW_ID}","identifier":"a","password":"b"}`,
}

/** An app that limits its own routes with the library that the plugin uses inside. */
async function buildLimitedHost (
  t: Test,
  order: 'plugin first' | 'plugin last' | 'no plugin',
  { global }: { global: boolean },
): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  const plugin = () => app.register(fastifyKratos, { publicUrl: REFUSING_URL, throttle: { perAddress: 2 } })
  if (order === 'plugin first') await plugin()
  await app.register(rateLimit, { global, max: 4, timeWindow: 60_000, nameSpace: 'host' })
  if (order === 'plugin last') await plugin()
  app.get('/own', async () => 'own')
  const check = app.createRateLimit({ max: 1 })
  app.get('/checked', { config: { rateLimit: false } }, async (request) => {
    const { isExceeded } = await check(request) as { isExceeded: boolean }
    return { isExceeded }
  })
  return app
}

export default async function (t: Test): Promise<void> {
  t.test('an app with the plugin', async (t) => {
    const without = await answersOf(await buildHost(t, { plugin: 'none' }), HOST_REQUESTS)

    for (const plugin of ['first', 'last'] as const) {
      t.test(`answers on its own routes as without it, registered ${plugin}`, async (t) => {
        t.strictSame(await answersOf(await buildHost(t, { plugin }), HOST_REQUESTS), without)
      })

      t.test(`leaves no mark on the plugin's routes, registered ${plugin}`, async (t) => {
        const onPlain = await answersOf(await buildPlain(t), OWN_REQUESTS, { headers: false })
        t.strictSame(await answersOf(await buildHost(t, { plugin }), OWN_REQUESTS, { headers: false }), onPlain)
        t.strictSame(onPlain.map(({ statusCode }) => statusCode), [
          401,
          503,
          400,
          503,
          400,
          403,
          503,
          400,
          400,
          400,
          415,
          415,
          200,
          400,
          401,
        ])
      })
    }

    t.test('keeps its not-found handler below the prefix', async (t) => {
      const app = await buildHost(t)
      t.strictSame((await app.inject('/api/auth/nowhere')).json(), { host: 'nothing here' })
      t.equal((await app.inject({ method: 'PUT', url: '/api/auth/whoami' })).statusCode, 404)
    })

    t.test('renders what the guard throws itself, as onRequest and as preHandler', async (t) => {
      const app = await buildHost(t)
      app.get('/early', { onRequest: app.authenticate }, async () => 'never')
      app.get('/late', { preHandler: app.authenticate }, async () => 'never')
      for (const url of ['/early', '/late']) {
        const answer = await app.inject(url)
        t.strictSame([answer.statusCode, answer.json()], [401, { host: 'Invalid session', code: 'INVALID_SESSION' }])
      }
    })

    t.test('sends its own cookies beside those of the plugin', async (t) => {
      const app = await buildHost(t)
      app.get('/both', async (_request, reply) => reply.setCookie('mine', 'yes')[expireSessionCookie]().send({}))
      const lines = [(await app.inject('/both')).headers['set-cookie']].flat()
      t.strictSame(lines.map((line) => line?.split('=')[0]).sort(), ['mine', 'ory_kratos_session'])
    })
  })

  t.test('an app that limits its own routes with @fastify/rate-limit (G05)', async (t) => {
    // From another address than the submits: a global limit of the app counts those too, as it should.
    const remoteAddress = '198.51.100.7'
    const OWN: InjectOptions[] = [
      ...Array<InjectOptions>(6).fill({ url: '/own', remoteAddress }),
      ...Array<InjectOptions>(3).fill({ url: '/checked', remoteAddress }),
    ]
    for (const global of [true, false]) {
      const without = (await answersOf(await buildLimitedHost(t, 'no plugin', { global }), OWN)).map(({ statusCode }) =>
        statusCode,
      )
      t.same(without, global ? [200, 200, 200, 200, 429, 429, 200, 200, 200] : Array(9).fill(200))

      for (const order of ['plugin first', 'plugin last'] as const) {
        t.test(`${global ? 'all of them' : 'some of them'}, ${order}: both budgets hold and neither knows of the other`, async (t) => {
          const app = await buildLimitedHost(t, order, { global })
          const submits = await answersOf(app, Array<InjectOptions>(4).fill(SUBMIT))
          t.same(submits.map(({ statusCode }) => statusCode), [503, 503, 429, 429])
          t.strictSame(
            await answersOf(app, OWN),
            await answersOf(await buildLimitedHost(t, 'no plugin', { global }), OWN),
            'its routes answer as without the plugin',
          )
        })
      }
    }

    t.test("its own limit, where it reaches the plugin's routes, is told as 429 too", async (t) => {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(rateLimit, { max: 1, ban: 1 })
      await app.register(fastifyKratos, { publicUrl: REFUSING_URL })
      const answers = await answersOf(app, Array<InjectOptions>(4).fill(SUBMIT))
      t.same(answers.map(({ statusCode }) => statusCode), [503, 429, 403, 403])
      t.match(JSON.parse(answers[1]?.body ?? ''), { success: false, code: 'RATE_LIMITED', next: 'form' })
      t.match(answers[1], { headers: { 'retry-after': /^\d+$/, 'cache-control': 'no-store' } })
    })
  })

  t.test('the throttle of the plugin', async (t) => {
    const countOf = async (
      t: Test,
      throttle?: false | { perAddress?: number, perIdentifier?: number, burst?: number },
    ): Promise<number> => {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(fastifyKratos, { publicUrl: REFUSING_URL, ...(throttle !== undefined && { throttle }) })
      app.post('/own', async () => 'own')
      const answers = await answersOf(app, Array<InjectOptions>(40).fill(SUBMIT))
      t.equal((await app.inject({ method: 'POST', url: '/own', headers: JSON_TYPE, payload: '{}' })).statusCode, 200)
      return answers.filter(({ statusCode }) => statusCode === 503).length
    }

    t.test('is on by default, can be set, and can be off (G05)', async (t) => {
      t.equal(await countOf(t), 10)
      t.equal(await countOf(t, { perIdentifier: 40, burst: 40 }), 30)
      t.equal(await countOf(t, { perAddress: 3 }), 3)
      t.equal(await countOf(t, false), 40)
    })

    t.test('wants limits that can be kept', async (t) => {
      for (
        const throttle of [
          true,
          null,
          5,
          [],
          { perAddress: 0 },
          { perAddress: 1.5 },
          { perIdentifier: '5' },
          { burst: Infinity },
          { max: 5 },
          { burst: 4 },
          { perIdentifier: 11 },
        ]
      ) {
        await t.rejects(
          async () => {
            await Fastify().register(fastifyKratos, { publicUrl: REFUSING_URL, throttle } as never)
          },
          { name: 'TypeError', message: /^fastify-kratos: throttle/ },
          JSON.stringify(throttle),
        )
      }
    })
  })
}
