import caching from '@fastify/caching'
import circuitBreaker from '@fastify/circuit-breaker'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import csrfProtection from '@fastify/csrf-protection'
import etag from '@fastify/etag'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import httpProxy from '@fastify/http-proxy'
import jwt from '@fastify/jwt'
import middie from '@fastify/middie'
import multipart from '@fastify/multipart'
import FastifyOtel from '@fastify/otel'
import rateLimit from '@fastify/rate-limit'
import requestContext from '@fastify/request-context'
import responseValidation from '@fastify/response-validation'
import secureSession from '@fastify/secure-session'
import session from '@fastify/session'
import sse from '@fastify/sse'
import staticFiles from '@fastify/static'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import underPressure from '@fastify/under-pressure'
import websocket from '@fastify/websocket'
import rawBody from 'fastify-raw-body'
import { initTRPC } from '@trpc/server'
import { fastifyTRPCPlugin } from '@trpc/server/adapters/fastify'
import type { FastifyError, FastifyInstance } from 'fastify'
import * as zodProvider from 'fastify-type-provider-zod'
import mercurius from 'mercurius'
import type { FastifyKratosOptions } from '../../src/plugin.js'
import { FRONTEND, REFUSING_URL } from './app.js'

export interface Neighbour {
  /** As an app adds it; what `register` returns need not be awaited. */
  add: (app: FastifyInstance) => unknown
  options?: Partial<FastifyKratosOptions>
  /** The app has `app.swagger()`. */
  isDocumented?: boolean
  /** Not before the plugin, or not without await: what the neighbour itself wants. */
  orders?: readonly Order[]
}
export type Order = 'before' | 'after' | 'without await'
export const ORDERS: readonly Order[] = ['before', 'after', 'without await']

const INFO = { info: { title: 'shop', version: '1' } }

export const NEIGHBOURS: Record<string, Neighbour> = {
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
  mercurius: {
    add: (app) => app.register(mercurius, {
      schema: 'type Query { add(x: Int, y: Int): Int }',
      resolvers: { Query: { add: async (_: unknown, { x, y }: { x: number, y: number }) => x + y } },
    }),
  },
  'a reply serialiser': { add: (app) => app.setReplySerializer((payload) => JSON.stringify({ host: payload })) },
  'a serialiser for each reply': {
    add: (app) => app.addHook('onRequest', async (_request, reply) => {
      reply.serializer((payload) => JSON.stringify({ host: payload }))
    }),
  },
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
  '@fastify/formbody': { add: (app) => app.register(formbody) },
  '@fastify/middie': {
    add: (app) => app.register(middie).after(() => {
      app.use((_request, answer, next) => {
        answer.setHeader('x-middleware', 'was here')
        next()
      })
    }),
  },
  // What it decorates requests with after the plugin, Fastify gives to no scope that is there already; see below.
  '@fastify/circuit-breaker': { add: (app) => app.register(circuitBreaker), orders: ['before', 'without await'] },
  '@fastify/request-context': {
    add: (app) => app.register(requestContext, { defaultStoreValues: { user: 'nobody' } as never }),
  },
  '@fastify/response-validation': { add: (app) => app.register(responseValidation) },
  '@fastify/csrf-protection': {
    add: (app) => {
      app.register(cookie)
      return app.register(csrfProtection)
    },
  },
  '@fastify/secure-session': { add: (app) => app.register(secureSession, { key: Buffer.alloc(32, 7) }) },
  '@fastify/sse': { add: (app) => app.register(sse as never) },
  '@fastify/under-pressure': { add: (app) => app.register(underPressure, { exposeStatusRoute: true }) },
  'fastify-raw-body': { add: (app) => app.register(rawBody, { global: true, runFirst: true }) },
  'a hook onRoute that gives every route something': {
    add: (app) => app.addHook('onRoute', (route) => {
      route.schema = { ...route.schema, tags: ['host'] } as never
      route.bodyLimit = 5
      route.attachValidation = true
      route.validatorCompiler = () => () => ({ error: new Error('the host') }) as never
      route.serializerCompiler = () => (data) => JSON.stringify({ host: data })
      route.errorHandler = (error, _request, reply) => { reply.code(error.statusCode ?? 500).send('host') }
      route.schemaErrorFormatter = () => new Error('the host')
    }),
  },
  'decorators of every kind': {
    add: (app) => {
      app.decorateRequest('user' as never, null as never)
      app.decorateRequest('tenant' as never, { getter: () => 'none' } as never)
      app.decorateReply('page' as never, (() => {}) as never)
      app.decorate('kratosClient' as never, {} as never)
    },
  },
  'ids that are all the same': { add: (app) => app.setGenReqId(() => 'same') },
  'a page for every path': { add: (app) => app.get('/*', async () => 'page') },
  'a route of the same path, for another host': {
    add: (app) => app.route({
      method: 'GET', url: '/api/auth/whoami', constraints: { host: 'else.example' }, handler: async () => 'else',
    }),
  },
}
