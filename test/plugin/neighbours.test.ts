import caching from '@fastify/caching'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import etag from '@fastify/etag'
import helmet from '@fastify/helmet'
import httpProxy from '@fastify/http-proxy'
import jwt from '@fastify/jwt'
import multipart from '@fastify/multipart'
import FastifyOtel from '@fastify/otel'
import rateLimit from '@fastify/rate-limit'
import session from '@fastify/session'
import staticFiles from '@fastify/static'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import websocket from '@fastify/websocket'
import { initTRPC } from '@trpc/server'
import { fastifyTRPCPlugin } from '@trpc/server/adapters/fastify'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyError, type FastifyInstance, type InjectOptions } from 'fastify'
import * as zodProvider from 'fastify-type-provider-zod'
import mercurius from 'mercurius'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import fastifyKratos, { type FastifyKratosOptions, sessionOf } from '../../src/plugin.js'
import { FRONTEND, PATIENT, REFUSING_URL, temporaryFolder } from '../support/app.js'
import { startKratos } from '../support/kratos.js'

interface Neighbour {
  /** As an app adds it; what `register` returns need not be awaited. */
  add: (app: FastifyInstance) => unknown
  options?: Partial<FastifyKratosOptions>
  /** The app has `app.swagger()`. */
  isDocumented?: boolean
  /** Not before the plugin, or not without await: what the neighbour itself wants. */
  orders?: readonly Order[]
}
type Order = 'before' | 'after' | 'without await'
const ORDERS: readonly Order[] = ['before', 'after', 'without await']

const INFO = { info: { title: 'shop', version: '1' } }
const JSON_TYPE = { 'content-type': 'application/json' }

const NEIGHBOURS: Record<string, Neighbour> = {
  'none at all': { add: () => {} },
  '@fastify/swagger': { add: (app) => app.register(swagger, { openapi: INFO }), isDocumented: true },
  '@fastify/swagger, Swagger 2': { add: (app) => app.register(swagger, { swagger: INFO }), isDocumented: true },
  '@fastify/swagger with schemes and a transform of its own': {
    add: (app) => app.register(swagger, {
      openapi: { ...INFO, components: { securitySchemes: { bearerToken: { type: 'http', scheme: 'bearer' } } } },
      transform: ({ schema, url }) => {
        if (url.startsWith('/api/auth')) throw new Error('not made for routes of others')
        return { schema: schema as object, url }
      },
    }),
    isDocumented: true,
  },
  '@fastify/swagger and openapi: false': {
    add: (app) => app.register(swagger, { openapi: INFO }),
    options: { openapi: false },
    isDocumented: true,
  },
  '@fastify/swagger-ui': {
    add: (app) => {
      app.register(swagger, { openapi: INFO })
      return app.register(swaggerUi, { routePrefix: '/docs' })
    },
    isDocumented: true,
  },
  'fastify-type-provider-zod with its transform': {
    add: (app) => {
      app.setValidatorCompiler(zodProvider.validatorCompiler)
      app.setSerializerCompiler(zodProvider.serializerCompiler)
      return app.register(swagger, {
        openapi: INFO,
        transform: zodProvider.jsonSchemaTransform,
        transformObject: zodProvider.jsonSchemaTransformObject,
      })
    },
    isDocumented: true,
  },
  '@fastify/cors': { add: (app) => app.register(cors, { origin: [FRONTEND], credentials: true }) },
  '@fastify/cookie': { add: (app) => app.register(cookie, { secret: 'a secret of the host' }) },
  '@fastify/session': {
    add: (app) => {
      app.register(cookie)
      return app.register(session, { secret: 'x'.repeat(32), cookie: { secure: false }, saveUninitialized: false })
    },
  },
  '@fastify/jwt with the documented app.authenticate': {
    add: (app) => {
      app.register(jwt, { secret: 'a secret of the host' })
      app.decorate('authenticate' as never, (async () => {}) as never)
    },
    options: { decorators: { authenticate: 'requireSession' } },
  },
  '@fastify/helmet': { add: (app) => app.register(helmet) },
  '@fastify/compress': { add: (app) => app.register(compress, { threshold: 0 }) },
  '@fastify/etag': { add: (app) => app.register(etag) },
  '@fastify/caching': { add: (app) => app.register(caching, { privacy: 'public', expiresIn: 300 }) },
  '@fastify/static': { add: (app) => app.register(staticFiles, { root: import.meta.dirname, prefix: '/files/' }) },
  '@fastify/rate-limit': { add: (app) => app.register(rateLimit, { max: 1000 }) },
  '@fastify/multipart': { add: (app) => app.register(multipart, { attachFieldsToBody: true }) },
  '@fastify/websocket': { add: (app) => app.register(websocket) },
  '@fastify/http-proxy at /kratos': {
    add: (app) => app.register(httpProxy, { upstream: REFUSING_URL, prefix: '/kratos' }),
  },
  '@fastify/otel': { add: (app) => app.register(new FastifyOtel.FastifyOtelInstrumentation().plugin()) },
  '@trpc/server': {
    add: (app) => app.register(fastifyTRPCPlugin, { prefix: '/trpc', trpcOptions: { router: initTRPC.create().router({}) } }),
  },
  '@fastify/autoload': { add: (app) => app.register(autoload, { dir: hostFolder }) },
  mercurius: {
    add: (app) => app.register(mercurius, {
      schema: 'type Query { add(x: Int, y: Int): Int }',
      resolvers: { Query: { add: async (_: unknown, { x, y }: { x: number, y: number }) => x + y } },
    }),
  },
  'a reply serialiser': { add: (app) => app.setReplySerializer((payload) => JSON.stringify({ host: payload })) },
  'a serialiser compiler': { add: (app) => app.setSerializerCompiler(() => (data) => JSON.stringify({ host: data })) },
  'a validator compiler': { add: (app) => app.setValidatorCompiler(() => () => ({ error: new Error('the host') })) },
  'a schema controller': {
    add: (app) => app.setSchemaController({
      compilersFactory: { buildValidator: () => () => () => ({ error: new Error('the host') }) as never },
    }),
  },
  'an error formatter': { add: (app) => app.setSchemaErrorFormatter(() => new Error('the host')) },
  'schemas of its own': { add: (app) => app.addSchema({ $id: 'Error', type: 'object', properties: {} }) },
  'an error handler': {
    add: (app) => app.setErrorHandler(async (error: FastifyError, _request, reply) =>
      reply.code(error.statusCode ?? 500).send({ host: error.message }),
    ),
  },
  'a not-found handler': { add: (app) => app.setNotFoundHandler(async (_request, reply) => reply.code(404).send('host')) },
  'parsers for everything': {
    add: (app) => {
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, body: string) => ({ host: body }))
    },
  },
  'hooks that wrap answers': {
    add: (app) => app.addHook('preSerialization', async (_request, _reply, payload) => ({ host: payload })),
  },
  'hooks of every kind': {
    add: (app) => {
      app.addHook('onRequest', async () => {})
      app.addHook('preParsing', async (_request, _reply, payload) => payload)
      app.addHook('preValidation', async () => {})
      app.addHook('preHandler', (_request, _reply, done) => done())
      app.addHook('onSend', async (_request, _reply, payload) => payload)
      app.addHook('onResponse', async () => {})
      app.addHook('onError', async () => {})
      app.addHook('onTimeout', async () => {})
      app.addHook('onRequestAbort', async (_request) => {})
      app.addHook('onRoute', () => {})
      app.addHook('onRegister', () => {})
      app.addHook('onReady', async () => {})
      app.addHook('onListen', async () => {})
      app.addHook('preClose', async () => {})
      app.addHook('onClose', async () => {})
    },
  },
}

