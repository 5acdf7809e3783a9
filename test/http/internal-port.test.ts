import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { build, FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import { freePorts } from '../support/process.js'

const METRICS_TOKEN = 'a-metrics-token-of-the-test-suite-0002'
const OPERATOR_KEY = 'an-operator-key-of-the-test-suite-0001'
const ID = '00000000-0000-4000-8000-000000000001'

interface Listening {
  app: FastifyInstance
  ask: (place: 'public' | 'internal', path: string, method?: string, headers?: Record<string, string>) => Promise<{ status: number, code: string | undefined }>
}

async function setUp (t: Test, env: Record<string, string> = {}): Promise<Listening> {
  const [port = 0] = await freePorts(1)
  const { app } = await build(t, { INTERNAL_PORT: String(port), DOCS: 'true', KRATOS_PROXY: 'true', ...env })
  await app.listen({ port: 0, host: '127.0.0.1' })
  app.internalServer?.listen({ port, host: '127.0.0.1' })
  if (app.internalServer !== undefined) await once(app.internalServer, 'listening')
  const ports = { public: (app.server.address() as AddressInfo).port, internal: port }
  return {
    app,
    ask: async (place, path, method = 'GET', headers = {}) => {
      const answer = await fetch(`http://127.0.0.1:${ports[place]}${path}`, { method, headers, redirect: 'manual' })
      const { code } = await answer.json().catch(() => ({})) as { code?: string }
      return { status: answer.status, code }
    },
  }
}

const isThere = ({ status, code }: { status: number, code: string | undefined }): boolean => !(status === 404 && code === 'NOT_FOUND')

export default async function (t: Test): Promise<void> {
  t.test('INTERNAL_PORT (F07)', async (t) => {
    t.test('every path is on its port, and on no other; health is on both', async (t) => {
      const { app, ask } = await setUp(t, { METRICS_TOKEN, OPERATOR_KEY })
      const { paths } = app.swagger() as unknown as { paths: Record<string, Record<string, unknown>> }
      const all = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => ({ path: path.replaceAll(/\{\w+\}/g, ID), method: method.toUpperCase() })),
      )
      t.ok(all.length > 25 && all.some(({ path }) => path === '/internal/events'), `${all.length} operations`)
      for (const { path, method } of all) {
        // A body of another type is refused after the path was found.
        const [open, inside] = [await ask('public', path, method), await ask('internal', path, method)]
        const expected = path.startsWith('/health') ? [true, true] : /^\/(?:internal|metrics)/.test(path) ? [false, true] : [true, false]
        t.same([isThere(open), isThere(inside)], expected, `${method} ${path}`)
      }
    })

    t.test('hides other methods, other spellings and preflights of a path too', async (t) => {
      const { ask } = await setUp(t, { METRICS_TOKEN, OPERATOR_KEY })
      const key = { authorization: `Bearer ${WEBHOOK_KEY}` }
      const hidden: Array<[string, string, Record<string, string>?]> = [
        ['/metrics', 'POST'], ['/%6detrics', 'GET', { authorization: `Bearer ${METRICS_TOKEN}` }], ['/metrics/', 'GET'],
        ['/internal/events', 'GET', { authorization: `Bearer ${OPERATOR_KEY}` }], ['/internal/auth/purge', 'POST', key], ['/internal/auth/purge', 'GET', key], ['/internal%2fauth/purge', 'POST', key],
        ['/internal/auth/purge', 'OPTIONS', { origin: FRONTEND, 'access-control-request-method': 'POST' }],
      ]
      for (const [path, method, headers] of hidden) t.notOk(isThere(await ask('public', path, method, headers)), `${method} ${path}`)
      const preflight = { origin: FRONTEND, 'access-control-request-method': 'POST' }
      t.notOk(isThere(await ask('internal', '/api/documents', 'OPTIONS', preflight)))
      t.match(await ask('public', '/api/documents', 'OPTIONS', preflight), { status: 204 })
      for (const place of ['public', 'internal'] as const) t.match(await ask(place, '/nope'), { status: 404, code: 'NOT_FOUND' })
    })

    t.test('wants keys there too; metrics without a token exist there alone', async (t) => {
      const guarded = await setUp(t, { METRICS_TOKEN, OPERATOR_KEY })
      t.match(await guarded.ask('internal', '/metrics'), { status: 401 })
      t.match(await guarded.ask('internal', '/metrics', 'GET', { authorization: `Bearer ${METRICS_TOKEN}` }), { status: 200 })
      t.match(await guarded.ask('internal', '/internal/auth/purge', 'POST'), { status: 401 })
      t.match(await guarded.ask('internal', '/internal/events'), { status: 401 })
      const open = await setUp(t)
      t.match(await open.ask('internal', '/metrics'), { status: 200 })
      t.match(await open.ask('public', '/metrics'), { status: 404, code: 'NOT_FOUND' })
      t.equal((await open.app.inject('/metrics')).statusCode, 404)
    })

    t.test('answers an expectation in the envelope there too', async (t) => {
      const { app } = await setUp(t)
      const { port } = app.internalServer?.address() as AddressInfo
      const sent = request({ host: '127.0.0.1', port, path: '/health/alive', headers: { expect: 'miracles' } }).end()
      const [answer] = await once(sent, 'response') as [IncomingMessage]
      t.equal(answer.statusCode, 400)
      t.match(await json(answer), { success: false, code: 'VALIDATION_ERROR' })
    })

    t.test('closes with the service', async (t) => {
      const { app, ask } = await setUp(t)
      t.match(await ask('internal', '/health/alive'), { status: 200 })
      await app.close()
      await t.rejects(ask('internal', '/health/alive'))
    })
  })

  t.test('without INTERNAL_PORT everything is on the one port', async (t) => {
    const { app } = await build(t, { METRICS_TOKEN })
    t.equal(app.internalServer, undefined)
    t.equal((await app.inject('/metrics')).statusCode, 401)
  })
}
