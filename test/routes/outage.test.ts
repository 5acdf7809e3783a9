import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { type EmbeddedKratos, startEmbeddedKratos } from '../../kratos/embedded/index.js'
import fastifyKratos from '../../src/plugin.js'
import { build, FRONTEND, PATIENT } from '../support/app.js'
import { cookieHeader, get, PASSWORD, post, setCookies, signUp, signUpInBrowser, startFlow } from '../support/kratos.js'

interface Setup {
  app: FastifyInstance
  kratos: EmbeddedKratos
  logs: () => string[]
}

async function setUp (t: Test, env: Record<string, string> = {}): Promise<Setup> {
  const kratos = await startEmbeddedKratos({ overrides: { hashers: { bcrypt: { cost: 4 } } } })
  t.teardown(() => kratos.close())
  const urls = { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl }
  const { app, logs } = await build(t, { ...urls, ...env })
  return { app, kratos, logs }
}

const json = (method: 'POST' | 'DELETE', url: string, payload: object = {}): InjectOptions => ({
  method,
  url,
  payload,
  headers: { origin: FRONTEND },
})
const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'

/** Everything that hears of a session. @param settingsFlow one of the holder's */
const requests = (settingsFlow: string): InjectOptions[] => [
  { url: '/api/auth/whoami' },
  { method: 'HEAD', url: '/api/auth/whoami' },
  { url: '/api/documents' },
  json('POST', '/api/documents', { title: 't', content: 'c' }),
  { url: '/api/auth/sessions' },
  json('DELETE', '/api/auth/sessions'),
  json('DELETE', `/api/auth/sessions/${ID}`),
  json('DELETE', '/api/auth/account'),
  { url: '/api/auth/flows/settings' },
  { url: `/api/auth/flows/settings/${settingsFlow}` },
  json('POST', '/api/auth/flows/settings', { flow_id: settingsFlow, method: 'profile', traits: {} }),
  { url: '/api/auth/flows/login?aal=aal2' },
  { url: '/api/auth/flows/logout' },
  json('POST', '/api/auth/logout'),
  { url: '/api/auth/logout?token=ory_lo_x', headers: { accept: 'application/json' } },
]

const as = (request: InjectOptions, cookie: string): InjectOptions => ({
  ...request,
  headers: { ...request.headers, cookie },
})