let hostFolder = ''

const REQUESTS: Record<string, InjectOptions> = {
  'a route of the app': { url: '/products' },
  'an error of the app': { url: '/boom' },
  'no route': { url: '/nowhere' },
  'a route of the app at /kratos': { url: '/kratos/sessions/whoami' },
  'a guarded route, a stranger': { url: '/me' },
  'a guarded route, a user': { url: '/me', headers: { as: 'user' } },
  'an auth route, a stranger': { url: '/api/auth/whoami' },
  'an auth route, a user': { url: '/api/auth/whoami', headers: { as: 'user' } },
  'a flow': { url: '/api/auth/flows/login' },
  'bad input of an auth route': { url: '/api/auth/flows/login?type=wrong' },
  'a bad body': { method: 'POST', url: '/api/auth/flows/login', headers: JSON_TYPE, payload: '{not json' },
  'a wrong body': { method: 'POST', url: '/api/auth/flows/login', headers: JSON_TYPE, payload: '{"flow_id":5}' },
}
const OF_PLUGIN = /auth|flow|bad|wrong/
const OF_HOST = /of the app|no route/

interface Case { neighbour: Neighbour, order: Order, kratosUrl?: string }

async function buildHost (t: Test, { neighbour, order, kratosUrl }: Case): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  const isAwaited = order !== 'without await'
  const wait = async (added: unknown): Promise<void> => { if (isAwaited) await added }
  const addPlugin = () => kratosUrl === undefined
    ? undefined
    : app.register(fastifyKratos, { ...PATIENT, publicUrl: kratosUrl, ...neighbour.options })
  if (order === 'after') await addPlugin()
  await wait(neighbour.add(app))
  if (order !== 'after') await wait(addPlugin())
  const text = { type: 'object', properties: { name: { type: 'string' } } }
  const isZod = app.validatorCompiler === zodProvider.validatorCompiler as never
  const addRoutes = (): void => {
    const schema = isZod ? {} : { schema: { response: { 200: text } } }
    app.get('/products', schema, async () => ({ name: 'bread' }))
    app.get('/boom', async () => { throw new Error('boom') })
    if (kratosUrl !== undefined) {
      app.get('/me', { config: { auth: true } }, async (request) => ({ name: sessionOf(request).identity.id }))
    }
  }
  // Some neighbours want to be there before the routes they are about, as their README says.
  if (isAwaited) addRoutes()
  else app.after(() => addRoutes())
  await app.ready()
  return app
}

