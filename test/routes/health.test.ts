import type { Test } from 'tap'
import { build, FRONTEND } from '../support/app.js'
import { buildWithKratos, get, signUp } from '../support/kratos.js'

export default async function (t: Test): Promise<void> {
  t.test('GET /health', async (t) => {
    await t.test('alive and ready are 200 with Kratos and the database up', async (t) => {
      const { app } = await buildWithKratos(t)
      for (const path of ['alive', 'ready']) {
        const answer = await get(app, `/health/${path}`)
        t.equal(answer.statusCode, 200)
        t.same(answer.json(), { success: true, data: { status: 'ok' } })
      }
    })

    await t.test('a dead Kratos makes ready 503 and leaves alive 200', async (t) => {
      const { app, logs } = await build(t)
      const ready = await get(app, '/health/ready')
      t.equal(ready.statusCode, 503)
      t.match(ready.json(), { success: false, code: 'NOT_READY' })
      t.notMatch(ready.body, /kratos|database/i, 'which part is missing is in the log only')
      t.ok(logs().some((line) => line.includes('"missing":["kratos"]')))
      t.equal((await get(app, '/health/alive')).statusCode, 200)
    })

    await t.test('a database that cannot be used makes ready 503; whoami works without it, documents are 503', async (t) => {
      const { app, kratos } = await buildWithKratos(t)
      const { cookie } = await signUp(app)
      const crippled = await build(t, {
        KRATOS_PUBLIC_URL: kratos.publicUrl,
        DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
      })
      t.equal((await get(crippled.app, '/health/ready')).statusCode, 503)
      t.equal((await get(crippled.app, '/api/auth/whoami', { cookie })).statusCode, 200)
      const documents = await get(crippled.app, '/api/documents', { cookie })
      t.equal(documents.statusCode, 503)
      t.equal(documents.json().code, 'DATABASE_UNAVAILABLE')
      t.ok(documents.headers['retry-after'])
    })

    await t.test('draining is not ready', async (t) => {
      const { app } = await buildWithKratos(t)
      app.lifecycle.isDraining = true
      t.equal((await get(app, '/health/ready')).statusCode, 503)
    })
  })

  t.test('CORS', async (t) => {
    const { app } = await build(t)
    const preflight = (origin: string) =>
      app.inject({
        method: 'OPTIONS',
        url: '/api/documents',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      })

    await t.test('an allowed front end gets its headers, on errors too (C01)', async (t) => {
      const allowed = await preflight(FRONTEND)
      t.equal(allowed.statusCode, 204)
      t.match(allowed.headers, {
        'access-control-allow-origin': FRONTEND,
        'access-control-allow-credentials': 'true',
        vary: /Origin/,
        'access-control-allow-methods': /DELETE/,
      })
      t.notMatch(String(allowed.headers['access-control-allow-headers']), /session-token/i, '(B13)')
      for (const url of ['/api/auth/whoami', '/nope']) {
        const answer = await get(app, url, { origin: FRONTEND })
        t.match(answer.headers, {
          'access-control-allow-origin': FRONTEND,
          'access-control-allow-credentials': 'true',
          vary: /Origin/,
        })
      }
    })

    await t.test('no other origin gets any (C02)', async (t) => {
      const origins = [
        'https://localhost:3001',
        'http://localhost:3002',
        `${FRONTEND}/`,
        'http://LOCALHOST:3001',
        'null',
        'http://localhost:3001.evil.example',
        `${FRONTEND}, ${FRONTEND}`,
      ]
      for (const origin of origins) {
        for (const answer of [await preflight(origin), await get(app, '/api/auth/whoami', { origin })]) {
          t.same(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-')), [], origin)
          t.match(answer.headers['vary'], /Origin/)
        }
      }
    })
  })
}
