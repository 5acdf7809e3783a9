import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { proxiedKind } from '../../src/kratos-client/pass-through.js'
import { build } from '../support/app.js'
import { answer, type FaultServer, hang, type Reaction, startFaultServer } from '../support/fault-server.js'
import { FLOW, ID } from '../support/faults.js'

const TOKEN = { 'x-session-token': `ory_st_${'a1B2'.repeat(8)}` }
const JSON_BODY = { 'content-type': 'application/json' }

interface Ask {
  method: 'GET' | 'POST'
  url: string
  headers?: Record<string, string>
}

const ask = (app: FastifyInstance, { method, url, headers = {} }: Ask) =>
  app.inject({
    method,
    url,
    headers: { ...headers, ...(method === 'POST' && JSON_BODY) },
    ...(method === 'POST' && { payload: JSON.stringify(url.includes('logout') ? {} : { flow_id: ID, method: 'password' }) }),
  })

const SETTINGS: Ask = { method: 'POST', url: '/api/auth/flows/settings', headers: TOKEN }
const LOGIN: Ask = { method: 'POST', url: '/api/auth/flows/login' }
const PROXIED_LOGIN: Ask = { method: 'POST', url: `/kratos/self-service/login?flow=${ID}` }
const PROXIED_READ: Ask = { method: 'GET', url: '/kratos/sessions/whoami', headers: TOKEN }
const PROXIED_LOGOUT: Ask = { method: 'GET', url: '/kratos/self-service/logout/browser' }
const LOGOUT_URL: Ask = { method: 'GET', url: '/api/auth/flows/logout', headers: TOKEN }

/** Answers like this, except that what matches hangs. */
const hangingFor = (pattern: RegExp): Reaction => (socket, request) =>
  (pattern.test(request.target) ? hang : answer(400, FLOW))(socket, request)

async function setUp (t: Test, hanging: RegExp, env: Record<string, string> = {}) {
  const kratos = await startFaultServer(t, hangingFor(hanging))
  const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, KRATOS_PROXY: 'true', ...env })
  return { app, kratos }
}

/** So many requests that wait for Kratos; the others are refused at once. */
async function fill (app: FastifyInstance, kratos: FaultServer, request: Ask, count: number): Promise<void> {
  const before = kratos.requests.length
  for (let index = 0; index < count; index++) ask(app, request).catch(() => {})
  while (kratos.requests.length === before) await new Promise((resolve) => setImmediate(resolve))
}

export default async function (t: Test): Promise<void> {
  t.test('work that anybody can ask for has sockets of its own', async (t) => {
    const floods: Array<[name: string, hanging: RegExp, flood: Ask, served: Ask[]]> = [
      ['settings', /settings/, SETTINGS, [LOGIN, LOGOUT_URL, PROXIED_LOGIN]],
      ['reads of /kratos/*', /whoami/, PROXIED_READ, [LOGIN, LOGOUT_URL, PROXIED_LOGIN, PROXIED_LOGOUT]],
      ['logouts of /kratos/*', /logout/, PROXIED_LOGOUT, [LOGIN, PROXIED_LOGIN]],
    ]
    for (const [name, hanging, flood, served] of floods) {
      t.test(`${name}: nobody else is kept waiting`, async (t) => {
        const { app, kratos } = await setUp(t, hanging)
        await fill(app, kratos, flood, 150)
        t.match((await ask(app, flood)).json(), { code: 'OVERLOADED' }, 'the flood is refused itself')
        for (const request of served) t.not((await ask(app, request)).statusCode, 503, request.url)
      })
    }

    t.test('logins through /kratos/* keep no login of ours waiting', async (t) => {
      const { app, kratos } = await setUp(t, /login\?flow=77d1/)
      await fill(app, kratos, PROXIED_LOGIN, 150)
      kratos.react(answer(400, FLOW))
      t.equal((await ask(app, LOGIN)).statusCode, 200)
    })
  })

  t.test('settings without a credential are 401, and Kratos is not asked', async (t) => {
    const { app, kratos } = await setUp(t, /never/)
    const refused = await ask(app, { method: 'POST', url: '/api/auth/flows/settings' })
    t.equal(refused.statusCode, 401)
    t.match(refused.json(), { code: 'INVALID_SESSION', next: 'reauthenticate' })
    t.equal(kratos.requests.length, 0)
  })

  t.test('/kratos/*', async (t) => {
    t.test('is called what it would be at our own routes', async (t) => {
      const table: Array<[request: string, kind: string]> = [
        ['GET /self-service/logout/browser', 'logout'],
        ['GET /self-service/logout?token=x', 'logout'],
        ['DELETE /self-service/logout/api', 'logout'],
        ['POST /self-service/login?flow=x', 'submit'],
        ['GET /self-service/recovery?flow=x&token=y', 'submit'],
        ['GET /self-service/methods/oidc/callback/google', 'submit'],
        ['POST /self-service/settings?flow=x', 'settings'],
        ['GET /self-service/registration/browser?return_to=/x', 'start'],
        ['GET /self-service/login/api', 'start'],
        ['GET /self-service/login/flows?id=x', 'read'],
        ['GET /sessions/whoami', 'whoami'],
        ['DELETE /sessions', 'read'],
      ]
      for (const [request, kind] of table) {
        const [method = '', path = ''] = request.split(' ')
        t.equal(proxiedKind(method, path), kind, request)
      }
    })

    t.test('has the deadlines of our own routes', async (t) => {
      const { app } = await setUp(t, /./, { WHOAMI_DEADLINE_MS: '50', KRATOS_DEADLINE_MS: '50', SUBMIT_DEADLINE_MS: '60000' })
      t.equal((await ask(app, PROXIED_READ)).statusCode, 504)
      t.equal((await ask(app, PROXIED_LOGOUT)).statusCode, 504)
    })

    t.test('is refused under load in the order of our own routes (M05)', async (t) => {
      const { app, kratos } = await setUp(t, /whoami/, { MAX_IN_FLIGHT: '20' })
      await fill(app, kratos, { method: 'GET', url: '/api/auth/whoami', headers: TOKEN }, 17)
      const statuses = async () =>
        await Promise.all([
          { method: 'GET' as const, url: '/kratos/self-service/login/browser' },
          { method: 'GET' as const, url: `/kratos/self-service/login/flows?id=${ID}` },
          PROXIED_LOGIN,
          PROXIED_LOGOUT,
        ].map(async (request) => (await ask(app, request)).statusCode === 503))
      t.same(await statuses(), [true, true, false, false])
    })

    t.test('starts count for the address', async (t) => {
      const { app } = await setUp(t, /never/, { LOGIN_LIMIT_PER_ADDRESS: '30' })
      const start: Ask = { method: 'GET', url: '/kratos/self-service/registration/api' }
      for (let index = 0; index < 60; index++) await ask(app, start)
      t.equal((await ask(app, start)).statusCode, 429)
    })
  })

  t.test('GET /health/ready costs one look-up a second, however many ask', async (t) => {
    const { app, kratos } = await setUp(t, /never/)
    const startedAt = performance.now()
    await Promise.all(Array.from({ length: 100 }, () => app.inject('/health/ready')))
    await app.inject('/health/ready')
    const seconds = Math.floor((performance.now() - startedAt) / 1000)
    t.ok(kratos.requests.filter(({ target }) => target === '/health/ready').length <= 1 + seconds)
  })
}
