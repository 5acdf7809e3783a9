import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import fastifyKratos, { type FastifyKratosOptions } from '../../src/plugin.js'
import { PASSWORD, startKratos } from '../support/kratos.js'

/** An app of somebody else with guarded routes, closed with the test. */
function host (t: Test): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  return app
}

async function guard (app: FastifyInstance, options: FastifyKratosOptions): Promise<void> {
  await app.register(fastifyKratos, options)
  app.get('/any', { config: { auth: true } }, async () => 'shown')
  app.get('/vault', { config: { auth: { aal: 'aal2' } } }, async () => 'shown')
  app.get('/fresh', { config: { auth: { within: '5m' } } }, async () => 'shown')
  app.get('/proven', { config: { auth: { verified: true } } }, async () => 'shown')
}

async function people (t: Test) {
  const kratos = await startKratos(t)
  const identity = await kratos.createIdentity({ email: 'ada@example.com' }, PASSWORD)
  const { headers } = kratos.signIn(identity)
  const { headers: old } = kratos.signIn(identity, { authenticatedAt: Date.now() - 3_600_000 })
  return { kratos, identity, headers, old, options: { publicUrl: kratos.publicUrl } }
}

export default async function (t: Test): Promise<void> {
  t.test("the refusal of a host's guard", async (t) => {
    t.test('says next and start in the body that Fastify writes', async (t) => {
      const { headers, old, options } = await people(t)
      const app = host(t)
      await guard(app, options)
      const rows: Array<[string, Record<string, string>, number, string, string]> = [
        ['/any', {}, 401, 'reauthenticate', 'login?refresh=true'],
        ['/vault', headers, 403, 'step_up', 'login?aal=aal2'],
        ['/fresh', old, 403, 'reauthenticate', 'login?refresh=true'],
        ['/proven', headers, 403, 'verify', 'verification'],
      ]
      for (const [url, credential, status, next, start] of rows) {
        const answer = await app.inject({ url, headers: credential })
        t.match(answer.json(), { statusCode: status, code: String, next, start: `/api/auth/flows/${start}` }, url)
        const followed = await app.inject({ url: answer.json<{ start: string }>().start, headers: credential })
        t.match(followed.json(), { data: { next: url === '/vault' ? 'settings' : 'form' } }, url)
      }
      t.equal(JSON.stringify((await app.inject('/nothing')).json()).includes('next'), false)
    })

    t.test('names the routes wherever they are', async (t) => {
      const { options } = await people(t)
      const places: Array<[string, Partial<FastifyKratosOptions>, string | undefined]> = [
        ['', { routes: { prefix: '/account/api' } }, '/account/api/flows/login?refresh=true'],
        ['/v1', {}, '/v1/api/auth/flows/login?refresh=true'],
        ['/v1/', { routes: { prefix: '/me' } }, '/v1/me/flows/login?refresh=true'],
        ['', { baseUrl: 'https://example.com/backend' }, '/backend/api/auth/flows/login?refresh=true'],
        ['', { routes: false }, undefined],
      ]
      for (const [prefix, more, start] of places) {
        const app = host(t)
        await app.register(async (scope) => guard(scope, { ...options, ...more }), { prefix })
        const words = (await app.inject(`${prefix.replace(/\/$/, '')}/any`)).json<{ next: string, start?: string }>()
        t.strictSame([words.next, words.start], ['reauthenticate', start])
      }
    })

    t.test("has them in members for a host's own error handler, whose answers stay as they are", async (t) => {
      const { options } = await people(t)
      const app = host(t)
      app.setErrorHandler((error: Error & { code?: string, members?: object }, _request, reply) =>
        reply.code(401).send({ problem: error.code, ...error.members }))
      await guard(app, options)
      t.strictSame((await app.inject('/any')).json(), {
        problem: 'INVALID_SESSION',
        next: 'reauthenticate',
        start: '/api/auth/flows/login?refresh=true',
      })
      const silent = host(t)
      silent.setErrorHandler((error: Error & { code?: string }, _request, reply) =>
        reply.code(401).send({ code: error.code, detail: error.message }))
      await guard(silent, options)
      t.strictSame((await silent.inject('/any')).json(), { code: 'INVALID_SESSION', detail: 'Invalid session' })
    })
  })

  t.test('config.auth.verified', async (t) => {
    t.test('lets in whoever has a verified address, with verified: false everybody', async (t) => {
      const { kratos, identity, headers, options } = await people(t)
      const app = host(t)
      await guard(app, options)
      app.get('/unproven', { config: { auth: { verified: false } } }, async () => 'shown')
      t.equal((await app.inject({ url: '/unproven', headers })).statusCode, 200)
      t.match((await app.inject({ url: '/proven', headers })).json(), { code: 'ADDRESS_NOT_VERIFIED', next: 'verify' })
      const url = `${kratos.adminUrl}/admin/identities/${identity.id}`
      const operation = { op: 'replace', path: '/verifiable_addresses/0/verified', value: true }
      const patched = await fetch(url, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([operation]),
      })
      t.equal(patched.status, 200)
      t.equal((await app.inject({ url: '/proven', headers })).statusCode, 200)
      t.equal((await app.inject('/proven')).statusCode, 401)
    })

    t.test('stops the start where it is no boolean, or with only: id', async (t) => {
      for (const auth of [{ verified: 'yes' }, { verified: 1 }, { verifed: true }, { verified: true, only: 'id' }]) {
        const app = host(t)
        await app.register(fastifyKratos, { publicUrl: 'http://127.0.0.1:9' })
        t.throws(() => app.get('/', { config: { auth: auth as never } }, async () => ''), /GET \/: config\.auth/)
      }
    })
  })
}
