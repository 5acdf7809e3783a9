import multipart from '@fastify/multipart'
import websocket from '@fastify/websocket'
import { initTRPC, TRPCError } from '@trpc/server'
import { type CreateFastifyContextOptions, fastifyTRPCPlugin } from '@trpc/server/adapters/fastify'
import Fastify, { type FastifyInstance } from 'fastify'
import mercurius, { type MercuriusContext } from 'mercurius'
import type { Test } from 'tap'
import fastifyKratos, { sessionOf } from '../../src/plugin.js'
import { FRONTEND, PATIENT } from '../support/app.js'
import { startKratos } from '../support/kratos.js'
import { openWebSocket } from '../support/websocket.js'

type Add = (app: FastifyInstance) => void
type Order = 'before' | 'after' | 'without await'
const ORDERS: readonly Order[] = ['before', 'after', 'without await']

const EMAIL = 'ada@example.com'

const trpc = initTRPC.context<{ req: CreateFastifyContextOptions['req'] }>().create()
const trpcRouter = trpc.router({
  visitor: trpc.procedure.query(({ ctx }) => ctx.req.auth.kind),
  rename: trpc.procedure.mutation(({ ctx }) => {
    if (ctx.req.auth.kind === 'none') throw new TRPCError({ code: 'UNAUTHORIZED' })
    return sessionOf(ctx.req).identity.traits['email']
  }),
})

const BOUNDARY = 'x-boundary-x'
const FILE = [`--${BOUNDARY}`, 'content-disposition: form-data; name="photo"; filename="a.txt"', '', 'a photo', `--${BOUNDARY}--`, ''].join('\r\n')

export default async function (t: Test): Promise<void> {
  const kratos = await startKratos(t)
  const { headers, cookie } = await signedIn()

  async function signedIn () {
    const { headers } = kratos.signIn(await kratos.createIdentity({ email: EMAIL }))
    return { headers, cookie: { cookie: `ory_kratos_session=${headers['x-session-token']}` } }
  }

  async function host (t: Test, order: Order, add: Add, addRoutes: Add): Promise<FastifyInstance> {
    const app = Fastify()
    t.teardown(() => app.close())
    const options = { ...PATIENT, publicUrl: kratos.publicUrl, origins: [FRONTEND] }
    const addPlugin = () => app.register(fastifyKratos, options)
    if (order === 'after') await addPlugin()
    add(app)
    if (order === 'before') await addPlugin()
    if (order === 'without await') addPlugin()
    await app.register(async (scope) => addRoutes(scope))
    await app.ready()
    return app
  }

  for (const order of ORDERS) {
    t.test(`@trpc/server, ${order}: procedures know who asks`, async (t) => {
      const app = await host(t, order, () => {}, (scope) => {
        scope.addHook('onRequest', async (request, reply) => scope.authenticateOptional(request, reply))
        scope.register(fastifyTRPCPlugin, {
          prefix: '/trpc',
          trpcOptions: { router: trpcRouter, createContext: ({ req }: CreateFastifyContextOptions) => ({ req }) },
        })
      })
      const body = { method: 'POST' as const, url: '/trpc/rename', payload: {} }
      t.match((await app.inject('/trpc/visitor')).json(), { result: { data: 'none' } })
      t.match((await app.inject({ url: '/trpc/visitor', headers })).json(), { result: { data: 'session' } })
      t.equal((await app.inject(body)).statusCode, 401)
      t.match((await app.inject({ ...body, headers })).json(), { result: { data: EMAIL } })
      t.match((await app.inject({ ...body, headers: cookie })).json(), { result: { data: EMAIL } })
      t.match((await app.inject({ url: '/api/auth/whoami', headers })).json(), { data: { email: EMAIL } })
      const foreign = await app.inject({ ...body, headers: { ...cookie, origin: 'https://evil.example' } })
      t.equal(foreign.statusCode, 403, "a foreign page's")
    })

    t.test(`@fastify/websocket, ${order}: a stranger is refused before the upgrade`, async (t) => {
      const app = await host(t, order, (app) => app.register(websocket), (scope) => {
        scope.get('/live', { websocket: true, config: { auth: true } }, (socket, request) => {
          socket.send(`${request.auth.kind} ${sessionOf(request).identity.traits['email']}`)
        })
      })
      const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/live`
      const opened = async (headers: Record<string, string>) => {
        const { status, next } = await openWebSocket(t, url, headers)
        return { status, text: await next() }
      }
      t.strictSame(await opened({}), { status: 401, text: 'gone' })
      t.strictSame(await opened(headers), { status: 101, text: `session ${EMAIL}` })
      t.strictSame(await opened({ ...cookie, origin: FRONTEND }), { status: 101, text: `session ${EMAIL}` })
      t.strictSame(await opened({ ...cookie, origin: 'https://evil.example' }), { status: 403, text: 'gone' })
    })

    t.test(`@fastify/multipart, ${order}: an upload behind a guard`, async (t) => {
      let uploads = 0
      const app = await host(t, order, (app) => app.register(multipart), (scope) => {
        scope.post('/photo', { config: { auth: true } }, async (request) => {
          uploads++
          const file = await request.file()
          return { owner: sessionOf(request).identity.traits['email'], text: String(await file?.toBuffer()) }
        })
      })
      const upload = (more: Record<string, string>) => app.inject({
        method: 'POST',
        url: '/photo',
        headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, ...more },
        payload: FILE,
      })
      t.equal((await upload({})).statusCode, 401)
      t.equal((await upload(cookie)).statusCode, 403, 'a form of any page could send it')
      t.equal(uploads, 0)
      for (const credential of [headers, { ...cookie, origin: FRONTEND }]) {
        t.strictSame((await upload(credential)).json(), { owner: EMAIL, text: 'a photo' })
      }
    })

    t.test(`mercurius, ${order}: resolvers know who asks`, async (t) => {
      const app = await host(t, order, () => {}, (scope) => {
        scope.addHook('onRequest', async (request, reply) => scope.authenticateOptional(request, reply))
        scope.register(mercurius, {
          schema: 'type Query { me: String }',
          resolvers: { Query: { me: async (_root: unknown, _args: unknown, { reply }: MercuriusContext) => sessionOf(reply.request).identity.traits['email'] } },
        })
      })
      const ask = async (headers: Record<string, string>) =>
        (await app.inject({ method: 'POST', url: '/graphql', headers, payload: { query: '{ me }' } })).json()
      t.match(await ask(headers), { data: { me: EMAIL } })
      t.match(await ask({}), { data: { me: null }, errors: [{ message: /sessionOf has no session/ }] })
    })
  }
}
