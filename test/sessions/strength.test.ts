import Fastify from 'fastify'
import type { Test } from 'tap'
import fastifyKratos, { type KratosSession } from '../../src/plugin.js'
import { PATIENT } from '../support/app.js'
import { durationMs, missingRequirement } from '../../src/sessions/strength.js'
import { cookieHeader, startKratos } from '../support/kratos.js'
import { enrolTotp } from '../support/totp.js'

const session = (over: Partial<KratosSession> = {}): KratosSession => ({
  id: 's',
  active: true,
  expires_at: '2030-01-01T00:00:00Z',
  authenticated_at: '2026-01-01T00:00:00Z',
  authenticator_assurance_level: 'aal1',
  identity: { id: 'i', traits: {} },
  ...over,
})
const at = (time: string): number => Date.parse(`2026-01-01T${time}Z`)

export default async function (t: Test): Promise<void> {
  t.test('missingRequirement', async (t) => {
    await t.test('aal2 asks for a second factor', async (t) => {
      t.equal(missingRequirement(session(), { aal: 'aal2' }), 'AAL2_REQUIRED')
      t.equal(missingRequirement(session({ authenticator_assurance_level: 'aal2' }), { aal: 'aal2' }), undefined)
      t.equal(missingRequirement(session(), { aal: 'aal1' }), undefined)
    })

    await t.test('within asks for a login that is recent enough, to the millisecond', async (t) => {
      t.equal(missingRequirement(session(), { within: '5m' }, at('00:05:00')), undefined)
      t.equal(missingRequirement(session(), { within: '5m' }, at('00:05:00.001')), 'SESSION_REFRESH_REQUIRED')
      t.equal(
        missingRequirement(session({ authenticated_at: undefined }), { within: '5m' }, at('00:00:01')),
        'SESSION_REFRESH_REQUIRED',
      )
    })

    await t.test('a clock that is behind the login is not that of Kratos', async (t) => {
      t.equal(missingRequirement(session(), { within: '5m' }, at('00:00:00') - 4000), undefined, 'a few seconds are nothing')
      t.equal(missingRequirement(session(), { within: '5m' }, 0), 'SESSION_REFRESH_REQUIRED')
      const now = new Date().toISOString()
      t.equal(missingRequirement(session({ authenticated_at: now }), { within: '5m' }, 0), undefined)
    })

    await t.test('a second factor comes first, because giving it renews the login', async (t) => {
      t.equal(missingRequirement(session(), { aal: 'aal2', within: '1s' }, at('01:00:00')), 'AAL2_REQUIRED')
    })
  })

  t.test('durationMs', async (t) => {
    await t.test('reads seconds, minutes and hours, and nothing else', async (t) => {
      t.same(['90s', '5m', '1h'].map(durationMs), [90_000, 300_000, 3_600_000])
      for (const text of ['', '5', 'm', '5d', '-5m', '1.5h', '5m ']) t.throws(() => durationMs(text), TypeError, text)
    })
  })

  t.test('a route with config.auth', async (t) => {
    const kratos = await startKratos(t)
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl })
    let handled = 0
    const handler = async (): Promise<object> => ({ handled: ++handled })
    app.get('/open', handler)
    app.get('/any', { config: { auth: true } }, handler)
    app.post('/any', { config: { auth: true }, schema: { body: { type: 'object', required: ['x'] } } }, handler)
    app.get('/strong', { config: { auth: { aal: 'aal2' } } }, handler)
    app.get('/recent', { config: { auth: { within: '1h', fresh: true } } }, handler)
    await app.ready()

    const flow = (await app.inject('/api/auth/flows/registration')).json<{ data: { id: string } }>().data.id
    const payload = { flow_id: flow, email: 'route@example.test', password: 'Xq7-velvet-harbor-42' }
    const cookie = cookieHeader(await app.inject({ method: 'POST', url: '/api/auth/flows/registration', payload }))

    await t.test('answers 401 without a session, HEAD too, before the body is looked at', async (t) => {
      const before = handled
      for (
        const [method, url] of [['GET', '/any'], ['HEAD', '/any'], ['POST', '/any'], ['GET', '/strong'], [
          'GET',
          '/recent',
        ]] as const
      ) {
        t.equal((await app.inject({ method, url })).statusCode, 401, `${method} ${url}`)
      }
      t.equal(handled, before)
      t.equal((await app.inject('/open')).statusCode, 200)
    })

    await t.test('lets a session in that is strong enough', async (t) => {
      t.equal((await app.inject({ url: '/any', headers: { cookie } })).statusCode, 200)
      t.equal((await app.inject({ url: '/recent', headers: { cookie } })).statusCode, 200)
    })

    await t.test("refuses the plugin user's own POST with a cookie from a foreign origin", async (t) => {
      const answer = await app.inject({
        method: 'POST',
        url: '/any',
        headers: { cookie, origin: 'https://evil.example' },
        payload: { x: 1 },
      })
      t.equal(answer.statusCode, 403)
      t.equal(answer.json().code, 'ORIGIN_FORBIDDEN')
    })

    await t.test('403 AAL2_REQUIRED where a second factor is asked for; after the step-up the same request passes', async (t) => {
      const answer = await app.inject({ url: '/strong', headers: { cookie } })
      t.equal(answer.statusCode, 403)
      t.equal(answer.json().code, 'AAL2_REQUIRED')
      await enrolTotp(app, cookie)
      t.equal((await app.inject({ url: '/strong', headers: { cookie } })).statusCode, 200)
    })

    await t.test('403 SESSION_REFRESH_REQUIRED where the login is too old; after a new login the same request passes', async (t) => {
      const identity = await kratos.createIdentity({ email: 'old@example.test' }, 'Xq7-velvet-harbor-42')
      const { token = '' } = kratos.signIn(identity, { transport: 'token', authenticatedAt: Date.now() - 2 * 3_600_000 })
      const headers = { cookie: `ory_kratos_session=${token}` }
      const answer = await app.inject({ url: '/recent', headers })
      t.equal(answer.statusCode, 403)
      t.equal(answer.json().code, 'SESSION_REFRESH_REQUIRED')
      const login =
        (await app.inject({ url: '/api/auth/flows/login?refresh=true', headers })).json<{ data: { id: string } }>().data
          .id
      await app.inject({
        method: 'POST',
        url: '/api/auth/flows/login',
        headers,
        payload: { flow_id: login, identifier: 'old@example.test', password: 'Xq7-velvet-harbor-42' },
      })
      t.equal((await app.inject({ url: '/recent', headers })).statusCode, 200)
    })

    await t.test('a requirement that makes no sense fails the start', async (t) => {
      t.throws(() => app.get('/bad', { config: { auth: { within: 'soon' as '5m' } } }, handler))
    })
  })
}