/** What of an answer must not change. Ids of flows and times differ from one to the next. */
async function answersOf (app: FastifyInstance, names: string[], user: Record<string, string>) {
  const answers: Record<string, unknown> = {}
  for (const name of names) {
    const { headers = {}, ...request } = REQUESTS[name] as InjectOptions
    const { as, ...others } = headers
    const answer = await app.inject({ ...request, headers: { ...others, ...(as !== undefined && user) } })
    const body = answer.body.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    answers[name] = {
      status: answer.statusCode,
      type: answer.headers['content-type'],
      cache: answer.headers['cache-control'],
      body: /flows\//.test(body) && answer.statusCode === 200 ? Object.keys(JSON.parse(body).data) : body,
    }
  }
  return answers
}

export default async function (t: Test): Promise<void> {
  const kratos = await startKratos(t)
  const { headers: user } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))
  hostFolder = join(await temporaryFolder(t), 'routes')
  await mkdir(hostFolder)
  await writeFile(join(hostFolder, 'mine.mjs'), "export default async (app) => { app.get('/mine', async () => 'mine') }\n")

  const alone: Case = { neighbour: { add: () => {} }, order: 'before', kratosUrl: kratos.publicUrl }
  const own = Object.keys(REQUESTS).filter((name) => OF_PLUGIN.test(name))
  const expected = await answersOf(await buildHost(t, alone), own, user)
  const OWN_STATUSES = [401, 200, 200, 400, 400, 400]
  const guarded = ['a guarded route, a stranger', 'a guarded route, a user']

  for (const [name, neighbour] of Object.entries(NEIGHBOURS)) {
    for (const order of neighbour.orders ?? ORDERS) {
      t.test(`beside ${name}, ${order}: everybody answers as alone`, async (t) => {
        const app = await buildHost(t, { neighbour, order, kratosUrl: kratos.publicUrl })
        const without = await buildHost(t, { neighbour, order })
        const host = Object.keys(REQUESTS).filter((request) => OF_HOST.test(request))
        t.strictSame(await answersOf(app, host, {}), await answersOf(without, host, {}), 'the app')
        t.strictSame(await answersOf(app, own, user), expected, 'the plugin')
        const statuses = Object.values(await answersOf(app, guarded, user)).map((answer) =>
          (answer as { status: number }).status,
        )
        t.strictSame(statuses, [401, 200], 'the guard')
        if (neighbour.isDocumented === true) checkDocument(t, app, order, neighbour)
      })
    }
  }
  t.strictSame(Object.values(expected).map((answer) => (answer as { status: number }).status), OWN_STATUSES)
}

interface ApiDocument {
  paths: Record<string, Record<string, { security?: Array<Record<string, unknown>>, responses: object }>>
  components?: { securitySchemes?: Record<string, { type: string }> }
  securityDefinitions?: Record<string, unknown>
}

/** Valid in itself: whatever a route names is there. */
function checkDocument (t: Test, app: FastifyInstance, order: Order, { options = {} }: Neighbour): void {
  const document = (app as unknown as { swagger: () => ApiDocument }).swagger()
  t.ok('/products' in document.paths, 'the routes of the app are in its document')
  const paths = Object.keys(document.paths).filter((path) => path.startsWith('/api/auth'))
  // What was declared before it, @fastify/swagger does not see.
  if (options.openapi === false || order === 'after') {
    t.strictSame(paths, [])
    return
  }
  t.ok(paths.includes('/api/auth/flows/login') && paths.includes('/api/auth/whoami'))
  t.notOk(paths.some((path) => path.endsWith('/')), 'each of them once')
  const known = { ...document.components?.securitySchemes, ...document.securityDefinitions }
  for (const path of paths) {
    for (const operation of Object.values(document.paths[path] ?? {})) {
      for (const scheme of operation.security ?? []) {
        for (const name of Object.keys(scheme)) t.ok(name in known, `${path} wants ${name}`)
      }
      t.ok(Object.keys(operation.responses).length <= 4)
    }
  }
  t.ok(JSON.stringify(document).length < 75_000, `${JSON.stringify(document).length} characters`)
}
