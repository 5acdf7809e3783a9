import Fastify from 'fastify'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { build, FRONTEND, PATIENT, WEBHOOK_KEY } from '../support/app.js'
import {
  answer, type FaultServer, hang, type Reaction, recorded, replay,
  startFaultServer,
} from '../support/fault-server.js'
import { ID, OVER, SESSION } from '../support/faults.js'
import { buildWithKratos, get, PASSWORD, post, signUp, signUpInBrowser, startKratos } from '../support/kratos.js'

const CACHED = { SESSION_CACHE_MAX_AGE: '5' }
const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const COOKIE = { cookie: `ory_kratos_session=${TOKEN}` }
const CACHEABLE: Array<[string, string]> = [['Ory-Session-Cache-For', '86400']]
const ACTIVE = answer(200, SESSION, CACHEABLE)
const GONE = OVER

/** Whoami as told, everything else of Kratos as if it went well. */
const kratosWith = (whoami: Reaction, rest: Reaction = (socket) => {
  socket.write('HTTP/1.1 204 No Content\r\n\r\n')
}): Reaction =>
  (socket, request) =>
    (request.target.startsWith('/sessions/whoami')
      ? whoami
      : request.target.startsWith('/self-service/logout/browser')
        ? whoami === GONE ? GONE : answer(200, { logout_token: 'ory_lo_x' })
        : rest)(socket, request)

async function setUp (t: Test, reaction: Reaction = kratosWith(ACTIVE), env: Record<string, string> = {}) {
  const kratos = await startFaultServer(t, reaction)
  const built = await build(t, {
    KRATOS_PUBLIC_URL: kratos.url,
    KRATOS_ADMIN_URL: `${kratos.url}/admin-port`,
    ...CACHED,
    ...env,
  })
  const status = async (headers: Record<string, string> = COOKIE): Promise<number> =>
    (await get(built.app, '/api/auth/whoami', headers)).statusCode
  return { ...built, kratos, status, whoamis: () => whoamisOf(kratos) }
}

const whoamisOf = ({ requests }: FaultServer): number =>
  requests.filter(({ target, head }) => target === '/sessions/whoami' && /ory_(?:st|kratos)_/.test(head)).length