export default async function (t: Test): Promise<void> {
  t.test('Kratos without its database logs nobody out, neither token nor sealed cookie (J28)', async (t) => {
    const { app, kratos } = await setUp(t)
    for (const enter of [signUp, signUpInBrowser]) {
      const { cookie } = await enter(app)
      const { id } = await startFlow(app, 'settings', '', { cookie })
      const fault = await kratos.fault({ kind: 'database-away' })
      for (const request of requests(id)) {
        const answer = await app.inject(as(request, cookie))
        const name = `${enter.name}: ${request.method ?? 'GET'} ${request.url as string}`
        t.ok(answer.statusCode >= 502 && answer.statusCode <= 504, `${name}: ${answer.statusCode}`)
        t.notOk(setCookies(answer).some((line) => /max-age=0/i.test(line)), 'no cookie goes')
        t.notOk(setCookies(answer).some((line) => line.startsWith('ory_kratos_session')), 'nor comes')
      }
      await fault.clear()
      t.equal((await get(app, '/api/auth/whoami', { cookie })).statusCode, 200, 'and the session is there afterwards')
    }
  })

  t.test('a pool of connections that is used up for a moment is noticed by nobody', async (t) => {
    const { app, kratos } = await setUp(t)
    const { cookie, token } = await signUp(app)
    for (const headers of [{ cookie }, { 'x-session-token': token }]) {
      const fault = await kratos.fault({ kind: 'database-away', path: '/sessions/whoami', times: 1 })
      t.equal((await get(app, '/api/auth/whoami', headers)).statusCode, 200)
      t.equal(fault.calls, 1)
      await kratos.fault({ kind: 'database-away', path: '/sessions/whoami', times: 2 })
      t.match((await get(app, '/api/auth/whoami', headers)).json(), { code: 'UPSTREAM_UNAVAILABLE' }, 'twice is an outage')
    }
  })

  t.test('a logout is not proven by a database that is away, and is by one that is there', async (t) => {
    const { app, kratos } = await setUp(t)
    for (const enter of [signUp, signUpInBrowser]) {
      const { cookie } = await enter(app)
      await kratos.fault({ kind: 'database-away', path: /^\/sessions|^\/self-service\/logout\/browser$/, times: 3 })
      const unproven = await post(app, '/api/auth/logout', {}, { cookie, origin: FRONTEND })
      t.ok(unproven.statusCode >= 502, `${enter.name}: ${unproven.statusCode}`)
      for (let turn = 0; turn < 2; turn++) {
        await post(app, '/api/auth/logout', {}, { cookie, origin: FRONTEND })
      }
      t.equal((await get(app, '/api/auth/whoami', { cookie })).statusCode, 401, 'trying again is safe')
    }
  })

  t.test('an optional guard calls nobody a stranger, and a guard by id asks as well', async (t) => {
    const kratos = await startEmbeddedKratos()
    const app = Fastify()
    t.teardown(() => Promise.all([app.close(), kratos.close()]))
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl })
    app.get('/optional', { onRequest: app.authenticateOptional }, async ({ kratosSession }) =>
      kratosSession === null ? 'a stranger' : 'known')
    app.get('/id', { config: { auth: { only: 'id' } } }, async ({ identityId }) => identityId)
    const ada = await kratos.createIdentity({ email: 'ada@example.com' })
    for (const transport of ['token', 'cookie'] as const) {
      const { headers, ...session } = kratos.signIn(ada, { transport })
      const fault = await kratos.fault({ kind: 'database-away' })
      for (const url of ['/optional', '/id']) t.equal((await app.inject({ url, headers })).statusCode, 503, url)
      await fault.clear()
      t.equal((await app.inject({ url: '/id', headers })).body, ada.id)
      kratos.expire(session)
      t.equal((await app.inject({ url: '/optional', headers })).body, 'a stranger', 'whose session is over is one')
      const over = await app.inject({ url: '/id', headers })
      t.equal(over.statusCode, 401)
      t.match(over.headers['www-authenticate'], /^Bearer realm="http:\/\/localhost(?::80)?"$/, 'with a challenge')
    }
  })

  t.test('credentials without a session: 60 a minute from one address, and who has one is never refused (G15)', async (t) => {
    const { app, logs } = await setUp(t, { LOGIN_LIMIT_FAILING_CREDENTIALS: '' })
    const { cookie } = await signUp(app)
    const madeUp = (n: number) => get(app, '/api/auth/whoami', { 'x-session-token': `ory_st_${String(n).padStart(32, 'a')}` })
    for (let n = 0; n < 60; n++) t.equal((await madeUp(n)).statusCode, 401)
    const refused = await madeUp(60)
    t.match(refused.json(), { code: 'RATE_LIMITED' })
    t.ok(Number(refused.headers['retry-after']) > 0)
    t.ok(logs().some((line) => /"event":"rate_limited","budget":"credentials"/.test(line)), 'an operator hears of it')
    t.equal((await get(app, '/api/auth/whoami', { cookie })).statusCode, 200)
    const left = await post(app, '/api/auth/logout', {}, { cookie, origin: FRONTEND })
    t.equal(left.statusCode, 200, 'nor is a logout')
    t.equal((await get(app, '/api/auth/whoami')).statusCode, 401, 'without a credential nothing is counted')
    const { id } = await startFlow(app, 'login')
    const { email } = await signUp(app)
    const login = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD })
    t.equal((await get(app, '/api/auth/whoami', { cookie: cookieHeader(login) })).statusCode, 200, 'a new login counts')
  })
}
