import { readdir, readFile } from 'node:fs/promises'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { basename, dirname, join } from 'node:path'
import Fastify, { type FastifyInstance, type FastifyPluginAsync, type RouteOptions } from 'fastify'
import type { Test } from 'tap'
import fastifyKratos, { type FastifyKratosOptions, type WebhookIdentity } from '../../src/plugin.js'
import { authSettings, loadConfig } from '../../src/config.js'
import { build, ENVIRONMENT, PATIENT, REFUSING_URL, WEBHOOK_KEY } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { SESSION } from '../support/faults.js'
import { get, post, signUp, startKratos } from '../support/kratos.js'

const OPTIONS: FastifyKratosOptions = { ...PATIENT, publicUrl: REFUSING_URL, adminUrl: 'http://127.0.0.1:10' }
const IDENTITY = { id: '6c2f5b54-6f6f-4f9b-8a55-5b2f3f0c1a11', traits: { email: 'ada@example.test' } }
const TOKEN_COOKIE = { cookie: 'ory_kratos_session=ory_st_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }

/** An app of somebody else, closed with the test. */
function host (t: Test, options = {}): FastifyInstance {
  const app = Fastify(options)
  t.teardown(() => app.close())
  return app
}

async function hostWithPlugin (t: Test, options: Partial<FastifyKratosOptions> = {}): Promise<FastifyInstance> {
  const app = host(t)
  await app.register(fastifyKratos, { ...OPTIONS, ...options })
  return app
}

/** Rejection of a registration, or undefined. */
const failure = (app: FastifyInstance, options: unknown): Promise<Error | undefined> =>
  Promise.resolve(app.register(fastifyKratos, options as FastifyKratosOptions)).then(
    () => undefined,
    (error: Error) => error,
  )

/** `METHOD url` of all routes that the apps built by `work` have. */
async function routesOf (work: () => Promise<unknown>): Promise<string[]> {
  const found = new Set<string>()
  const watch = (message: unknown): void => {
    ;(message as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url, schema }: RouteOptions) => {
      // Those that only say which methods there are.
      if (schema?.hide === true) return
      for (const name of [method].flat()) found.add(`${name} ${url}`)
    })
  }
  subscribe('fastify.initialization', watch)
  try {
    await work()
  } finally {
    unsubscribe('fastify.initialization', watch)
  }
  return [...found].sort()
}

