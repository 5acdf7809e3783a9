import Fastify from 'fastify'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { PATIENT, REFUSING_URL } from '../support/app.js'
import { buildWithKratos, get, signUp, startKratos } from '../support/kratos.js'

export default async function (t: Test): Promise<void> {
  t.test('GET /api/auth/whoami', async (t) => {
    t.test('answers a visitor 401, and 204 where that was asked for', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie, email } = await signUp(app)
      const over = { cookie: `ory_kratos_session=ory_st_${'a'.repeat(32)}` }
      for (const headers of [{}, over]) {
        const refused = await get(app, '/api/auth/whoami', headers)
        t.match(refused.json(), { code: 'INVALID_SESSION', next: 'reauthenticate', start: String })
        t.match(refused.headers, { 'www-authenticate': /^Bearer/ })
        const answer = await get(app, '/api/auth/whoami?optional=true', headers)
        t.strictSame([answer.statusCode, answer.body], [204, ''])
        t.notOk('www-authenticate' in answer.headers)
      }
      t.match((await get(app, '/api/auth/whoami?optional=true', { cookie })).json(), { data: { email, authenticated: true } })
      const ill = await buildWithKratos(t, { env: { KRATOS_PUBLIC_URL: REFUSING_URL } })
      t.equal((await get(ill.app, '/api/auth/whoami?optional=true', over)).statusCode, 503, 'an outage is not nobody')
    })

    t.test('says the id in a header for proxies that ask for it', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie } = await signUp(app)
      const answer = await get(app, '/api/auth/whoami?headers=true', { cookie })
      t.equal(answer.headers['x-user-id'], answer.json().data.id)
      t.notOk('x-user-id' in (await get(app, '/api/auth/whoami', { cookie })).headers)
      const refused = await get(app, '/api/auth/whoami?headers=true')
      t.strictSame([refused.statusCode, 'x-user-id' in refused.headers], [401, false])
      t.notOk('x-user-id' in (await get(app, '/api/auth/whoami?headers=true&optional=true')).headers)
    })
  })

  t.test('config.auth.optional', async (t) => {
    t.test('lets visitors pass, and of a session still asks what the route wants', async (t) => {
      const kratos = await startKratos(t)
      const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl, defaultDeny: true })
      app.addHook('onRequest', app.authenticate)
      app.get('/', { config: { auth: { optional: true } } }, async ({ auth }) => auth.kind)
      app.get('/vault', { config: { auth: { optional: true, aal: 'aal2' } } }, async ({ auth }) => auth.kind)
      app.get('/id', { config: { auth: { optional: true, only: 'id' } } }, async ({ identityId }) => typeof identityId)
      t.throws(() => app.get('/typo', { config: { auth: { optional: 'yes' as never } } }, async () => ''), /config\.auth\.optional/)
      app.get('/strict', { config: { auth: { optional: false } } }, async () => 'shown')
      t.equal((await app.inject('/')).body, 'none')
      t.equal((await app.inject({ url: '/', headers })).body, 'session')
      t.equal((await app.inject('/vault')).body, 'none')
      t.equal((await app.inject({ url: '/vault', headers })).statusCode, 403)
      t.equal((await app.inject('/id')).body, 'object')
      t.equal((await app.inject({ url: '/id', headers })).body, 'string')
      t.equal((await app.inject('/strict')).statusCode, 401)
    })
  })
}
