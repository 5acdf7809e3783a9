import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { build, FRONTEND } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { BROKEN, ID, SESSION } from '../support/faults.js'
import {
  buildWithKratos, freshEmail, get, PASSWORD, post, type Service, signUp, signUpInBrowser,
  startFlow,
} from '../support/kratos.js'

const METRICS_TOKEN = 'a-metrics-token-of-the-test-suite-0001'
const REQUEST_ID = 'request-of-the-test.1'
type Record = { [name: string]: unknown }

/** Names of all security events, as the metrics list them. */
const counted = async (app: FastifyInstance): Promise<Map<string, number>> => {
  const { body } = await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  return new Map(
    [...body.matchAll(/^security_events_total\{event="(\w+)"\} (\d+)$/gm)].map((
      [, event = '', count],
    ) => [event, Number(count)]),
  )
}

/**
 * Does something and expects exactly these security events of it: one record each with time, request id and members,
 * and one count.
 */
async function expectEvents (
  t: Test,
  { app, logs }: Pick<Service, 'app' | 'logs'>,
  name: string,
  work: (headers: { 'x-request-id': string }) => Promise<unknown>,
  expected: Array<[event: string, members?: Record]>,
): Promise<void> {
  const before = await counted(app)
  const start = logs().length
  await work({ 'x-request-id': REQUEST_ID })
  const records = logs().slice(start).map((line) => JSON.parse(line) as Record).filter(({ event }) =>
    before.has(String(event)),
  )
  t.match(
    records,
    expected.map(([event, members]) => ({ event, time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/, reqId: REQUEST_ID, ...members })),
    name,
  )
  t.equal(records.length, expected.length, `${name}: one record each`)
  const after = await counted(app)
  const rises = [...after].flatMap(([event, count]) => Array<string>(count - (before.get(event) ?? 0)).fill(event))
  t.same(rises.sort(), expected.map(([event]) => event).sort(), `${name}: counted`)
}

/** Of one kind and address there is one line a second, so each request of these tests comes from another address. */
function fromItsOwnAddress (app: FastifyInstance): void {
  const inject = app.inject.bind(app) as (options: InjectOptions) => Promise<LightMyRequestResponse>
  let requests = 0
  app.inject = ((options: InjectOptions | string) => {
    const address = { remoteAddress: `10.0.${requests >> 8}.${requests++ & 255}` }
    return inject({ ...(typeof options === 'string' ? { url: options } : options), ...address })
  }) as typeof app.inject
}

