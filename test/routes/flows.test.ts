import type { Test } from 'tap'
import { FRONTEND } from '../support/app.js'
import {
  buildWithKratos, cookieHeader, freshEmail, get, PASSWORD, post, setCookies, signUp, signUpInBrowser,
  startFlow,
} from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const OTHER_ID = '11111111-2222-4333-8444-555555555555'

export default async function (t: Test): Promise<void> {
  t.test('GET /api/auth/flows/{registration,login}', async (t) => {
    const { app } = await buildWithKratos(t)

    for (const flow of ['registration', 'login']) {
      await t.test(`${flow}: 200 with an API flow that shows a password field`, async (t) => {
        const answer = await get(app, `/api/auth/flows/${flow}`)
        t.equal(answer.statusCode, 200)
        const { success, data } = answer.json()
        t.equal(success, true)
        t.match(data, { id: UUID, type: 'api', ui: { method: 'POST' } })
        t.ok(data.ui.nodes.some((node: { attributes: { name: string } }) => node.attributes.name === 'password'))
        t.equal(
          new URL(data.request_url).origin,
          new URL(data.ui.action).origin,
          'request_url has the origin of ui.action (B19)',
        )
        t.same(setCookies(answer), [], 'an API flow sets no cookie')
      })
    }

    await t.test('type=browser starts a browser flow and forwards its CSRF cookie byte for byte', async (t) => {
      const answer = await get(app, '/api/auth/flows/login?type=browser')
      t.equal(answer.json().data.type, 'browser')
      t.match(setCookies(answer), [
        /^csrf_token_[0-9a-f]{64}=[A-Za-z0-9+/=]{44}; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/,
      ])
    })

    await t.test('a sealed session cookie makes browser the default and api a 400 (D04)', async (t) => {
      const { cookie } = await signUpInBrowser(app)
      const byDefault = await get(app, '/api/auth/flows/login?refresh=true', { cookie })
      t.equal(byDefault.json().data.type, 'browser')
      const mismatch = await get(app, '/api/auth/flows/login?type=api', { cookie })
      t.equal(mismatch.statusCode, 400)
      t.equal(mismatch.json().code, 'FLOW_TYPE_MISMATCH')
    })

    await t.test('type=browser works with a token session (D04)', async (t) => {
      const { cookie } = await signUp(app)
      const answer = await get(app, '/api/auth/flows/login?type=browser&refresh=true', { cookie })
      t.match(answer.json(), { success: true, data: { type: 'browser' } })
    })

    await t.test('400 SESSION_ALREADY_AVAILABLE for somebody who is logged in', async (t) => {
      const { cookie } = await signUp(app)
      const answer = await get(app, '/api/auth/flows/login', { cookie })
      t.equal(answer.statusCode, 400)
      t.match(answer.json(), { success: false, code: 'SESSION_ALREADY_AVAILABLE' })
    })

    await t.test('two different session cookies are ignored (B01)', async (t) => {
      const answer = await get(app, '/api/auth/flows/login', { cookie: 'ory_kratos_session=a; ory_kratos_session=b' })
      t.equal(answer.json().data.type, 'api')
    })

    await t.test('return_to of the front end passes, any other is 400 (E09)', async (t) => {
      const allowed = await get(app, `/api/auth/flows/login?return_to=${encodeURIComponent(`${FRONTEND}/welcome`)}`)
      t.equal(allowed.json().data.return_to, `${FRONTEND}/welcome`)
      const forbidden = await get(app, '/api/auth/flows/login?return_to=https%3A%2F%2Fevil.example%2F')
      t.equal(forbidden.statusCode, 400)
      t.equal(forbidden.json().code, 'RETURN_TO_FORBIDDEN')
    })

    await t.test('404 for flows that are not offered (D03)', async (t) => {
      for (const name of ['admin', 'error', 'LOGIN', 'login%2f..%2fadmin']) {
        const answer = await get(app, `/api/auth/flows/${name}`)
        t.equal(answer.statusCode, 404, name)
        t.equal(answer.json().code, 'NOT_FOUND')
      }
      t.equal((await get(app, '/api/auth/flows/%6cogin')).statusCode, 200)
    })
  })

  t.test('GET /api/auth/flows/{flow}/{id}', async (t) => {
    const { app } = await buildWithKratos(t)

    await t.test('the flow again, upper case id included (A22)', async (t) => {
      const { id } = await startFlow(app, 'login')
      t.equal((await get(app, `/api/auth/flows/login/${id}`)).json().data.id, id)
      t.equal((await get(app, `/api/auth/flows/login/${id.toUpperCase()}`)).json().data.id, id)
    })

    await t.test('404 for an unknown id and for a flow of another kind (A25)', async (t) => {
      const { id } = await startFlow(app, 'registration')
      for (const url of [`/api/auth/flows/login/${OTHER_ID}`, `/api/auth/flows/login/${id}`]) {
        const answer = await get(app, url)
        t.equal(answer.statusCode, 404)
        t.equal(answer.json().code, 'FLOW_NOT_FOUND')
      }
    })

    await t.test('403 for a browser flow without its CSRF cookie, no flow content (G12)', async (t) => {
      const { id, init } = await startFlow(app, 'login', '?type=browser')
      const answer = await get(app, `/api/auth/flows/login/${id}`)
      t.equal(answer.statusCode, 403)
      t.match(answer.json(), { success: false, code: 'CSRF_VIOLATION' })
      t.notOk(answer.json().ui)
      t.equal((await get(app, `/api/auth/flows/login/${id}`, { cookie: cookieHeader(init) })).statusCode, 200)
    })
  })

  t.test('POST /api/auth/flows/registration', async (t) => {
    const { app } = await buildWithKratos(t)

    await t.test('200 with the session, the token in a cookie and nowhere in the body (B26)', async (t) => {
      const start = Date.now()
      const { answer, email } = await signUp(app)
      t.equal(answer.statusCode, 200)
      t.match(answer.json(), {
        success: true,
        data: { session: { active: true, identity: { traits: { email, first_name: 'Ada' } } } },
      })
      t.notMatch(answer.body, /ory_st_/)
      const [line = '', expiry = '', ...others] = setCookies(answer)
      t.same(others, [])
      const end = Date.parse(answer.json<{ data: { session: { expires_at: string } } }>().data.session.expires_at)
      t.equal(
        expiry,
        line.replace(/^ory_kratos_session=[^;]*/, `ory_kratos_session_exp=${Math.floor(end / 1000)}`),
        'and beside it when it ends',
      )
      t.match(line, /^ory_kratos_session=ory_st_[A-Za-z0-9]{32};/)
      for (const attribute of ['Path=/', 'HttpOnly', 'SameSite=Lax']) { t.ok(line.split('; ').includes(attribute), attribute) }
      t.notMatch(line, /domain|secure/i)
      const maxAge = Number(/Max-Age=(\d+)/.exec(line)?.[1])
      const gone = Math.ceil((Date.now() - start) / 1000)
      t.ok(maxAge <= 86_400 && maxAge >= 86_399 - gone, `until the session expires, not ${maxAge}`)
    })

    await t.test('the cookie is Secure when PUBLIC_URL is https (B26)', async (t) => {
      const { app } = await buildWithKratos(t, { env: { PUBLIC_URL: 'https://api.example.com' } })
      t.match(setCookies((await signUp(app)).answer), [/; Secure/])
    })

    await t.test('transport=token leaves the token in the body and sets no cookie, 403 for a browser (B26)', async (t) => {
      const { id } = await startFlow(app, 'registration')
      const body = { flow_id: id, email: freshEmail(), password: PASSWORD }
      for (const headers of [{ origin: FRONTEND }, { 'sec-fetch-site': 'same-origin' }]) {
        const refused = await post(app, '/api/auth/flows/registration?transport=token', body, headers)
        t.equal(refused.statusCode, 403)
        t.equal(refused.json().code, 'ORIGIN_FORBIDDEN')
      }
      const answer = await post(app, '/api/auth/flows/registration?transport=token', body)
      t.match(answer.json(), { data: { session_token: /^ory_st_/ } })
      t.same(setCookies(answer), [])
    })

    await t.test('browser flow: both cookies of Kratos, byte for byte (B25)', async (t) => {
      const { answer, cookie } = await signUpInBrowser(app)
      t.equal(answer.statusCode, 200)
      t.match(setCookies(answer), [
        /^csrf_token_/,
        /^ory_kratos_session=[A-Za-z0-9_=-]{100,}; Path=\/; Expires=[^;]+; Max-Age=\d+; HttpOnly; SameSite=Lax$/,
      ])
      t.equal((await get(app, '/api/auth/whoami', { cookie })).statusCode, 200)
    })

    await t.test('generic body: {flow_id, method, traits, password}', async (t) => {
      const { id } = await startFlow(app, 'registration')
      const email = freshEmail()
      const answer = await post(app, '/api/auth/flows/registration', {
        flow_id: id,
        method: 'password',
        traits: { email },
        password: PASSWORD,
        state: 'x',
        schema_id: 'y',
      })
      t.match(answer.json(), { success: true, data: { identity: { traits: { email } } } })
    })

    const rejected = [
      {
        what: 'duplicate e-mail',
        body: (email: string) => ({ email, password: PASSWORD }),
        code: 'IDENTIFIER_TAKEN',
        message: 4000007,
        node: undefined,
      },
      {
        what: 'weak password',
        body: () => ({ email: freshEmail(), password: 'abc' }),
        code: 'FLOW_REJECTED',
        message: 4000032,
        node: 'password',
      },
      {
        what: 'missing e-mail',
        body: () => ({ password: PASSWORD }),
        code: 'FLOW_REJECTED',
        message: 4000002,
        node: 'traits.email',
      },
      {
        what: 'malformed e-mail',
        body: () => ({ email: 'nope', password: PASSWORD }),
        code: 'FLOW_REJECTED',
        message: 4000040,
        node: 'traits.email',
      },
    ]
    for (const { what, body, code, message, node } of rejected) {
      await t.test(`400 ${code} for a ${what}, Kratos' message ${message} in place`, async (t) => {
        const { email } = await signUp(app)
        const { id } = await startFlow(app, 'registration')
        const answer = await post(app, '/api/auth/flows/registration', { flow_id: id, ...body(email) })
        t.equal(answer.statusCode, 400)
        const json = answer.json()
        t.match(json, { success: false, code, id, error: String })
        const messages = node === undefined
          ? json.ui.messages
          : json.ui.nodes.find((entry: { attributes: { name: string } }) => entry.attributes.name === node).messages
        t.equal(messages[0].id, message)
        t.equal(json.error, messages[0].text, 'the error text is what Kratos says to the user')
        t.same(setCookies(answer), [])
      })
    }
  })

  t.test('POST /api/auth/flows/login', async (t) => {
    const { app } = await buildWithKratos(t)
    const { email } = await signUp(app)

    await t.test('200 with the session for the right password', async (t) => {
      const { id } = await startFlow(app, 'login')
      const answer = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD })
      t.equal(answer.statusCode, 200)
      t.match(answer.json(), { success: true, data: { session: { active: true } } })
      t.notMatch(answer.body, /ory_st_/)
      t.equal((await get(app, '/api/auth/whoami', { cookie: cookieHeader(answer) })).json().data.email, email)
    })

    await t.test('400 INVALID_CREDENTIALS with 4000006, the same for an unknown identifier (G01)', async (t) => {
      const { id } = await startFlow(app, 'login')
      const wrong = await post(app, '/api/auth/flows/login', {
        flow_id: id,
        identifier: email,
        password: 'wrong-password',
      })
      const unknown = await post(app, '/api/auth/flows/login', {
        flow_id: id,
        identifier: freshEmail(),
        password: 'wrong-password',
      })
      for (const answer of [wrong, unknown]) {
        t.equal(answer.statusCode, 400)
        const { code, id: shown, ui } = answer.json()
        t.equal(code, 'INVALID_CREDENTIALS')
        t.equal(shown, id)
        t.equal(ui.messages[0].id, 4000006)
      }
      t.equal(wrong.json().error, unknown.json().error)
    })

    await t.test('browser flow with its CSRF token and cookie; 403 without the cookie, and the token is found', async (t) => {
      const { id, csrfToken, init } = await startFlow(app, 'login', '?type=browser')
      const body = { flow_id: id, identifier: email, password: PASSWORD, csrf_token: csrfToken }
      const withoutCookie = await post(app, '/api/auth/flows/login', body)
      t.equal(withoutCookie.statusCode, 403)
      t.equal(withoutCookie.json().code, 'CSRF_VIOLATION')
      const wrong = { ...body, csrf_token: undefined, password: 'wrong' }
      const withoutToken = await post(app, '/api/auth/flows/login', wrong, { cookie: cookieHeader(init) })
      t.equal(withoutToken.json().code, 'INVALID_CREDENTIALS', 'the flow of a browser')
      const answer = await post(app, '/api/auth/flows/login', body, { cookie: cookieHeader(init, withoutToken) })
      t.equal(answer.statusCode, 200)
      t.equal((await get(app, '/api/auth/whoami', { cookie: cookieHeader(init, answer) })).statusCode, 200)
    })

    await t.test('an API submit carries neither the cookies nor the Origin of the page to Kratos (B18)', async (t) => {
      const { id } = await startFlow(app, 'login')
      const headers = { origin: FRONTEND, cookie: 'theme=dark; tracking=1' }
      t.equal(
        (await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD }, headers))
          .statusCode,
        200,
      )
    })

    await t.test('404 for an unknown flow, 400 for a malformed id', async (t) => {
      const unknown = await post(app, '/api/auth/flows/login', {
        flow_id: OTHER_ID,
        identifier: email,
        password: PASSWORD,
      })
      t.equal(unknown.statusCode, 404)
      t.equal(unknown.json().code, 'FLOW_NOT_FOUND')
      for (const id of ['../..', 'a?b', 'a#b', 'x'.repeat(10_000), `${OTHER_ID}?x`, undefined]) {
        const answer = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD })
        t.equal(answer.statusCode, 400)
        t.equal(answer.json().code, 'VALIDATION_ERROR')
      }
    })

    await t.test(
      '410 FLOW_EXPIRED with the flow that replaces it (A26)',
      embeddedOnly('a flow lifespan of 1 ms'),
      async (t) => {
        const { app } = await buildWithKratos(t, {
          overrides: { selfservice: { flows: { login: { lifespan: '1ms' } } } },
        })
        const { id } = await startFlow(app, 'login')
        const answer = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD })
        t.equal(answer.statusCode, 410)
        t.match(answer.json(), { success: false, code: 'FLOW_EXPIRED', use_flow_id: UUID })
      },
    )

    await t.test('403 ORIGIN_FORBIDDEN for a foreign page, before Kratos is asked (C02, C10)', async (t) => {
      const { id } = await startFlow(app, 'login')
      const answer = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD }, {
        origin: 'https://evil.example',
      })
      t.equal(answer.statusCode, 403)
      t.equal(answer.json().code, 'ORIGIN_FORBIDDEN')
      t.same(setCookies(answer), [])
      t.notOk(answer.headers['access-control-allow-origin'])
    })
  })
}
