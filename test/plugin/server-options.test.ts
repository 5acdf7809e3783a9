import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import fastifyKratos, { sessionOf } from '../../src/plugin.js'
import { PATIENT } from '../support/app.js'
import { freshEmail, PASSWORD, startKratos } from '../support/kratos.js'

/** What an app may be made with, as far as it could reach routes of others. */
const OPTIONS: Record<string, FastifyServerOptions & { http?: object }> = {
  'no option': {},
  'no HEAD routes': { exposeHeadRoutes: false },
  'paths that are read loosely': {
    routerOptions: {
      ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, caseSensitive: false,
    },
  },
  'short parameters': { routerOptions: { maxParamLength: 20 } },
  'no second error handler in a scope': { allowErrorHandlerOverride: false },
  'a time limit for handlers': { handlerTimeout: 60_000 },
  'an Ajv that removes and coerces': {
    ajv: { customOptions: { strict: false, removeAdditional: 'all', coerceTypes: 'array' } },
  },
  'poisoned bodies that pass': { onProtoPoisoning: 'ignore', onConstructorPoisoning: 'remove' },
  'a small body limit': { bodyLimit: 10 },
  'ids of requests': { requestIdHeader: 'x-request-id', genReqId: () => 'the same for all' },
  'proxies that are trusted': { trustProxy: true },
  'URLs that are rewritten': { rewriteUrl: ({ url = '' }) => url },
  'an error formatter': { schemaErrorFormatter: () => new Error('the host') },
  'errors of the framework': {
    frameworkErrors: (_error: FastifyError, _request: unknown, reply: FastifyReply) => { reply.code(400).send('the host') },
  },
  'numbers that are rounded': { serializerOpts: { rounding: 'ceil' } },
  'connections that are closed at once': { forceCloseConnections: true, return503OnClosing: false },
}

export default async function (t: Test): Promise<void> {
  const kratos = await startKratos(t)
  const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))

  for (const [name, options] of Object.entries(OPTIONS)) {
    t.test(`an app made with ${name}: guards and auth routes are what they are`, async (t) => {
      const app = Fastify(options) as unknown as FastifyInstance
      t.teardown(() => app.close())
      await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl, defaultDeny: { except: ['/open'] } })
      app.get('/me', { config: { auth: true } }, async (request) => sessionOf(request).identity.traits['email'])
      app.get('/open', async () => 'open')
      const statusOf = async (url: string, headers: Record<string, string> = {}): Promise<number> =>
        (await app.inject({ url, headers })).statusCode
      t.strictSame([await statusOf('/me', headers), await statusOf('/me'), await statusOf('/open')], [200, 401, 200])
      t.strictSame([await statusOf('/api/auth/whoami', headers), await statusOf('/api/auth/whoami/')], [200, 401])
      const url = '/api/auth/flows/registration'
      const { id } = (await app.inject(url)).json<{ data: { id: string } }>().data
      const post = (payload: object) => app.inject({ method: 'POST', url, payload })
      t.match((await post({ flow_id: 5 })).json(), { code: 'VALIDATION_ERROR', fields: [{ path: '/flow_id' }] })
      t.match((await post({ flow_id: id, email: freshEmail(), password: PASSWORD })).json(), { success: true })
    })
  }
}
