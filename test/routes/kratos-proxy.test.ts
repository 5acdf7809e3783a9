import { Configuration, FrontendApi, type UiNode } from '@ory/client-fetch'
import type { Test } from 'tap'
import { build, FRONTEND } from '../support/app.js'
import { buildInFrontOfKratos, buildWithKratos, freshEmail, get, PASSWORD } from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'

/** `fetch` with the cookies of one browser, and everything that came back, for the search of internal addresses. */
function createBrowser (headers: Record<string, string> = {}) {
  const jar = new Map<string, string>()
  const seen: string[] = []
  const browse: typeof fetch = async (input, init) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const sent = new Headers(init?.headers)
    for (const [name, value] of Object.entries(headers)) sent.set(name, value)
    if (cookie !== '') sent.set('cookie', cookie)
    const answer = await fetch(input, { ...init, headers: sent, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0(;|$)/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    seen.push(JSON.stringify([...answer.headers]), await answer.clone().text())
    return answer
  }
  return { browse, seen, jar }
}

const csrfOf = (nodes: UiNode[]): string => {
  const node = nodes.find(({ attributes }) => 'name' in attributes && attributes.name === 'csrf_token')
  return node !== undefined && 'value' in node.attributes ? String(node.attributes.value) : ''
}

/** The status with which the SDK rejects. */
const statusOf = (call: Promise<unknown>): Promise<number> =>
  call.then(() => 200, (error: { response: Response }) => error.response.status)

export default async function (t: Test): Promise<void> {
  t.test('/kratos/*', embeddedOnly('a base URL of the service'), async (t) => {
    await t.test('is not there unless it is switched on', async (t) => {
      const { app } = await buildWithKratos(t)
      t.equal((await get(app, '/kratos/self-service/login/api')).statusCode, 404)
    })

    const { app, base, port, kratos } = await buildInFrontOfKratos(t)
    await app.listen({ host: '127.0.0.1', port })
    const internal = [new URL(kratos.publicUrl).host, new URL(kratos.adminUrl).host]

    await t.test('the stock SDK, unchanged, signs up, changes settings and logs out as a native client', async (t) => {
      const { browse, seen } = createBrowser()
      const sdk = new FrontendApi(new Configuration({ basePath: `${base}/kratos`, fetchApi: browse }))
      const email = freshEmail()
      const flow = await sdk.createNativeRegistrationFlow()
      t.equal(
        flow.ui.action,
        `${base}/kratos/self-service/registration?flow=${flow.id}`,
        'Kratos writes our address itself',
      )
      const { session_token: token = '' } = await sdk.updateRegistrationFlow({
        flow: flow.id,
        updateRegistrationFlowBody: { method: 'password', password: PASSWORD, traits: { email } },
      })
      t.equal((await sdk.toSession({ xSessionToken: token })).identity?.traits.email, email)
      const settings = await sdk.createNativeSettingsFlow({ xSessionToken: token })
      const saved = await sdk.updateSettingsFlow({
        flow: settings.id,
        xSessionToken: token,
        updateSettingsFlowBody: { method: 'profile', traits: { email, first_name: 'Grace' } },
      })
      t.equal(saved.identity.traits.first_name, 'Grace')
      await sdk.performNativeLogout({ performNativeLogoutBody: { session_token: token } })
      t.equal(await statusOf(sdk.toSession({ xSessionToken: token })), 401)
      for (const address of internal) t.notOk(seen.some((text) => text.includes(address)), `no answer names ${address}`)
    })

    await t.test('the stock SDK does the same in a browser, with cookies and CSRF tokens', async (t) => {
      const { browse, seen, jar } = createBrowser({ origin: FRONTEND })
      const sdk = new FrontendApi(
        new Configuration({ basePath: `${base}/kratos`, fetchApi: browse, headers: { accept: 'application/json' } }),
      )
      const email = freshEmail()
      const flow = await sdk.createBrowserRegistrationFlow()
      await sdk.updateRegistrationFlow({
        flow: flow.id,
        updateRegistrationFlowBody: {
          method: 'password',
          password: PASSWORD,
          traits: { email },
          csrf_token: csrfOf(flow.ui.nodes),
        },
      })
      t.ok(jar.has('ory_kratos_session'))
      t.equal((await sdk.toSession()).identity?.traits.email, email)
      const settings = await sdk.createBrowserSettingsFlow()
      const saved = await sdk.updateSettingsFlow({
        flow: settings.id,
        updateSettingsFlowBody: {
          method: 'profile',
          traits: { email, last_name: 'Hopper' },
          csrf_token: csrfOf(settings.ui.nodes),
        },
      })
      t.equal(saved.identity.traits.last_name, 'Hopper')
      const { logout_token: token } = await sdk.createBrowserLogoutFlow()
      await sdk.updateLogoutFlow({ token })
      t.equal(await statusOf(sdk.toSession()), 401)
      for (const address of internal) t.notOk(seen.some((text) => text.includes(address)), `no answer names ${address}`)
    })

    await t.test('a form of a page gets its redirect, unfollowed', async (t) => {
      const answer = await get(app, '/kratos/self-service/login/browser', { accept: 'text/html' })
      t.equal(answer.statusCode, 303)
      t.match(answer.headers.location, /^http:\/\/localhost:3001\/login\?flow=/)
    })

    await t.test("serves Kratos' public API only, and no path leads out of it (D01)", async (t) => {
      const paths = [
        'admin/identities',
        'health/ready',
        'metrics/prometheus',
        '..%2fadmin%2fidentities',
        'self-service/../admin/identities',
        'self-service/%2e%2e/admin',
        'self-service//login',
        '',
        'sessions%5cwhoami',
      ]
      for (const path of paths) {
        const answer = await get(app, `/kratos/${path}`)
        t.ok([400, 404].includes(answer.statusCode), `${path}: ${answer.statusCode}`)
        t.equal(answer.json().success, false)
      }
    })

    await t.test('a foreign page cannot submit, not even a form (C02)', async (t) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      for (const origin of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
        const answer = await app.inject({
          method: 'POST',
          url: '/kratos/self-service/login?flow=x',
          headers: { ...headers, ...origin },
          payload: 'method=oidc&provider=x',
        })
        t.equal(answer.statusCode, 403)
        t.equal(answer.json().code, 'ORIGIN_FORBIDDEN')
      }
      const own = await app.inject({
        method: 'POST',
        url: '/kratos/self-service/login?flow=11111111-2222-4333-8444-555555555555',
        headers: { ...headers, origin: FRONTEND, accept: 'application/json' },
        payload: 'method=password',
      })
      t.equal(own.statusCode, 404, 'our own page reaches Kratos')
    })

    await t.test('a body over 64 KiB is 413, a Kratos that is gone 503', async (t) => {
      const payload = JSON.stringify({ padding: 'x'.repeat(65 * 1024) })
      const answer = await app.inject({
        method: 'POST',
        url: '/kratos/self-service/login?flow=x',
        headers: { 'content-type': 'application/json' },
        payload,
      })
      t.equal(answer.statusCode, 413)
      const lonely = await build(t, { KRATOS_PROXY: 'true' })
      t.equal((await get(lonely.app, '/kratos/sessions/whoami')).json().code, 'UPSTREAM_UNAVAILABLE')
    })
  })
}
