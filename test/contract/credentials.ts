import type { Test } from 'tap'
import { type Contract, cookieNames } from './caller.js'
import { addSecondFactor, logIn, openFlow, signUp, signUpInBrowser, whoami } from './people.js'

const unknownToken = `ory_st_${'a'.repeat(32)}`

/** Which of several credentials counts, and what whoami says (docs/kratos-facts.md, section 2, 16). */
export function credentials (t: Test, { ask }: Contract): void {
  t.test('whoami answers a token, a Bearer and a sealed cookie alike; only the cookie of a browser is a cookie', async (t) => {
    const [app, browser] = [await signUp(ask), await signUpInBrowser(ask)]
    for (
      const [{ id, email }, headers] of [[app, app.session], [app, { authorization: `bearer ${app.value}` }], [
        browser,
        browser.session,
      ]] as const
    ) {
      const { status, body, setCookie } = await whoami(ask, headers)
      t.equal(status, 200)
      t.match(body, {
        active: true,
        authenticator_assurance_level: 'aal1',
        identity: { id, state: 'active', traits: { email } },
        devices: Array,
      })
      t.same(setCookie, [])
    }
  })

  t.test('one 401 without an error id for none, unknown, and swapped credentials', async (t) => {
    const [app, browser] = [await signUp(ask), await signUpInBrowser(ask)]
    const wrong = [
      {},
      { 'x-session-token': unknownToken },
      { authorization: `Bearer ${unknownToken}` },
      { 'x-session-token': browser.value },
      { authorization: `Bearer ${browser.value}` },
      { cookie: `ory_kratos_session=${app.value}` },
      { cookie: 'ory_kratos_session=garbage' },
      { authorization: `Basic ${app.value}` },
    ]
    for (const headers of wrong) {
      const { status, body } = await whoami(ask, headers)
      t.equal(status, 401, JSON.stringify(headers).slice(0, 60))
      t.equal(body.error.code, 401)
      t.notOk('id' in body.error)
    }
  })

  t.test('the token decides, whatever cookie or Bearer stands beside it, also when it is unknown', async (t) => {
    const [app, browser] = [await signUp(ask), await signUpInBrowser(ask)]
    t.equal((await whoami(ask, { ...app.session, ...browser.session })).body.identity.id, app.id)
    t.equal((await whoami(ask, { 'x-session-token': unknownToken, ...browser.session })).status, 401)
    t.equal((await whoami(ask, { 'x-session-token': unknownToken, authorization: `Bearer ${app.value}` })).status, 401)
    t.equal(
      (await whoami(ask, { authorization: `Bearer ${app.value}`, ...browser.session })).body.identity.id,
      browser.id,
      'the cookie beats Bearer',
    )
  })

  t.test('a good token beside a cookie that cannot be decoded is 500', async (t) => {
    const { value, session } = await signUp(ask)
    for (const cookie of ['ory_kratos_session=garbage', `ory_kratos_session=${value}`]) {
      t.equal((await whoami(ask, { ...session, cookie })).status, 500)
      t.equal((await whoami(ask, { authorization: `Bearer ${value}`, cookie })).status, 500)
    }
    t.equal(
      (await ask('GET', '/sessions', { headers: { ...session, cookie: 'ory_kratos_session=garbage' } })).status,
      200,
      'whoami only',
    )
  })

  t.test('Ory-Session-Cache-For: the rest of the session, 60 without a usable credential, none for an unknown token', async (t) => {
    const { session } = await signUp(ask)
    const seconds = Number((await whoami(ask, session)).headers['ory-session-cache-for'])
    t.ok(seconds > 86_000 && seconds <= 86_400, String(seconds))
    t.equal((await whoami(ask)).headers['ory-session-cache-for'], '60')
    t.equal((await whoami(ask, { 'x-session-token': unknownToken })).headers['ory-session-cache-for'], undefined)
  })

  t.test('who has a second factor and did not use it is 403 session_aal2_required and told where to go', async (t) => {
    const person = await signUp(ask)
    await addSecondFactor(ask, person)
    const headers = { 'x-session-token': (await logIn(ask, person.email)).body.session_token }
    for (const path of ['/sessions/whoami', '/sessions', '/self-service/settings/api']) {
      const { status, body } = await ask('GET', path, { headers })
      t.match([status, body.error], [403, {
        id: 'session_aal2_required',
        details: { redirect_browser_to: /\/self-service\/login\/browser\?aal=aal2/ },
      }], path)
    }
    t.equal((await ask('GET', '/self-service/logout/browser', { headers })).status, 200, 'but may log out')
  })

  t.test('a longer session comes with a new cookie for who has one', async (t) => {
    const [app, browser] = [await signUp(ask), await signUpInBrowser(ask)]
    for (const { sessionId, session, value } of [app, browser]) {
      t.equal((await ask('PATCH', `/admin/sessions/${sessionId}/extend`, { port: 'admin' })).status, 200)
      const reply = await whoami(ask, session)
      t.equal(reply.status, 200)
      t.same(cookieNames(reply), session['cookie'] === undefined ? [] : ['ory_kratos_session'])
      t.notOk(reply.setCookie.join().includes(value))
    }
  })

  t.test('a deactivated identity has no sessions while it is one, and cannot log in', async (t) => {
    const { id, email, session } = await signUp(ask)
    const become = async (state: string) =>
      await ask('PATCH', `/admin/identities/${id}`, {
        port: 'admin',
        json: [{ op: 'replace', path: '/state', value: state }],
      })
    await become('inactive')
    t.equal((await whoami(ask, session)).status, 401)
    const refused = await logIn(ask, email)
    t.match([refused.status, refused.body.error.reason], [401, /disabled/])
    await become('active')
    t.equal((await whoami(ask, session)).status, 200, 'the same token again')
  })

  t.test('other endpoints take the same credentials and name what is missing', async (t) => {
    const { value } = await signUp(ask)
    await openFlow(ask, 'settings', 'api', { authorization: `Bearer ${value}` })
    const missing = [['/self-service/settings/api', 'session_inactive'], [
      '/self-service/logout/browser',
      'session_inactive',
    ], ['/sessions', undefined]] as const
    for (const [path, id] of missing) {
      const { status, body } = await ask('GET', path)
      t.match([status, body.error.id], [401, id], path)
    }
  })
}
