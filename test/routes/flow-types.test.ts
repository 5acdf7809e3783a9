import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { MESSAGE_CODES } from '../../src/flows/messages.js'
import { build } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { ID } from '../support/faults.js'
import {
  buildWithKratos,
  cookieHeader,
  freshEmail,
  get,
  PASSWORD,
  post,
  setCookies,
  signUp,
  signUpInBrowser,
  startFlow,
  startKratos,
} from '../support/kratos.js'
import { enrolTotp } from '../support/totp.js'

const LOGIN = '/api/auth/flows/login'
const SETTINGS = '/api/auth/flows/settings'
const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const CSRF_COOKIE = `csrf_token_${'0'.repeat(64)}=sent`

/** A flow as Kratos shows it, with its CSRF token. */
const flow = (type: 'api' | 'browser') => ({
  id: ID,
  type,
  ui: {
    action: 'http://127.0.0.1:4433/self-service/login?flow=x',
    nodes: [{
      type: 'input',
      group: 'default',
      attributes: { name: 'csrf_token', value: type === 'api' ? '' : 'of the flow' },
    }],
  },
})
const DONE = { session: { id: ID, identity: { id: ID, traits: {} } } }

export default async function (t: Test): Promise<void> {
  t.test('POST /api/auth/flows/:flow without a csrf_token', async (t) => {
    t.test('is one call for a caller without cookies of a browser flow', async (t) => {
      const kratos = await startFaultServer(t, answer(200, DONE))
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      for (const cookie of ['', `ory_kratos_session=${TOKEN}`]) {
        await post(app, LOGIN, { flow_id: ID, identifier: 'ada', password: PASSWORD }, cookie === '' ? {} : { cookie })
      }
      t.strictSame(kratos.requests.map(({ method }) => method), ['POST', 'POST'])
    })

    t.test('fetches the flow of a caller with a CSRF cookie once, and uses its token and cookies', async (t) => {
      const kratos = await startFaultServer(t, (socket, request) =>
        (request.method === 'GET'
          ? answer(200, flow('browser'), [[
            'Set-Cookie',
            `${CSRF_COOKIE.replace('sent', 'renewed')}; Path=/; HttpOnly`,
          ]])
          : answer(200, DONE))(socket, request))
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      const body = { flow_id: ID, identifier: 'ada', password: PASSWORD }
      const answered = await post(app, LOGIN, body, { cookie: CSRF_COOKIE })
      t.equal(answered.statusCode, 200)
      const [fetched, submitted] = kratos.requests
      t.match(fetched, { method: 'GET', target: `/self-service/login/flows?id=${ID}` })
      t.equal((JSON.parse(submitted?.body ?? '{}') as { csrf_token?: string }).csrf_token, 'of the flow')
      t.strictSame(submitted?.header('cookie'), [CSRF_COOKIE.replace('sent', 'renewed')])
      t.equal(kratos.requests.length, 2)
      t.match(setCookies(answered).join(), /csrf_token_0+=renewed/)
    })

    t.test('passes a token that was sent as it is', async (t) => {
      const kratos = await startFaultServer(t, answer(200, DONE))
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      const body = { flow_id: ID, identifier: 'ada', password: PASSWORD, csrf_token: 'mine' }
      await post(app, LOGIN, body, { cookie: CSRF_COOKIE })
      t.equal(kratos.requests.length, 1)
      t.match(kratos.requests[0]?.body, '"csrf_token":"mine"')
    })

    t.test('sends an API flow without cookies, whoever holds one', async (t) => {
      const kratos = await startFaultServer(
        t,
        (socket, request) => answer(200, request.method === 'GET' ? flow('api') : DONE)(socket, request),
      )
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      await post(app, LOGIN, { flow_id: ID, identifier: 'ada', password: PASSWORD }, { cookie: CSRF_COOKIE })
      t.strictSame(kratos.requests[1]?.header('cookie'), [])
    })

    t.test('says restart where the flow is gone', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie } = await signUpInBrowser(app)
      const answered = await post(app, SETTINGS, { flow_id: ID, method: 'profile', traits: {} }, { cookie })
      t.match(answered.json(), { success: false, code: 'FLOW_NOT_FOUND', next: 'restart', flow_id: String })
    })

    t.test('saves settings of a sealed session', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie, email } = await signUpInBrowser(app)
      const { id } = await startFlow(app, 'settings', '', { cookie })
      const body = { flow_id: id, method: 'profile', traits: { email, first_name: 'Ada' } }
      const answered = await post(app, SETTINGS, body, { cookie })
      t.match(answered.json(), { success: true, data: { next: 'done' } })
    })

    t.test('is refused from a foreign page, whatever the flow', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie } = await signUpInBrowser(app)
      const { id } = await startFlow(app, 'settings', '', { cookie })
      const headers = { cookie, origin: 'https://evil.example' }
      const answered = await post(app, SETTINGS, { flow_id: id, method: 'profile', traits: {} }, headers)
      t.match(answered.json(), { code: 'ORIGIN_FORBIDDEN' })
    })
  })

  t.test('social login', async (t) => {
    t.test('in an API flow is refused, and a browser flow is ready', async (t) => {
      const kratos = await startKratos(t, { oidcProvider: true })
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl })
      const { id } = await startFlow(app, 'login')
      const refused = await post(app, LOGIN, { flow_id: id, method: 'oidc', provider: 'dummy' })
      t.match(refused.json(), { code: 'FLOW_TYPE_MISMATCH', next: 'restart', flow_id: String })
      const cookie = cookieHeader(refused)
      const body = { flow_id: refused.json<{ flow_id: string }>().flow_id, method: 'oidc', provider: 'dummy' }
      const redirected = await post(app, LOGIN, body, { cookie })
      t.match(redirected.json(), { success: true, data: { next: 'redirect', redirect_browser_to: String } })
    })

    t.test('starts a browser flow by the hint of its method', async (t) => {
      const { app } = await buildWithKratos(t)
      for (
        const [method, type] of [['oidc', 'browser'], ['saml', 'browser'], ['webauthn', 'browser'], ['password', 'api']]
      ) {
        t.match((await get(app, `${LOGIN}?method=${method}`)).json(), { data: { type } }, `${method}`)
      }
    })

    t.test('takes back a token that a callback would show', async (t) => {
      const kratos = await startFaultServer(
        t,
        (socket, request) =>
          (request.method === 'GET' ? answer(200, { session_token: TOKEN, session: {} }) : answer(204, ''))(
            socket,
            request,
          ),
      )
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, KRATOS_PROXY: 'true' })
      const answered = await get(app, '/kratos/self-service/methods/oidc/callback/dummy?code=x')
      t.match(answered.json(), { code: 'FLOW_TYPE_MISMATCH' })
      t.notMatch(answered.body, TOKEN)
      const revoked = kratos.requests.find(({ target }) => target === '/self-service/logout/api')
      t.strictSame(JSON.parse(revoked?.body ?? '{}'), { session_token: TOKEN })
    })
  })

  t.test('GET /api/auth/flows/:flow', async (t) => {
    t.test('says step_up of a session that lacks its second factor', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie, email } = await signUp(app)
      await enrolTotp(app, cookie)
      const { id } = await startFlow(app, 'login')
      const half = await post(app, LOGIN, { flow_id: id, identifier: email, password: PASSWORD })
      t.match(half.json(), { data: { next: 'step_up' } })
      t.match((await get(app, LOGIN, { cookie: cookieHeader(half) })).json(), { next: 'step_up', flow_id: String })
    })

    t.test('sends somebody without a second factor to settings, and lists no nodes as a list', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie } = await signUp(app)
      const answered = await get(app, `${LOGIN}?aal=aal2`, { cookie })
      t.match(answered.json(), { data: { next: 'settings' } })
      t.ok(Array.isArray(answered.json<{ data: { ui: { nodes: unknown } } }>().data.ui.nodes))
    })

    t.test('says that a flow is switched off', async (t) => {
      const overrides = { selfservice: { flows: { recovery: { enabled: false }, verification: { enabled: false } } } }
      const { app } = await buildWithKratos(t, { overrides })
      for (const name of ['recovery', 'verification']) {
        t.match((await get(app, `/api/auth/flows/${name}`)).json(), { code: 'FLOW_DISABLED', next: 'restart' }, name)
      }
    })

    t.test('refuses parameters that change what a flow is for', async (t) => {
      const { app } = await buildWithKratos(t)
      for (const name of ['login_challenge', 'organization']) {
        const answered = await get(app, `${LOGIN}?${name}=x`)
        t.match(answered.json(), { code: 'VALIDATION_ERROR', fields: [{ path: `/${name}` }] }, name)
      }
      const { cookie } = await signUp(app)
      const answered = await get(app, '/api/auth/whoami?tokenize_as=jwt', { cookie })
      t.match(answered.json(), { code: 'VALIDATION_ERROR', fields: [{ path: '/tokenize_as' }] })
    })

    t.test('passes on what Kratos knows, and checks every address to return to', async (t) => {
      const { app } = await buildWithKratos(t)
      const native = await get(app, `${LOGIN}?type=api&return_session_token_exchange_code=true`)
      t.match(native.json(), { data: { session_token_exchange_code: String } })
      const foreign = await get(app, '/api/auth/flows/registration?after_verification_return_to=https://evil.example/')
      t.match(foreign.json(), { code: 'RETURN_TO_FORBIDDEN' })
    })
  })

  t.test('a recovery that was posted once without a method', async (t) => {
    t.test('is restarted with a new flow', async (t) => {
      const { app } = await buildWithKratos(t)
      for (const name of ['recovery', 'verification']) {
        const { id } = await startFlow(app, name)
        const spoiled = await post(app, `/api/auth/flows/${name}`, { flow_id: id, email: freshEmail() })
        t.match(spoiled.json(), { next: 'restart', flow_id: String }, name)
        const { flow_id: next } = spoiled.json<{ flow_id: string }>()
        const again = await post(app, `/api/auth/flows/${name}`, { flow_id: next, method: 'code', email: freshEmail() })
        t.match(again.json(), { data: { next: 'form', sent: true } }, name)
      }
    })
  })

  t.test('errors of a form', async (t) => {
    t.test('have a field, a stable code, words for people and what a translation needs', async (t) => {
      const { app } = await buildWithKratos(t)
      const { id } = await startFlow(app, 'registration')
      const body = { flow_id: id, method: 'password', password: 'short', traits: {} }
      const { errors } = (await post(app, '/api/auth/flows/registration', body)).json<{ errors: unknown[] }>()
      t.match(errors, [{
        field: 'traits.email',
        code: 'required',
        id: 4000002,
        text: 'Please fill in this field',
        context: {},
      }])
    })

    t.test('are all in docs/messages.md', async (t) => {
      const text = readFileSync(join(import.meta.dirname, '../../docs/messages.md'), 'utf8')
      const rows = [...text.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, id, code]) => [Number(id), code])
      t.strictSame(rows.sort(), [...MESSAGE_CODES].sort())
    })
  })

  t.test('GET /api/auth/whoami?full=true', async (t) => {
    t.test('has all traits and says whether an address is verified', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie, email } = await signUp(app)
      t.match((await get(app, '/api/auth/whoami?full=true', { cookie })).json(), {
        data: { traits: { email }, verified: false },
      })
    })
  })
}