export default async function (t: Test): Promise<void> {
  t.test('registration', async (t) => {
    t.test('gives the app its decorators, and every request a session that is null until a guard ran', async (t) => {
      const app = await hostWithPlugin(t)
      app.get('/', async ({ kratosSession }) => ({ kratosSession }))
      t.match({ ...app.kratos }, { whoami: Function, initFlow: Function, submitFlow: Function, close: Function })
      t.match([app.authenticate, app.authenticateOptional], [Function, Function])
      t.strictSame((await get(app, '/')).json(), { kratosSession: null })
      t.match(app.printPlugins(), 'fastify-kratos')
    })

    t.test('names everything that is wrong at once, and no value', async (t) => {
      const error = await failure(host(t), {
        publicUrl: 'kratos-secret:4433',
        baseUrl: 'ftp://secret',
        frontendUrl: 'https://user:secret@app.example',
        origins: 'https://secret.example',
        cookieName: 'secret name',
        deadlines: { whoamiMs: 0 },
        sessionCacheMaxAge: 61,
        throttle: { perAddress: 'secret' },
        onAccountDeleted: 'secret',
        prefix: '/secret',
        routes: { prefix: '/secret/' },
        webhook: { keys: ['secret'], path: 'secret' },
      })
      t.ok(error instanceof TypeError)
      for (
        const name of [
          'publicUrl',
          'baseUrl',
          'frontendUrl',
          'origins',
          'cookieName',
          'deadlines',
          'sessionCacheMaxAge',
          'throttle',
          'onAccountDeleted',
          'prefix belongs into',
          'routes.prefix',
          'webhook.keys',
          'webhook.onIdentity',
          'webhook.path',
        ]
      ) {
        t.match(error?.message, name)
      }
      t.notMatch(error?.message, /secret/)
      t.match((await failure(host(t), {}))?.message, 'fastify-kratos: publicUrl is missing: it wants')
    })

    t.test('twice on one instance, or in a scope of it, is a clear error', async (t) => {
      const app = await hostWithPlugin(t)
      t.match(await failure(app, OPTIONS), {
        name: 'TypeError',
        message: 'fastify-kratos is registered on this instance already',
      })

      const nested = await hostWithPlugin(t)
      nested.register(async (scope) => {
        await scope.register(fastifyKratos, OPTIONS)
      })
      await t.rejects(async () => {
        await nested.ready()
      }, { message: 'fastify-kratos is registered on this instance already' })

      const other = host(t)
      other.decorate('authenticate', async () => {})
      t.match(await failure(other, OPTIONS), { message: 'fastify-kratos: this app has app.authenticate already' })
    })

    t.test('two apps, or two scopes of one, each ask their own Kratos', async (t) => {
      const [first, second] = [await startKratos(t), await startKratos(t)]
      const one = await hostWithPlugin(t, { publicUrl: first.publicUrl })
      const two = host(t)
      for (const { publicUrl } of [first, second]) {
        two.register(async (scope) => {
          await scope.register(fastifyKratos, { ...PATIENT, publicUrl })
        }, { prefix: publicUrl === first.publicUrl ? '/first' : '/second' })
      }
      const { cookie } = await signUp(one)
      const status = async (app: FastifyInstance, url: string): Promise<number> =>
        (await get(app, url, { cookie })).statusCode
      t.strictSame([
        await status(one, '/api/auth/whoami'),
        await status(two, '/first/api/auth/whoami'),
        await status(two, '/second/api/auth/whoami'),
      ], [200, 200, 401])
      await one.close()
      t.equal(await status(two, '/first/api/auth/whoami'), 200, 'the other app has a client of its own')
    })
  })

  t.test('routes', async (t) => {
    const AUTH = /^[A-Z]+ \/api\/auth(?:\/|$)/
    const service = (await routesOf(() => build(t))).filter((route) => AUTH.test(route))

    t.test('are those of the service, method by method', async (t) => {
      t.ok(service.includes('POST /api/auth/flows/login'), 'the service was looked at')
      t.strictSame(await routesOf(() => hostWithPlugin(t)), service)
      const { adminUrl: _, ...options } = OPTIONS
      t.strictSame(
        await routesOf(async () => {
          await host(t).register(fastifyKratos, options)
        }),
        service.filter((route) => route !== 'DELETE /api/auth/account'),
        'an account is deleted at the admin port only',
      )
    })

    t.test('move with the prefix, and with that of the scope', async (t) => {
      const moved = service.map((route) => route.replace('/api/auth', '/v1/people'))
      t.strictSame(await routesOf(() => hostWithPlugin(t, { routes: { prefix: '/v1/people' } })), moved)
      t.strictSame(
        await routesOf(async () => {
          const app = host(t)
          app.register(async (scope) => {
            await scope.register(fastifyKratos, { ...OPTIONS, routes: { prefix: '/people' } })
          }, { prefix: '/v1' })
          await app.ready()
        }),
        moved,
      )
    })

    t.test('tell the app whose account was deleted', async (t) => {
      const { publicUrl, adminUrl } = await startKratos(t)
      const deleted: string[] = []
      const app = await hostWithPlugin(t, {
        publicUrl,
        adminUrl,
        onAccountDeleted: async (id) => {
          deleted.push(id)
        },
      })
      const { cookie, identityId } = await signUp(app)
      const answer = await app.inject({ method: 'DELETE', url: '/api/auth/account', headers: { cookie } })
      t.strictSame([answer.statusCode, deleted], [200, [identityId]])
      t.equal((await get(app, '/api/auth/whoami', { cookie })).statusCode, 401)
    })

    t.test('say 503 while the app keeps data of a deleted account, and refuse its sessions from then on', async (t) => {
      const kratos = await startFaultServer(t, (socket, request) => {
        const session = { ...SESSION, authenticated_at: new Date().toISOString() }
        const reaction = request.method === 'DELETE' ? answer(204, undefined) : answer(200, session)
        reaction(socket, request)
      })
      const stored: string[] = []
      const app = await hostWithPlugin(t, {
        publicUrl: kratos.url,
        adminUrl: `${kratos.url}/admin-port`,
        onAccountDeleted: () => Promise.reject(new Error('the host has trouble')),
        webhook: {
          keys: [WEBHOOK_KEY],
          onIdentity: async ({ id }) => {
            stored.push(id)
          },
        },
      })
      app.get('/mine', { config: { auth: true } }, async () => 'mine')
      const headers = { 'x-session-token': `ory_st_${'a'.repeat(32)}` }
      t.equal((await get(app, '/mine', headers)).statusCode, 200)
      const deleted = await app.inject({ method: 'DELETE', url: '/api/auth/account', headers })
      t.match([deleted.statusCode, deleted.json()], [503, { success: false, deletion: 'pending' }])
      t.match(deleted.headers['retry-after'], /^\d+$/)
      t.equal((await get(app, '/mine', headers)).statusCode, 401, 'whoever still vouches for it')
      const identity = { id: SESSION.identity.id.toUpperCase(), traits: { email: 'late@example.com' } }
      const late = await post(app, '/internal/auth/user-created', { identity }, { 'x-webhook-key': WEBHOOK_KEY })
      t.strictSame([late.statusCode, stored], [200, []])
    })

    t.test('are not there with `routes: false`, the guard is', async (t) => {
      const app = await hostWithPlugin(t, { routes: false })
      app.get('/mine', { onRequest: app.authenticate }, async () => 'mine')
      t.equal((await get(app, '/api/auth/whoami')).statusCode, 404)
      t.strictSame([(await get(app, '/mine')).statusCode, (await get(app, '/mine', TOKEN_COOKIE)).statusCode], [401, 503])
    })
  })

  t.test('webhook', async (t) => {
    const deliver = (app: FastifyInstance, { url = '/internal/auth/user-created', key = WEBHOOK_KEY } = {}) =>
      post(app, url, { identity: IDENTITY }, { 'x-webhook-key': key, 'ory-webhook-trigger-id': 'delivery-1' })

    t.test('hands the identity and the delivery to onIdentity, for every accepted key', async (t) => {
      const seen: Array<[WebhookIdentity, unknown]> = []
      const keys = [WEBHOOK_KEY, WEBHOOK_KEY.toUpperCase()]
      const app = await hostWithPlugin(t, {
        webhook: {
          keys,
          onIdentity: async (identity, context) => {
            seen.push([identity, context])
          },
        },
      })
      for (const key of keys) t.strictSame((await deliver(app, { key })).json(), { success: true })
      t.strictSame(seen, ['req-1', 'req-2'].map((requestId) => [IDENTITY, { deliveryId: 'delivery-1', requestId }]))
      t.match((await deliver(app, { key: 'x'.repeat(40) })).json(), { success: false, code: 'INVALID_WEBHOOK_KEY' })
      t.equal(seen.length, 2)
    })

    t.test('listens where the option says, needs no auth routes, and is absent without the option', async (t) => {
      const app = await hostWithPlugin(t, {
        routes: false,
        webhook: { keys: [WEBHOOK_KEY], onIdentity: async () => {}, path: '/hooks/kratos' },
      })
      t.equal((await deliver(app, { url: '/hooks/kratos' })).statusCode, 200)
      t.equal((await deliver(app)).statusCode, 404)
      t.equal((await deliver(await hostWithPlugin(t))).statusCode, 404)
    })

    t.test('answers 500 without a word of the error when onIdentity fails', async (t) => {
      const app = await hostWithPlugin(t, {
        webhook: {
          keys: [WEBHOOK_KEY],
          onIdentity: async () => {
            throw new Error('postgres://10.0.0.7')
          },
        },
      })
      const answer = await deliver(app)
      t.strictSame([answer.statusCode, answer.json()], [500, {
        success: false,
        error: 'Internal error',
        code: 'INTERNAL_ERROR',
      }])
    })
  })

  t.test('plugins/', async (t) => {
    const folder = join(import.meta.dirname, '../../plugins')
    const config = loadConfig({ ...ENVIRONMENT, DATABASE_URL: ':memory:' })
    const options = { config, settings: authSettings(config) }
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'))
    const plugins = await Promise.all(files.map(async (file) => {
      const { default: plugin } = await import(`../../plugins/${file.replace(/\.ts$/, '.js')}`) as {
        default: FastifyPluginAsync & Record<symbol, { name: string, dependencies?: string[] }>
      }
      const code = (await readFile(join(folder, file), 'utf8')).replace(/^import .*|\/\/.*|\/\*[^]*?\*\//gm, '')
      const decorators = [...code.matchAll(/\.decorate(?:Request|Reply)?\(\s*'?(\w+)\b(?!\.)/g)].map(([, name]) => String(name))
      return {
        file,
        folder: dirname(file),
        plugin,
        code,
        decorators,
        name: plugin[Symbol.for('plugin-meta')]?.name,
        dependencies: plugin[Symbol.for('plugin-meta')]?.dependencies ?? [],
      }
    }))

    for (const { file, folder, plugin, code, name, dependencies } of plugins) {
      t.test(`${file} is named like its file, and names every plugin of its folder whose decorators it uses`, async (t) => {
        const prefix = file.startsWith('auth') ? 'fastify-kratos/' : ''
        t.equal(`${name}.ts`, prefix + basename(file))
        const used = plugins.filter((other) =>
          other.file !== file && other.folder === folder &&
          other.decorators.some((decorator) => new RegExp(`[.{,] ?${decorator}\\b(?!:)|\\[${decorator}\\](?!: )`).test(code)),
        )
        t.strictSame(used.map((other) => other.name).sort(), [...dependencies].sort())
        const alone = Promise.resolve(host(t).register(plugin, options))
        if (dependencies.length === 0) await t.resolves(alone)
        else {
          await t.rejects(alone, {
            message: `The dependency '${dependencies[0]}' of plugin '${name}' is not registered`,
          })
        }
      })
    }
  })
}