export default async function (t: Test): Promise<void> {
  t.test('security events (H08)', async (t) => {
    const service = await buildWithKratos(t, { env: { METRICS_TOKEN } })
    const { app, kratos } = service
    fromItsOwnAddress(app)
    const expecting = (
      name: string,
      work: (headers: { 'x-request-id': string }) => Promise<unknown>,
      ...expected: Array<[event: string, members?: Record]>
    ) => expectEvents(t, service, name, work, expected)
    const email = freshEmail()
    await kratos.createIdentity({ email }, PASSWORD)
    const submit = async (flow: string, body: Record, headers: { [name: string]: string }) =>
      post(app, `/api/auth/flows/${flow}`, { flow_id: (await startFlow(app, flow)).id, ...body }, headers)

    await expecting('a login', (headers) => submit('login', { identifier: email, password: PASSWORD }, headers), [
      'login_succeeded',
      { level: 30, flow: 'login' },
    ])
    await expecting(
      'a wrong password',
      (headers) => submit('login', { identifier: email, password: 'wrong-password-1' }, headers),
      ['login_failed', { level: 30, flow: 'login', code: 'INVALID_CREDENTIALS' }],
    )
    await expecting(
      'an identifier that nobody has',
      (headers) => submit('login', { identifier: freshEmail(), password: PASSWORD }, headers),
      ['login_failed', { code: 'INVALID_CREDENTIALS' }],
    )
    await expecting(
      'a registration that logs in',
      (headers) => submit('registration', { email: freshEmail(), password: PASSWORD }, headers),
      ['login_succeeded', { flow: 'registration' }],
    )
    await expecting(
      'a registration of a name that is taken',
      (headers) => submit('registration', { email, password: PASSWORD }, headers),
    )
    await expecting('a flow that was started or not found', async (headers) => {
      await get(app, '/api/auth/flows/login', headers)
      await post(app, '/api/auth/flows/login', { flow_id: ID, identifier: email, password: PASSWORD }, headers)
    })
    await expecting('a login in a browser', async (headers) => {
      const { id, csrfToken, init } = await startFlow(app, 'login', '?type=browser')
      const cookie = String(init.headers['set-cookie']).split(';')[0] ?? ''
      await post(app, '/api/auth/flows/login', {
        flow_id: id,
        identifier: email,
        password: PASSWORD,
        csrf_token: csrfToken,
      }, { cookie, ...headers })
    }, ['login_succeeded', { flow: 'login' }])
    await expecting(
      'a recovery code: sent, wrong, right',
      async (headers) => {
        const { id } = await startFlow(app, 'recovery')
        await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', email }, headers)
        const code = (await kratos.messages(email))[0]?.code ?? ''
        await post(app, '/api/auth/flows/recovery', {
          flow_id: id,
          method: 'code',
          code: code === '123456' ? '654321' : '123456',
        }, headers)
        await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', code }, headers)
      },
      ['login_failed', { flow: 'recovery', code: 'FLOW_REJECTED' }],
      ['login_succeeded', { flow: 'recovery' }],
    )

    for (const [kind, logIn] of [['token', signUp], ['browser', signUpInBrowser]] as const) {
      const { cookie } = await logIn(app)
      await expecting(
        `a logout with a ${kind} session, and what the session is worth then`,
        async (headers) => {
          await post(app, '/api/auth/logout', {}, { cookie, ...headers })
          await get(app, '/api/auth/whoami', { cookie, ...headers })
          await get(app, '/api/documents', { cookie, ...headers })
        },
        ['logged_out', { level: 30 }],
        ['access_denied', { level: 30, code: 'INVALID_SESSION', route: '/api/auth/whoami' }],
        ['access_denied', { route: '/api/documents' }],
      )
    }
    const { cookie } = await signUp(app)
    const { cookie: other } = await signUp(app)
    await expecting(
      'a logout by its URL, and one of the current device',
      async (headers) => {
        const { data } = (await get(app, '/api/auth/flows/logout', { cookie })).json<{ data: { logout_url: string } }>()
        const { pathname, search } = new URL(data.logout_url)
        await get(app, pathname + search, { cookie, ...headers })
        const { sessions } =
          (await get(app, '/api/auth/sessions', { cookie: other })).json<{ data: { sessions: Array<{ id: string }> } }>()
            .data
        await app.inject({
          method: 'DELETE',
          url: `/api/auth/sessions/${sessions[0]?.id}`,
          headers: { cookie: other, ...headers },
        })
      },
      ['logged_out'],
      ['logged_out'],
    )
    await expecting('no credential at all', (headers) => get(app, '/api/auth/whoami', headers))
    const { cookie: last } = await signUp(app)
    await expecting(
      'an account that is deleted',
      (headers) => app.inject({ method: 'DELETE', url: '/api/auth/account', headers: { cookie: last, ...headers } }),
      ['account_deleted', { level: 30 }],
    )

    const { cookie: own } = await signUp(app)
    const pair = `${own}; ory_kratos_session=another`
    await expecting('two session cookies', (headers) => get(app, '/api/auth/whoami', { cookie: pair, ...headers }), [
      'two_session_cookies',
      { level: 40 },
    ])
    await expecting(
      'a foreign origin',
      (headers) => post(app, '/api/auth/logout', {}, { cookie: own, origin: 'https://evil.example', ...headers }),
      ['origin_refused', { level: 40, origin: 'https://evil.example' }],
    )
    await expecting(
      'a page that asks for the token in the body',
      (headers) => post(app, '/api/auth/flows/login?transport=token', { flow_id: ID }, { origin: FRONTEND, ...headers }),
      ['origin_refused', { origin: FRONTEND }],
    )
    await expecting('a webhook without its key', (headers) => post(app, '/internal/auth/user-created', {}, headers), [
      'webhook_refused',
      { level: 40, code: 'INVALID_WEBHOOK_KEY' },
    ])
    await expecting('metrics without their token', (headers) => get(app, '/metrics', headers), ['metrics_refused', {
      level: 40,
    }])
  })

  t.test('a session that is not enough is denied (H08)', async (t) => {
    const kratos = await startFaultServer(t, answer(200, { ...SESSION, authenticated_at: '2020-01-01T00:00:00Z' }))
    const service = await build(t, { KRATOS_PUBLIC_URL: kratos.url, METRICS_TOKEN })
    const cookie = `ory_kratos_session=ory_st_${'a1B2'.repeat(8)}`
    await expectEvents(
      t,
      service,
      'an old login',
      (headers) => service.app.inject({ method: 'DELETE', url: '/api/auth/account', headers: { cookie, ...headers } }),
      [['access_denied', { code: 'SESSION_REFRESH_REQUIRED' }]],
    )
    kratos.react(answer(403, { error: { id: 'session_aal2_required', code: 403 } }))
    await expectEvents(
      t,
      service,
      'one factor',
      (headers) => get(service.app, '/api/auth/whoami', { cookie, ...headers }),
      [['access_denied', { code: 'AAL2_REQUIRED' }]],
    )
    kratos.react(BROKEN)
    await expectEvents(
      t,
      service,
      'a Kratos that is ill denies nothing',
      (headers) => get(service.app, '/api/auth/whoami', { cookie, ...headers }),
      [],
    )
  })

  t.test('a Kratos that cannot prove who it is, is an event; one that is only away is none (H08, J21)', async (t) => {
    // It speaks no TLS at all, which is a handshake that fails.
    const plain = createServer((socket) => {
      socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    t.teardown(() => plain.close())
    await once(plain.listen(0, '127.0.0.1'), 'listening')
    const { port } = plain.address() as AddressInfo
    const service = await build(t, { KRATOS_PUBLIC_URL: `https://127.0.0.1:${port}`, METRICS_TOKEN })
    await expectEvents(t, service, 'no TLS', (headers) => get(service.app, '/api/auth/flows/login', headers), [[
      'upstream_tls_failure',
      { level: 40, reason: /^(?:ERR_SSL_|EPROTO)/ },
    ]])
    const away = await build(t, { METRICS_TOKEN })
    await expectEvents(t, away, 'refused', (headers) => get(away.app, '/api/auth/flows/login', headers), [])
    t.notOk(
      service.logs().filter((line) => line.includes('tls_failure')).join('').includes(String(port)),
      'no internal address',
    )
  })
}
