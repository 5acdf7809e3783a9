import type { Test } from 'tap'
import { freshEmail, PASSWORD } from '../support/target.js'
import { type Contract, cookieNames } from './caller.js'
import { type FlowName, logIn, messageIds, openFlow, signUp, submit } from './people.js'

const unknownId = '11111111-2222-4333-8444-555555555555'
const openFlows: FlowName[] = ['registration', 'login', 'recovery', 'verification']

/** Nothing is wrong with these, so that a refusal is about something else. */
const goodBody = (flow: FlowName, email: string): object =>
  ({
    registration: { method: 'password', password: PASSWORD, traits: { email } },
    login: { method: 'password', identifier: email, password: PASSWORD },
    settings: { method: 'profile', traits: { email } },
    recovery: { method: 'code', email },
    verification: { method: 'code', email },
  })[flow]

/** Opening, fetching and submitting a flow, whatever it is for (docs/kratos-facts.md, section 1, 4, 5, 8, 9, 10). */
export function flows (t: Test, { ask, kratos }: Contract): void {
  t.test('an API flow is opened without cookies, has an empty CSRF token and its action at the public URL', async (t) => {
    for (const flow of openFlows) {
      const { id, csrfToken, reply } = await openFlow(ask, flow, 'api', {
        cookie: 'theme=dark',
        origin: 'https://evil.example',
      })
      t.match(reply.body, { type: 'api', ui: { method: 'POST' }, expires_at: String, issued_at: String })
      t.equal(reply.body.ui.action, `${kratos.publicUrl}/self-service/${flow}?flow=${id}`)
      t.match(reply.body.request_url, new RegExp(`/self-service/${flow}/api$`))
      t.same([csrfToken, reply.setCookie], ['', []])
    }
  })

  t.test('a submit of an API flow with any cookie or Origin is refused in the flow, of recovery with another one', async (t) => {
    const { session, email } = await signUp(ask)
    for (const flow of [...openFlows, 'settings'] as FlowName[]) {
      const own = flow === 'settings' ? session : {}
      const { id } = await openFlow(ask, flow, 'api', own)
      for (const header of [{ cookie: 'theme=dark' }, { origin: 'https://app.example' }, { origin: 'null' }]) {
        const reply = await submit(
          ask,
          flow,
          id,
          goodBody(flow, email),
          { ...own, ...header } as Record<string, string>,
        )
        t.equal(reply.status, 400, flow)
        if (flow !== 'recovery') t.match([reply.body.id, messageIds(reply)], [id, [4000001]])
        // docs/kratos-facts.md, section 1 iii say 303; that is without use_continue_with_transitions
        else {
          t.match(reply.body.error.details.continue_with, [{
            action: 'show_recovery_ui',
            flow: { id: /^[0-9a-f-]{36}$/ },
          }])
        }
      }
    }
  })

  t.test('cookies of Cloudflare do no harm', async (t) => {
    for (const flow of openFlows) {
      const { id } = await openFlow(ask, flow, 'api')
      const reply = await submit(ask, flow, id, goodBody(flow, freshEmail()), {
        cookie: '__cf_bm=1; _cfuvid=2; cf_clearance=3',
      })
      if (flow === 'login') t.same(messageIds(reply), [4000006])
      else t.equal(reply.status, 200, flow)
    }
  })

  t.test('an API flow is fetched with or without cookies, and sets the CSRF cookie all the same', async (t) => {
    for (const flow of openFlows) {
      const { id } = await openFlow(ask, flow, 'api')
      const reply = await ask('GET', `/self-service/${flow}/flows?id=${id}`, {
        headers: { origin: 'https://app.example' },
      })
      t.match([reply.status, reply.body.id, cookieNames(reply)], [200, id, ['csrf_token']])
    }
  })

  t.test('a browser flow is opened as JSON only for who prefers JSON', async (t) => {
    for (const flow of openFlows) {
      const { id, csrfToken, reply } = await openFlow(ask, flow, 'browser', {
        accept: 'application/json, text/plain, */*',
      })
      t.match(reply.body, { id, type: 'browser' })
      t.ok(csrfToken.length > 40)
      t.match(reply.setCookie, [
        /^csrf_token_[0-9a-f]{64}=[A-Za-z0-9+/=]{44}; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/,
      ])
      for (const accept of ['*/*', 'text/html']) {
        const page = await ask('GET', `/self-service/${flow}/browser`, { headers: { accept } })
        t.match([page.status, page.headers['location'], cookieNames(page)], [
          303,
          new RegExp(`^http://localhost:3001/${flow}\\?flow=[0-9a-f-]{36}$`),
          ['csrf_token'],
        ])
      }
    }
  })

  t.test('a browser flow wants its cookie at a fetch, its cookie and token at a submit', async (t) => {
    for (const flow of openFlows) {
      const { id, csrfToken, cookie } = await openFlow(ask, flow, 'browser')
      const body = goodBody(flow, freshEmail())
      const attempts = [
        await ask('GET', `/self-service/${flow}/flows?id=${id}`),
        await submit(ask, flow, id, { ...body, csrf_token: csrfToken }),
        await submit(ask, flow, id, body, { cookie }),
        await submit(ask, flow, id, { ...body, csrf_token: 'x' }, { cookie, 'x-csrf-token': csrfToken }),
      ]
      for (const { status, body: { error } } of attempts) { t.match([status, error.id], [403, 'security_csrf_violation'], flow) }
      t.equal((await ask('GET', `/self-service/${flow}/flows?id=${id}`, { headers: { cookie } })).body.id, id)
    }
  })

  t.test('unknown ids and ids of another kind of flow are 404, malformed ones 400 at a submit', async (t) => {
    const { id } = await openFlow(ask, 'registration', 'api')
    for (const wrong of [unknownId, id]) {
      t.equal((await submit(ask, 'login', wrong, { method: 'password' })).status, 404)
      t.equal((await ask('GET', `/self-service/login/flows?id=${wrong}`)).status, 404)
    }
    t.equal((await submit(ask, 'login', 'nonsense', { method: 'password' })).status, 400)
    t.equal((await ask('GET', '/self-service/login/flows?id=nonsense')).status, 404)
  })

  t.test('return_to is kept when it is allowed and refused by id when it is not', async (t) => {
    const target = encodeURIComponent('http://localhost:3001/welcome')
    for (const type of ['api', 'browser'] as const) {
      t.equal(
        (await openFlow(ask, 'login', type, {}, `?return_to=${target}`)).reply.body.return_to,
        'http://localhost:3001/welcome',
      )
      const refused = await ask('GET', `/self-service/login/${type}?return_to=https%3A%2F%2Fevil.example%2F`)
      t.match([refused.status, refused.body.error.id], [400, 'self_service_flow_return_to_forbidden'])
    }
  })

  t.test('address and browser of the caller are noted at the session as the service hands them on', async (t) => {
    const { id } = await openFlow(ask, 'login', 'api')
    const { email } = await signUp(ask)
    const headers = { 'true-client-ip': '203.0.113.9', 'user-agent': 'phone/1.0' }
    const { body } = await submit(
      ask,
      'login',
      id,
      { method: 'password', identifier: email, password: PASSWORD },
      headers,
    )
    t.match(body.session.devices, [{ ip_address: '203.0.113.9', user_agent: 'phone/1.0' }])
    t.match((await logIn(ask, email)).body.session.devices, [{
      ip_address: /^(127\.0\.0\.1|\[::1\]):\d+$/,
      user_agent: null,
    }])
  })

  t.test('a body over 5 MiB is 400, headers over 1 MiB are 431', async (t) => {
    const { id } = await openFlow(ask, 'login', 'api')
    const big = await submit(ask, 'login', id, { method: 'password', pad: 'x'.repeat(5 * 1024 * 1024 + 1) })
    t.match([big.status, big.body.error.code], [400, 500])
    const long = await ask('GET', '/sessions/whoami', { headers: { 'x-pad': 'x'.repeat(1024 * 1024 + 8192) } })
    t.equal(long.status, 431)
  })
}
