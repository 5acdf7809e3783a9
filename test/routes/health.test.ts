import type { Test } from 'tap'
import { build, FRONTEND } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
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

    await t.test('a dead Kratos is told, and takes no traffic away', async (t) => {
      const { app, logs } = await build(t)
      const ready = await get(app, '/health/ready')
      t.equal(ready.statusCode, 200)
      t.same(ready.json(), { success: true, data: { status: 'ok', degraded: ['kratos'] } })
      t.ok(logs().some((line) => line.includes('"event":"degraded","degraded":["kratos"]')))
      t.equal((await get(app, '/health/alive')).statusCode, 200)
    })

    await t.test('READY_REQUIRES makes a part that is away 503', async (t) => {
      const { app } = await build(t, { READY_REQUIRES: 'database, kratos' })
      const ready = await get(app, '/health/ready')
      t.match([ready.statusCode, ready.json()], [503, { success: false, code: 'NOT_READY', degraded: ['kratos'] }])
      t.ok(ready.headers['retry-after'])
      const { app: other } = await build(t, { READY_REQUIRES: 'database' })
      t.equal((await get(other, '/health/ready')).statusCode, 200)
    })

    await t.test('a database that was never seen makes ready 503; whoami works, documents are 503 (K01)', async (t) => {
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

    await t.test('a database that went away later is told, and takes no traffic away', async (t) => {
      const { app, kratos } = await buildWithKratos(t)
      const { app: required } = await build(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, READY_REQUIRES: 'database' })
      await app.store.close()
      await required.store.close()
      t.same((await get(app, '/health/ready')).json(), { success: true, data: { status: 'ok', degraded: ['database'] } })
      t.equal((await get(required, '/health/ready')).statusCode, 503)
    })

    await t.test('however many ask, Kratos is asked once', async (t) => {
      const kratos = await startFaultServer(t, answer(200, { status: 'ok' }))
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      const startedAt = performance.now()
      const answers = await Promise.all(Array.from({ length: 200 }, () => get(app, '/health/ready')))
      const seconds = Math.floor((performance.now() - startedAt) / 1000)
      t.same([...new Set(answers.map(({ statusCode }) => statusCode))], [200])
      const asked = kratos.requests.filter(({ target }) => target === '/health/ready')
      t.ok(asked.length <= 1 + seconds, `asked ${asked.length} times in ${seconds} s`)
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