export default async function (t: Test): Promise<void> {
  t.test('SESSION_CACHE_MAX_AGE', async (t) => {
    await t.test('0, the default: every request is validated at Kratos', async (t) => {
      const { status, whoamis } = await setUp(t, kratosWith(ACTIVE), { SESSION_CACHE_MAX_AGE: '' })
      for (let turn = 0; turn < 3; turn++) t.equal(await status(), 200)
      t.equal(whoamis(), 3)
    })

    await t.test('a session is asked for once and serves every guarded route', async (t) => {
      const { app, status, whoamis } = await setUp(t)
      t.equal(await status(), 200)
      t.equal((await get(app, '/api/documents', COOKIE)).statusCode, 200)
      t.equal(await status({ 'x-session-token': TOKEN }), 200, 'the same token by header')
      t.equal(whoamis(), 1)
    })

    await t.test('an outage does not reach whoever is kept, and logs nobody out (J04)', async (t) => {
      const { kratos, status } = await setUp(t)
      await status()
      kratos.react(answer(503, {}))
      t.same([await status(), await status({ cookie: `${COOKIE.cookie}x` })], [200, 502])
    })

    await t.test('a kept answer carries no cookie (B28)', async (t) => {
      const { app } = await setUp(
        t,
        kratosWith(answer(200, SESSION, [...CACHEABLE, ['Set-Cookie', 'ory_kratos_session=renewed; Path=/']])),
      )
      const sealed = { cookie: `ory_kratos_session=MTc5${'Az_-09'.repeat(70)}` }
      const cookies = async () => (await get(app, '/api/auth/whoami', sealed)).headers['set-cookie']
      t.same([await cookies(), await cookies()], ['ory_kratos_session=renewed; Path=/', undefined])
    })

    await t.test("nothing is kept without Kratos' word, and one warning says which flag is off (I03)", async (t) => {
      const { app, logs, status, whoamis } = await setUp(t, kratosWith(answer(200, SESSION)))
      for (let turn = 0; turn < 3; turn++) await status()
      t.equal(whoamis(), 3)
      const warnings = logs().filter((line) => line.includes('session_cache_unused'))
      t.equal(warnings.length, 1)
      t.match(warnings[0], 'feature_flags.cacheable_sessions')
      await app.close()
    })

    await t.test('the warning comes at start already, where Kratos answers; a Kratos with the flag gets none (recording 36)', async (t) => {
      const warned = async (step: string): Promise<boolean> => {
        const kratos = await startFaultServer(
          t,
          replay(step === 'on' ? '36-whoami-cacheable-sessions' : '30-whoami-credentials', 'no credential'),
        )
        const { logs } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, ...CACHED })
        while (kratos.requests.length === 0 || kratos.openSockets() === 0) {
          await new Promise((resolve) => setImmediate(resolve))
        }
        // The answer has been read once a later one on the same connection has.
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
        return logs().some((line) => line.includes('session_cache_unused'))
      }
      t.equal(await warned('off'), true)
      t.equal(await warned('on'), false)
    })
  })

  t.test('what ends or changes a session is noticed at once', async (t) => {
    const logoutOf = (cookie: string, url: string, method: 'POST' | 'GET' | 'DELETE' = 'POST') => ({
      method,
      url,
      headers: { cookie, origin: FRONTEND, accept: 'application/json' },
      ...method === 'POST' && { payload: {} },
    })
    const sealed = `ory_kratos_session=MTc5${'Az_-09'.repeat(70)}`
    const ends: Array<[name: string, request: object]> = [
      ['POST logout', logoutOf(COOKIE.cookie, '/api/auth/logout')],
      ['the logout link', logoutOf(COOKIE.cookie, '/api/auth/logout?token=ory_lo_x', 'GET')],
      ['POST logout of a browser', logoutOf(sealed, '/api/auth/logout')],
      ['the current one among the devices', logoutOf(COOKIE.cookie, `/api/auth/sessions/${ID}`, 'DELETE')],
    ]
    const LIVE = kratosWith(answer(200, { ...SESSION, id: ID }, CACHEABLE))
    await t.test('by a way that ends it (I06)', async (t) => {
      const { app, kratos, status } = await setUp(t)
      for (const [name, request] of ends) {
        const { cookie } = (request as { headers: { cookie: string } }).headers
        kratos.react(LIVE)
        t.same([await status({ cookie }), await status({ cookie })], [200, 200])
        let isOver = false
        kratos.react((socket, sent) => {
          if (!sent.target.startsWith('/sessions/whoami') && !sent.target.startsWith('/self-service/logout/browser')) {
            isOver = true
          }
          return (isOver ? kratosWith(GONE) : LIVE)(socket, sent)
        })
        t.equal((await app.inject(request)).statusCode, 200, name)
        t.equal(await status({ cookie }), 401, `${name}: the first request afterwards`)
      }
    })

    await t.test('also by a way that fails (I08)', async (t) => {
      const { app, kratos, status, whoamis } = await setUp(t, LIVE, { KRATOS_DEADLINE_MS: '200' })
      for (const [name, request] of ends) {
        const { cookie } = (request as { headers: { cookie: string } }).headers
        for (const [fault, expected] of [[answer(500, {}), 502], [hang, 504]] as const) {
          kratos.react(LIVE)
          await status({ cookie })
          kratos.react((socket, sent) => (sent.target.startsWith('/sessions/whoami') ? LIVE : fault)(socket, sent))
          t.equal((await app.inject(request)).statusCode, expected, name)
          const before = whoamis()
          await status({ cookie })
          t.equal(whoamis(), before + 1, `${name}: the next request asks Kratos`)
        }
      }
    })

    await t.test('a look-up that is under way while the logout completes brings nobody back (I07)', async (t) => {
      const slow: Array<() => void> = []
      const { app, kratos, status, whoamis } = await setUp(t)
      kratos.react((socket, request) => {
        if (request.head.includes(TOKEN)) slow.push(() => ACTIVE(socket, request))
      })
      const before = status()
      while (slow.length === 0) await new Promise((resolve) => setImmediate(resolve))
      kratos.react(kratosWith(GONE))
      t.equal((await app.inject(logoutOf(COOKIE.cookie, '/api/auth/logout'))).statusCode, 200)
      const asked = whoamis()
      const after = status()
      while (whoamis() === asked) await new Promise((resolve) => setImmediate(resolve))
      slow[0]?.()
      t.same([await before, await after, await status()], [200, 401, 401])
    })

    const flow = (name: string, body: object) => ({
      method: 'POST' as const,
      url: `/api/auth/flows/${name}`,
      payload: { flow_id: ID, method: 'password', ...body },
      headers: { ...COOKIE, origin: FRONTEND },
    })
    const success = recorded('10-api-login', 'success').body as { session: object }
    const OWN = answer(200, { ...success, session: SESSION })
    const purge = (identityId: string) => ({
      method: 'POST' as const,
      url: '/internal/auth/purge',
      payload: { identity_id: identityId },
      headers: { 'x-webhook-key': WEBHOOK_KEY },
    })
    const purges: Array<[name: string, request: object, rest?: Reaction]> = [
      ['a login (I09)', flow('login', { identifier: 'a', password: PASSWORD }), OWN],
      ['a login that fails', flow('login', {}), replay('10-api-login', 'wrong password')],
      ['a submit that Kratos fails at', flow('settings', {}), answer(500, {})],
      [
        'settings',
        flow('settings', {}),
        answer(200, {
          id: ID,
          ui: { action: 'http://127.0.0.1:4433/x', nodes: [] },
          state: 'success',
          identity: SESSION.identity,
        }),
      ],
      ['others revoked', logoutOf(COOKIE.cookie, '/api/auth/sessions', 'DELETE'), answer(200, [])],
      ['a purge', purge(ID)],
      ['a purge in upper case', purge(ID.toUpperCase())],
      ['a web hook', {
        method: 'POST',
        url: '/internal/auth/user-updated',
        payload: { identity: { id: ID, traits: {} } },
        headers: { 'x-webhook-key': WEBHOOK_KEY },
      }],
    ]
    await t.test('by whatever may change it', async (t) => {
      const { app, kratos, status, whoamis } = await setUp(t)
      for (const [name, request, rest] of purges) {
        kratos.react(kratosWith(ACTIVE, rest))
        await status()
        const kept = whoamis()
        await status()
        t.equal(whoamis(), kept, 'it is kept')
        await app.inject(request)
        const before = whoamis()
        await status()
        t.equal(whoamis(), before + 1, `${name}: the next request asks Kratos`)
      }
    })

    await t.test('POST /internal/auth/purge wants the key and an identity', async (t) => {
      const { app, status, whoamis } = await setUp(t)
      await status()
      t.match((await app.inject({ ...purge(ID), headers: {} })).json(), { code: 'INVALID_WEBHOOK_KEY' })
      t.match((await app.inject({ ...purge(ID), headers: { 'x-webhook-key': WEBHOOK_KEY, origin: FRONTEND } })).json(), {
        code: 'ORIGIN_FORBIDDEN',
      })
      t.match((await app.inject(purge('x'))).json(), { code: 'VALIDATION_ERROR' })
      await status()
      t.equal(whoamis(), 1)
      t.strictSame((await app.inject(purge(ID))).json(), { success: true })
    })

    await t.test('what goes through /kratos too; what only shows something does not', async (t) => {
      const { app, status, whoamis } = await setUp(t, kratosWith(ACTIVE), { KRATOS_PROXY: 'true' })
      const through = async (method: 'GET' | 'POST' | 'DELETE', path: string): Promise<number> => {
        await status()
        const before = whoamis()
        await app.inject({ method, url: `/kratos/${path}`, headers: { ...COOKIE, origin: FRONTEND } })
        await status()
        return whoamis() - before
      }
      for (
        const [method, path] of [
          ['POST', 'self-service/settings?flow=x'],
          ['GET', 'self-service/logout?token=x'],
          ['DELETE', 'sessions'],
          ['GET', 'self-service/methods/oidc/callback/x?code=1'],
          ['GET', 'self-service/recovery?token=x'],
        ] as const
      ) {
        t.equal(await through(method, path), 1, `${method} ${path}`)
      }
      for (const path of ['self-service/login/browser?refresh=true', 'self-service/settings/flows?id=x', 'schemas/x']) {
        t.equal(await through('GET', path), 0, path)
      }
    })
  })

  t.test('with a real flow of events and the cache on', async (t) => {
    const { app } = await buildWithKratos(t, { env: CACHED })
    const isIn = async (cookie: string): Promise<boolean> =>
      (await get(app, '/api/auth/whoami', { cookie })).statusCode === 200

    await t.test('who logs out is out at once, as app and as browser (I06)', async (t) => {
      for (const enter of [signUp, signUpInBrowser]) {
        const { cookie } = await enter(app)
        t.same([await isIn(cookie), await isIn(cookie)], [true, true])
        t.ok(app.sessions.counters().hits > 0, 'the cache is in use')
        t.equal((await post(app, '/api/auth/logout', {}, { cookie, origin: FRONTEND })).statusCode, 200)
        t.equal(await isIn(cookie), false)
      }
    })

    await t.test('a deleted account is gone at once', async (t) => {
      const { cookie } = await signUp(app)
      await isIn(cookie)
      t.equal(
        (await app.inject({ method: 'DELETE', url: '/api/auth/account', headers: { cookie, origin: FRONTEND } }))
          .statusCode,
        200,
      )
      t.equal(await isIn(cookie), false)
    })

    await t.test('an account is not deleted by a session that is kept and over', async (t) => {
      const { app, kratos, status } = await setUp(t)
      const remove = async (): Promise<number> =>
        (await app.inject({ method: 'DELETE', url: '/api/auth/account', headers: { ...COOKIE, origin: FRONTEND } }))
          .statusCode
      t.equal(await status(), 200)
      kratos.react(kratosWith(GONE))
      t.equal(await status(), 200, 'it is kept')
      t.equal(await remove(), 401, 'and asked for anew before the account goes')
      t.same(kratos.requests.filter(({ method }) => method === 'DELETE'), [])
    })

    await t.test('a login replaces the session of this browser (I09)', async (t) => {
      const [ada, bob] = [await signUp(app), await signUp(app)]
      await isIn(ada.cookie)
      const { data } = (await get(app, '/api/auth/flows/login')).json<{ data: { id: string } }>()
      const answer = await post(app, '/api/auth/flows/login', {
        flow_id: data.id,
        identifier: bob.email,
        password: PASSWORD,
      }, { origin: FRONTEND })
      const cookie = String(answer.headers['set-cookie']).split(';', 1)[0] ?? ''
      t.match((await get(app, '/api/auth/whoami', { cookie })).json(), { data: { email: bob.email } })
      t.match((await get(app, '/api/auth/whoami', { cookie: ada.cookie })).json(), { data: { email: ada.email } })
    })
  })

  t.test("config.auth { only: 'id' }", async (t) => {
    async function host (t: Test, publicUrl: string, sessionCacheMaxAge = 0) {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(fastifyKratos, { ...PATIENT, publicUrl, sessionCacheMaxAge })
      app.get(
        '/id',
        { config: { auth: { only: 'id' } } },
        async ({ identityId, kratosSession }) => ({ identityId, kratosSession }),
      )
      app.get(
        '/whole',
        { config: { auth: true } },
        async ({ identityId, kratosSession }) => ({ identityId, is: kratosSession?.identity.id }),
      )
      return app
    }

    await t.test('gives the id for the price of a HEAD', async (t) => {
      const kratos = await startKratos(t)
      const app = await host(t, kratos.publicUrl)
      const identity = await kratos.createIdentity({ email: 'ada@example.com' })
      const ada = kratos.signIn(identity)
      t.strictSame((await app.inject({ url: '/id', headers: ada.headers })).json(), {
        identityId: identity.id,
        kratosSession: null,
      })
      t.strictSame((await app.inject({ url: '/whole', headers: ada.headers })).json(), {
        identityId: identity.id,
        is: identity.id,
      })
      kratos.expire(ada)
      t.equal((await app.inject({ url: '/id', headers: ada.headers })).statusCode, 401)
    })

    await t.test('asks by HEAD, and whole only where the header says nothing (recordings 31, 36)', async (t) => {
      const kratos = await startFaultServer(t, (socket, request) => {
        const { status, headers } = recorded('31-whoami-methods', 'HEAD with token')
        socket.write(
          request.method === 'HEAD'
            ? `HTTP/1.1 ${status} OK\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
            : '',
        )
      })
      const app = await host(t, kratos.url)
      const id = async () => (await app.inject({ url: '/id', headers: COOKIE })).json<{ identityId: string }>().identityId
      t.equal(await id(), '1afcd085-9fd1-435e-9813-26a9ae849aeb')
      t.same(kratos.requests.map(({ method }) => method), ['HEAD'])
      for (
        const header of [
          '',
          'X-Kratos-Authenticated-Identity-Id: 00000000-0000-0000-0000-000000000000\r\n',
          'X-Kratos-Authenticated-Identity-Id: admin\r\n',
        ]
      ) {
        kratos.requests.length = 0
        kratos.react((socket, request) =>
          request.method === 'HEAD'
            ? socket.write(`HTTP/1.1 200 OK\r\n${header}Content-Length: 9\r\n\r\n`)
            : ACTIVE(socket, request),
        )
        t.equal(await id(), ID, header)
        t.same(kratos.requests.map(({ method }) => method), ['HEAD', 'GET'])
      }
    })

    await t.test('a refusal or a fault means what it means for a whole session', async (t) => {
      const bodiless = (status: number): string =>
        `HTTP/1.1 ${status} Answer\r\nContent-Type: application/json\r\nContent-Length: 157\r\n\r\n`
      const cases: Array<[name: string, head: number, whole: Reaction, status: number]> = [
        ['no session', 401, GONE, 401],
        [
          'a second factor is missing',
          403,
          replay('34-whoami-aal2-required', 'whoami aal1 with a second factor enrolled'),
          403,
        ],
        [
          'broken, with an id all the same (recording 30)',
          500,
          answer(500, {}, [['X-Kratos-Authenticated-Identity-Id', ID]]),
          502,
        ],
        ['nonsense', 302, answer(302, ''), 502],
      ]
      for (const [name, head, whole, status] of cases) {
        const kratos = await startFaultServer(
          t,
          (socket, request) => request.method === 'HEAD' ? socket.write(bodiless(head)) : whole(socket, request),
        )
        t.equal((await (await host(t, kratos.url)).inject({ url: '/id', headers: COOKIE })).statusCode, status, name)
      }
    })

    await t.test('with a cache a whole session is kept, and serves both', async (t) => {
      const kratos = await startFaultServer(t, kratosWith(ACTIVE))
      const app = await host(t, kratos.url, 5)
      for (const url of ['/id', '/whole', '/id']) {
        t.equal((await app.inject({ url, headers: COOKIE })).json<{ identityId: string }>().identityId, ID)
      }
      t.same(kratos.requests.filter(({ head }) => head.includes(TOKEN)).map(({ method }) => method), ['GET'])
    })

    await t.test('cannot be combined with what only a session tells', async (t) => {
      const app = await host(t, 'http://127.0.0.1:9')
      for (const auth of [{ only: 'id', aal: 'aal2' }, { only: 'id', within: '5m' }, { only: 'name' }]) {
        t.throws(
          () => app.get('/never', { config: { auth: auth as never } }, async () => 'x'),
          TypeError,
          JSON.stringify(auth),
        )
      }
    })
  })

  t.test('all calls of one request share one deadline (figure 5)', async (t) => {
    const { app, kratos } = await setUp(t, hang, {
      SESSION_CACHE_MAX_AGE: '0',
      KRATOS_DEADLINE_MS: '400',
      WHOAMI_DEADLINE_MS: '400',
    })
    const sealed = `ory_kratos_session=MTc5${'Az_-09'.repeat(70)}`
    // Each of the three calls of a browser's logout takes most of the limit for itself.
    kratos.react((socket, request) => {
      setTimeout(() => kratosWith(ACTIVE)(socket, request), 300)
    })
    const response = await app.inject({
      method: 'POST',
      url: '/api/auth/logout',
      payload: {},
      headers: { cookie: sealed, origin: FRONTEND },
    })
    t.equal(response.json<{ code: string }>().code, 'UPSTREAM_TIMEOUT')
    t.ok(kratos.requests.length < 3, 'the last call is never made')
  })

  t.test('a client that goes away (J24)', async (t) => {
    const kratos = await startFaultServer(t, hang)
    // Deadlines that no test waits for.
    const { app, logs } = await build(t, {
      KRATOS_PUBLIC_URL: kratos.url,
      WHOAMI_DEADLINE_MS: '60000',
      KRATOS_DEADLINE_MS: '60000',
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as { port: number }
    for (const path of ['/api/auth/whoami', '/api/auth/flows/login', '/api/documents']) {
      const controller = new AbortController()
      const asked = fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { 'x-session-token': TOKEN },
        signal: controller.signal,
      })
      const before = kratos.requests.length
      while (kratos.requests.length === before) await new Promise((resolve) => setImmediate(resolve))
      controller.abort()
      await t.rejects(asked)
      while (Object.values(app.kratos.load()).some(({ inside }) => inside > 0)) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      t.equal(kratos.requests.length, before + 1, `${path}: its call is given up, and none is made after it`)
    }
    t.notOk(logs().some((line) => /request_failed|"level":[45]0/.test(line)), 'and that is no failure of anybody')
  })
}
