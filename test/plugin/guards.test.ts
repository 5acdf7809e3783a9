import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, get as fetchRaw } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import cors from '@fastify/cors'
import type { Test } from 'tap'
import fastifyKratos, { type FastifyKratosOptions, sessionOf } from '../../src/plugin.js'
import { PATIENT, REFUSING_URL, temporaryFolder, WEBHOOK_KEY } from '../support/app.js'
import { startKratos } from '../support/kratos.js'

const OPTIONS: FastifyKratosOptions = { publicUrl: REFUSING_URL }
const handler = async (): Promise<string> => 'all orders'

/** An app of somebody else, closed with the test. */
function host (t: Test): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  return app
}

/** The message that stopped the start, or undefined. */
async function refusal (app: FastifyInstance, build: () => unknown): Promise<string | undefined> {
  try {
    await build()
    await app.ready()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** A Kratos that counts what it is asked. */
async function countingKratos (t: Test) {
  const kratos = await startKratos(t)
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    const { method, headers } = request
    fetchRaw(kratos.publicUrl + request.url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, headers, asked: () => asked }
}

export default async function (t: Test): Promise<void> {
  t.test('config.auth', async (t) => {
    const WRONG: unknown[] = [
      { aal: 'AAL2' }, { aal: 'aal3' }, { aal: 2 }, { aal: null }, { all: 'aal2' }, { aall: 'aal2' }, { withn: '5m' },
      { within: 5 }, { within: 'soon' }, { within: '5M' }, { roles: ['admin'] }, { fresh: 'yes' }, { fresh: 1 },
      { only: 'ID' }, { only: true }, { only: 'id', aal: 'aal2' }, { only: 'id', within: '5m' }, { onyl: 'id' },
      'aal2', '', ['aal2'], [], 0, 1, null, () => true, Symbol('x'),
    ]

    for (const order of ['with await', 'without await', 'in a scope'] as const) {
      t.test(`stops the start and names the route where it says what nobody knows, ${order}`, async (t) => {
        for (const auth of order === 'with await' ? WRONG : WRONG.slice(0, 4)) {
          const app = host(t)
          const route = (scope: FastifyInstance) => scope.get('/payout', { config: { auth } as never }, handler)
          const message = await refusal(app, async () => {
            if (order === 'with await') await app.register(fastifyKratos, OPTIONS)
            else app.register(fastifyKratos, OPTIONS)
            if (order === 'in a scope') app.register(async (scope) => { route(scope) })
            else route(app)
          })
          t.match(message, /^fastify-kratos: GET \/payout: config\.auth/, String(JSON.stringify(auth)))
        }
      })
    }

    t.test('takes what its schema knows', async (t) => {
      const GOOD = [true, false, {}, { aal: 'aal1' }, { aal: 'aal2', within: '5m', fresh: true }, { only: 'id' }]
      for (const auth of GOOD) {
        const app = host(t)
        t.equal(
          await refusal(app, async () => {
            await app.register(fastifyKratos, OPTIONS)
            app.get('/payout', { config: { auth } as never }, handler)
          }),
          undefined,
          JSON.stringify(auth),
        )
        t.equal((await app.inject('/payout')).statusCode, auth === false ? 200 : 401)
      }
    })

    t.test('what was checked does not change afterwards', async (t) => {
      const app = host(t)
      await app.register(fastifyKratos, OPTIONS)
      const auth: { aal?: 'aal2' } = { aal: 'aal2' }
      app.get('/payout', { config: { auth } }, async ({ routeOptions }) => routeOptions.config.auth)
      delete auth.aal
      app.get('/kept', { config: { auth: false } }, async () => app.findRoute({ method: 'GET', url: '/payout' }) !== null)
      t.equal((await app.inject('/payout')).statusCode, 401)
    })

    t.test('where the plugin is not in sight, the start is stopped', async (t) => {
      const app = host(t)
      const message = await refusal(app, () => {
        app.register(async (auth) => { await auth.register(fastifyKratos, OPTIONS) })
        app.register(async (orders) => { orders.get('/orders', { config: { auth: true } }, handler) })
        app.get('/open', { config: { auth: false } }, handler)
      })
      t.equal(
        message,
        'fastify-kratos: GET /orders: has config.auth, but the plugin is not registered in its scope or one above it',
      )
    })

    t.test('of an app that does without the plugin is its own business', async (t) => {
      const app = host(t)
      app.get('/mine', { config: { auth: { roles: ['admin'] } } as never }, handler)
      t.equal((await app.inject('/mine')).statusCode, 200)
    })

    t.test('may be set by a hook onRoute of the app; no hook can take the guard away', async (t) => {
      const app = host(t)
      await app.register(fastifyKratos, OPTIONS)
      app.addHook('onRoute', (route) => {
        if (route.url.startsWith('/admin')) route.config = { ...route.config, auth: true }
      })
      app.get('/admin', handler)
      t.equal((await app.inject('/admin')).statusCode, 401)

      for (const isAwaited of [true, false]) {
        const other = host(t)
        const message = await refusal(other, async () => {
          other.addHook('onRoute', (route) => { if (route.url === '/bare') route.onRequest = async () => {} })
          const registered = other.register(fastifyKratos, OPTIONS)
          if (isAwaited) await registered
          other.get('/bare', { config: { auth: true } }, handler)
        })
        t.equal(message, undefined)
        t.match((await other.inject('/bare')).json(), { statusCode: 500, message: 'a hook took the guard of GET /bare' })
      }
      const late = host(t)
      const message = await refusal(late, () => {
        late.addHook('onRoute', (route) => { if (route.url === '/bare') route.config = { ...route.config, auth: { aal: 5 } as never } })
        late.register(fastifyKratos, OPTIONS)
        late.get('/bare', handler)
      })
      t.match(message, /GET \/bare: config\.auth\.aal is not valid.*before the plugin was there/)
    })

    t.test('guards HEAD, a prefix with and without slash, several methods, and routes from before the plugin', async (t) => {
      const app = host(t)
      app.register(fastifyKratos, OPTIONS)
      app.get('/early', { config: { auth: true } }, handler)
      app.route({ method: ['GET', 'DELETE'], url: '/two', config: { auth: { aal: 'aal1' } }, handler })
      app.register(async (scope) => { scope.get('/', { config: { auth: true } }, handler) }, { prefix: '/scope' })
      for (const [method, url] of [
        ['GET', '/early'], ['HEAD', '/early'], ['DELETE', '/two'], ['GET', '/scope'], ['GET', '/scope/'],
        ['HEAD', '/scope'],
      ] as const) {
        t.equal((await app.inject({ method, url })).statusCode, 401, `${method} ${url}`)
      }
    })
  })

  t.test('a hook that is undefined because await was forgotten', async (t) => {
    t.test('stops the start', async (t) => {
      const app = host(t)
      const message = await refusal(app, () => {
        app.register(fastifyKratos, OPTIONS)
        app.get('/by-hook', { onRequest: app.authenticate }, handler)
        app.post('/late', { preHandler: app.authenticateOptional }, handler)
      })
      t.match(message, 'GET /by-hook: onRequest is undefined')
      t.match(message, 'POST /late: preHandler is undefined')
      t.match(message, 'config: { auth: true }')
    })

    t.test('is no mistake of a package that hands on what its user left out, nor of a route with a label', async (t) => {
      const folder = await temporaryFolder(t)
      const code = "export default async (app, { onRequest }) => { app.get('/handed-on', { onRequest }, async () => 'shown') }\n"
      const startWith = async (file: string): Promise<string | undefined> => {
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, code)
        const { default: plugin } = await import(pathToFileURL(file).href) as { default: FastifyPluginAsync }
        const app = host(t)
        return await refusal(app, () => {
          app.register(plugin)
          app.register(fastifyKratos, OPTIONS)
          app.get('/open', { onRequest: app.authenticate, config: { auth: false } }, handler)
          app.get('/guarded', { onRequest: app.authenticate, config: { auth: true } }, handler)
        })
      }
      t.equal(await startWith(join(folder, 'node_modules/hands-on/index.mjs')), undefined)
      t.match(await startWith(join(folder, 'routes/index.mjs')), 'GET /handed-on: onRequest is undefined')
    })

    t.test('is the host\'s own affair once the plugin is there', async (t) => {
      const app = host(t)
      t.equal(
        await refusal(app, async () => {
          await app.register(fastifyKratos, OPTIONS)
          app.get('/mine', { onRequest: undefined as never }, handler)
        }),
        undefined,
      )
    })
  })

  t.test('the place of the guard', async (t) => {
    /** Names of what ran, in order. */
    async function orderOf (t: Test, isAwaited: boolean): Promise<string[]> {
      const kratos = await startKratos(t)
      const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))
      const app = host(t)
      const ran: string[] = []
      const note = (name: string) => async (request: { auth: { kind: string } }): Promise<void> => {
        ran.push(`${name}: ${request.auth.kind}`)
      }
      app.addHook('onRequest', note('instance, before'))
      const registered = app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl })
      if (isAwaited) await registered
      app.addHook('onRequest', note('instance, after'))
      app.get('/', { config: { auth: true }, onRequest: note('route'), preHandler: note('preHandler') }, handler)
      t.equal((await app.inject({ url: '/', headers })).statusCode, 200)
      return ran
    }

    t.test('is before the route\'s own hooks and after those of instances, with and without await', async (t) => {
      const ORDER = ['instance, before: none', 'instance, after: none', 'route: session', 'preHandler: session']
      t.strictSame(await orderOf(t, true), ORDER)
      t.strictSame(await orderOf(t, false), ORDER)
    })
  })

  t.test('several guards of one request', async (t) => {
    const { url: publicUrl, headers, asked } = await countingKratos(t)
    const app = host(t)
    await app.register(fastifyKratos, { ...PATIENT, publicUrl })
    app.register(async (members) => {
      members.addHook('onRequest', app.authenticate)
      members.get('/strong', { config: { auth: { aal: 'aal2' } } }, handler)
      members.get('/any', { config: { auth: { aal: 'aal1' } }, preHandler: app.authenticateOptional }, handler)
      members.get('/fresh', { config: { auth: { fresh: true } } }, handler)
      members.get('/id', { config: { auth: { only: 'id' } } }, async ({ auth }) => auth)
    })
    app.register(async (visitors) => {
      visitors.addHook('onRequest', app.authenticateOptional)
      visitors.get('/visit', async ({ auth }) => auth.kind)
      visitors.get('/members', { config: { auth: true } }, handler)
    })
    const costs = async (url: string, withSession = true): Promise<[number, number]> => {
      const before = asked()
      const { statusCode } = await app.inject({ url, headers: withSession ? headers : {} })
      return [statusCode, asked() - before]
    }
    t.strictSame(await costs('/any'), [200, 1])
    t.strictSame(await costs('/strong'), [403, 1])
    t.strictSame(await costs('/fresh'), [200, 1])
    t.strictSame(await costs('/id'), [200, 1])
    t.strictSame(await costs('/visit'), [200, 1])
    t.strictSame(await costs('/members'), [200, 1])
    t.strictSame(await costs('/visit', false), [200, 0])
    t.strictSame(await costs('/members', false), [401, 0])
  })

  t.test('request.auth and sessionOf', async (t) => {
    const { url: publicUrl, headers } = await countingKratos(t)
    const app = host(t)
    await app.register(fastifyKratos, { ...PATIENT, publicUrl })
    app.get('/none', async (request) => ({ ...request.auth, session: request.kratosSession, id: request.identityId }))
    app.get('/whole', { config: { auth: true } }, async (request) => {
      const { auth, kratosSession, identityId } = request
      const same = auth.kind === 'session' && auth.session === kratosSession && sessionOf(request) === kratosSession
      return { kind: auth.kind, same, id: identityId === sessionOf(request).identity.id }
    })
    app.get('/id', { config: { auth: { only: 'id' } } }, async ({ auth }) =>
      ({ ...auth, identityId: auth.kind === 'session' && auth.identityId.length }),
    )
    app.get('/unguarded', async (request) => sessionOf(request))
    app.get('/id-only', { config: { auth: { only: 'id' } } }, async (request) => sessionOf(request))
    app.get('/written', { config: { auth: true } }, async (request) => {
      const session = sessionOf(request)
      for (const part of [session, session.identity, session.identity.traits, session.authentication_methods ?? {}]) {
        t.throws(() => Object.assign(part, { role: 'admin' }), TypeError)
      }
      return 'frozen'
    })
    const get = async (url: string) => (await app.inject({ url, headers })).json()
    t.strictSame(await get('/none'), { kind: 'none', session: null, id: null })
    t.strictSame(await get('/whole'), { kind: 'session', same: true, id: true })
    t.strictSame(await get('/id'), { kind: 'session', identityId: 36, session: null })
    t.match(await get('/unguarded'), { statusCode: 500, message: /GET \/unguarded.*config: \{ auth: true \}/ })
    t.match(await get('/id-only'), { statusCode: 500, message: /only: 'id'/ })
    t.equal((await app.inject({ url: '/written', headers })).body, 'frozen')
  })

  t.test('everything is guarded unless it says otherwise', async (t) => {
    t.test('by a hook of the whole app, which config.auth: false opens', async (t) => {
      const kratos = await startKratos(t)
      const app = host(t)
      await app.register(fastifyKratos, {
        ...PATIENT,
        publicUrl: kratos.publicUrl,
        webhook: { keys: [WEBHOOK_KEY], onIdentity: async () => {} },
        purge: { keys: [WEBHOOK_KEY] },
      })
      app.addHook('onRequest', app.authenticate)
      app.get('/about', { config: { auth: false } }, handler)
      app.get('/orders', handler)
      const key = { 'x-webhook-key': WEBHOOK_KEY }
      const identity = { id: '6c2f5b54-6f6f-4f9b-8a55-5b2f3f0c1a11', traits: {} }
      const statuses = await Promise.all([
        app.inject('/orders'), app.inject('/about'), app.inject('/api/auth/flows/login'), app.inject('/api/auth/whoami'),
        app.inject({ method: 'POST', url: '/internal/auth/user-created', headers: key, payload: { identity } }),
        app.inject({ method: 'POST', url: '/internal/auth/purge', headers: key, payload: { identity_id: identity.id } }),
      ])
      t.strictSame(statuses.map(({ statusCode }) => statusCode), [401, 200, 200, 401, 200, 200])
    })

    t.test('by defaultDeny: a route without a label stops the start', async (t) => {
      const start = (defaultDeny: NonNullable<FastifyKratosOptions['defaultDeny']>, isAwaited = true) => {
        const app = host(t)
        return refusal(app, async () => {
          if (!isAwaited) app.get('/early', handler)
          const registered = app.register(fastifyKratos, { ...OPTIONS, adminUrl: 'http://127.0.0.1:10', proxy: true, defaultDeny })
          if (isAwaited) await registered
          app.register(cors, { origin: true })
          app.get('/labelled', { config: { auth: true } }, handler)
          app.get('/open', { config: { auth: false } }, handler)
          app.register(async (docs) => {
            docs.get('/', handler)
            docs.get('/json', handler)
          }, { prefix: '/docs' })
          app.get('/documents', { config: { auth: false } }, handler)
        })
      }
      t.match(await start(true), /GET \/docs: has no config\.auth.*GET \/docs\/json: has no config\.auth/)
      t.equal(await start({ except: ['/docs/*'] }), undefined)
      t.match(await start({ except: ['/docs'] }), /^fastify-kratos: GET \/docs\/json: [^;]*$/)
      t.match(await start({ except: ['/docs/*'] }, false), 'GET /early: has no config.auth')
      t.equal(await start(false), undefined)
      t.match(await start({ exept: ['/docs/*'] } as never), 'defaultDeny.exept is not known: did you mean except?')
      t.match(await start({ except: ['docs'] }), 'defaultDeny.except is not valid')
    })
  })
}
