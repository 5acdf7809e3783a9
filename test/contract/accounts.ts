import type { Test } from 'tap'
import { freshEmail, PASSWORD } from '../support/target.js'
import { type Contract, cookieNames, cookiesOf } from './caller.js'
import {
  addSecondFactor, logIn, logInToBrowser, messageIds, nodeNamed, openFlow, signUp, signUpInBrowser, submit,
  whoami,
} from './people.js'

/** Sign-up and login (docs/kratos-facts.md, section 6, 7). */
export function accounts (t: Test, { ask }: Contract): void {
  t.test('a sign-up answers with identity and session, to an app with the token and without cookies', async (t) => {
    const { reply, email, value } = await signUp(ask)
    t.match(reply.body, {
      session_token: /^ory_st_[A-Za-z0-9]{32}$/,
      session: { active: true },
      identity: { traits: { email } },
    })
    t.match(reply.body.continue_with, [
      { action: 'show_verification_ui' },
      { action: 'set_ory_session_token', ory_session_token: value },
    ])
    t.same(reply.setCookie, [])
  })

  t.test('a browser gets no token but the CSRF cookie and then the session cookie', async (t) => {
    const { reply, email } = await signUpInBrowser(ask)
    for (const answer of [reply, await logInToBrowser(ask, email)]) {
      t.equal(answer.status, 200)
      t.notOk('session_token' in answer.body)
      t.match(answer.body.continue_with, [{
        action: 'redirect_browser_to',
        redirect_browser_to: 'http://localhost:3001/',
      }])
      t.same(cookieNames(answer), ['csrf_token', 'ory_kratos_session'])
      t.match(
        answer.setCookie[1],
        /^ory_kratos_session=[A-Za-z0-9_=-]{200,}; Path=\/; Expires=[^;]+; Max-Age=86[34]\d\d; HttpOnly; SameSite=Lax$/,
      )
    }
  })

  t.test('what is wrong with a sign-up stands where the user typed it', async (t) => {
    const { id } = await openFlow(ask, 'registration', 'api')
    const attempts: Array<[object, string, number]> = [
      [{ password: 'abc', traits: { email: freshEmail() } }, 'password', 4000032],
      [{ password: PASSWORD, traits: {} }, 'traits.email', 4000002],
      [{ password: PASSWORD, traits: { email: 'nonsense' } }, 'traits.email', 4000040],
      [{ password: PASSWORD, traits: { email: freshEmail(), nickname: 'x' } }, 'traits', 4000001],
    ]
    for (const [body, name, message] of attempts) {
      const { status, body: flow } = await submit(ask, 'registration', id, { method: 'password', ...body })
      t.match([status, flow.id, nodeNamed(flow, name)?.messages.map(({ id }) => id)], [400, id, [message]])
    }
  })

  t.test('an address is taken in any case of letters', async (t) => {
    const { email } = await signUp(ask)
    for (const same of [email, email.toUpperCase()]) {
      const { id } = await openFlow(ask, 'registration', 'api')
      const reply = await submit(ask, 'registration', id, {
        method: 'password',
        password: PASSWORD,
        traits: { email: same },
      })
      t.match([reply.status, messageIds(reply)], [400, [4000007]])
    }
  })

  t.test('a login answers with session and token; wrong password and unknown address are one answer', async (t) => {
    const { email } = await signUp(ask)
    const { status, body, setCookie } = await logIn(ask, email.toUpperCase())
    t.match([status, setCookie], [200, []])
    t.match(body, {
      session_token: /^ory_st_/,
      session: { active: true, identity: { traits: { email } } },
      continue_with: null,
    })
    const [wrong, unknown] = [
      await logIn(ask, email, 'wrong-password'),
      await logIn(ask, freshEmail(), 'wrong-password'),
    ]
    for (const reply of [wrong, unknown]) t.match([reply.status, messageIds(reply)], [400, [4000006]])
    t.same(wrong.body.ui.messages, unknown.body.ui.messages)
  })

  t.test('a login flow can be submitted twice', async (t) => {
    const { email } = await signUp(ask)
    const { id } = await openFlow(ask, 'login', 'api')
    const body = { method: 'password', identifier: email, password: PASSWORD }
    const [first, second] = [await submit(ask, 'login', id, body), await submit(ask, 'login', id, body)]
    t.same([first.status, second.status], [200, 200])
    t.not(first.body.session.id, second.body.session.id)
  })

  t.test('who is logged in gets no new flow without refresh; with it, session and token stay', async (t) => {
    const { email, session, value, sessionId } = await signUp(ask)
    for (const path of ['/self-service/login/api', '/self-service/login/browser']) {
      const { status, body } = await ask('GET', path, { headers: session })
      t.match([status, body.error.id], [400, 'session_already_available'], path)
    }
    const { id, reply } = await openFlow(ask, 'login', 'api', session, '?refresh=true')
    t.same(messageIds(reply), [1010003])
    const again = await submit(ask, 'login', id, { method: 'password', identifier: email, password: PASSWORD }, session)
    t.match(again.body, { session_token: value, session: { id: sessionId } })
  })

  t.test('a second step without a session is 401 session_aal1_required', async (t) => {
    const { status, body } = await ask('GET', '/self-service/login/api?aal=aal2')
    t.match([status, body.error.id], [401, 'session_aal1_required'])
  })

  t.test('where a second factor is due an app gets a token without identity, a browser 422 with both cookies', async (t) => {
    const person = await signUp(ask)
    const { totp } = await addSecondFactor(ask, person)
    const app = await logIn(ask, person.email)
    t.match([app.status, app.body.session_token, app.body.session.identity], [200, /^ory_st_/, null])
    const browser = await logInToBrowser(ask, person.email)
    t.match([browser.status, browser.body.error.id, browser.body.redirect_browser_to], [
      422,
      'browser_location_change_required',
      /\/self-service\/login\/browser\?aal=aal2/,
    ])
    t.same(cookieNames(browser), ['csrf_token', 'ory_kratos_session'])

    const cookie = cookiesOf(browser)
    const { id, csrfToken, cookie: csrfCookie } = await openFlow(ask, 'login', 'browser', { cookie }, '?aal=aal2')
    const jar = csrfCookie === '' ? cookie : `${cookie}; ${csrfCookie}`
    const done = await submit(ask, 'login', id, { method: 'totp', totp_code: totp.generate(), csrf_token: csrfToken }, {
      cookie: jar,
    })
    t.match([done.status, done.body.session.authenticator_assurance_level], [200, 'aal2'])
    t.equal((await whoami(ask, { cookie: cookiesOf(browser, done) })).body.authenticator_assurance_level, 'aal2')
  })

  t.test('the second step keeps session and token; wrong and used codes are told apart', async (t) => {
    const person = await signUp(ask)
    const { totp, backupCodes: [code = ''] } = await addSecondFactor(ask, person)
    const step = async (body: object) => {
      const { body: { session_token: token, session: { id: sessionId } } } = await logIn(ask, person.email)
      const headers = { 'x-session-token': token }
      const { id } = await openFlow(ask, 'login', 'api', headers, '?aal=aal2')
      return { token, sessionId, reply: await submit(ask, 'login', id, body, headers) }
    }
    const { token, sessionId, reply } = await step({ method: 'lookup_secret', lookup_secret: code })
    t.match(reply.body, { session_token: token, session: { id: sessionId, authenticator_assurance_level: 'aal2' } })
    t.equal((await step({ method: 'totp', totp_code: totp.generate() })).reply.status, 200)
    const wrong: Array<[object, number]> = [
      [{ method: 'totp', totp_code: '000000' }, 4000008],
      [{ method: 'lookup_secret', lookup_secret: 'aaaaaaaa' }, 4000016],
      [{ method: 'lookup_secret', lookup_secret: code }, 4000012],
    ]
    for (const [body, message] of wrong) {
      const { reply } = await step(body)
      t.match([reply.status, messageIds(reply)], [400, [message]])
    }
  })
}
