import { NO_SESSION_BODY } from '../support/faults.js'
import type { Test } from 'tap'
import { systemClock } from '../../kratos/embedded/clock.js'
import { FRONTEND, PUBLIC_URL } from '../support/app.js'
import { buildWithKratos, get, post, setCookies, signUp, signUpInBrowser } from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'

const NAVIGATION = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'cross-site' }

export default async function (t: Test): Promise<void> {
  t.test('GET /api/auth/whoami', async (t) => {
    const { app } = await buildWithKratos(t)
    const { cookie, email, identityId, token } = await signUp(app)

    await t.test('exactly the six fields of the specification, absent traits null', async (t) => {
      const answer = await get(app, '/api/auth/whoami', { cookie })
      t.equal(answer.statusCode, 200)
      t.same(answer.json(), {
        success: true,
        data: { id: identityId, email, first_name: 'Ada', last_name: null, username: null, authenticated: true },
      })
    })

    await t.test('full=true adds session, aal, methods and addresses', async (t) => {
      const { data } = (await get(app, '/api/auth/whoami?full=true', { cookie })).json()
      t.match(data, {
        email,
        session: { id: String, expires_at: String },
        aal: 'aal1',
        methods: [{ method: 'password' }],
        addresses: [{ value: email }],
      })
    })

    await t.test('a token header or Bearer instead of the cookie (B13, B14)', async (t) => {
      t.equal((await get(app, '/api/auth/whoami', { 'x-session-token': token })).statusCode, 200)
      t.equal((await get(app, '/api/auth/whoami', { authorization: `Bearer ${token}` })).statusCode, 200)
      t.equal((await get(app, '/api/auth/whoami', { authorization: 'Basic dXNlcjpwYXNz' })).statusCode, 401)
    })

    await t.test('a sealed cookie counts as cookie only (B17)', async (t) => {
      const browser = await signUpInBrowser(app)
      const sealed = /ory_kratos_session=([^;]+)/.exec(browser.cookie)?.[1] ?? ''
      t.equal((await get(app, '/api/auth/whoami', { cookie: `ory_kratos_session=${sealed}` })).statusCode, 200)
      t.equal((await get(app, '/api/auth/whoami', { 'x-session-token': sealed })).statusCode, 401)
      t.equal((await get(app, '/api/auth/whoami', { authorization: `Bearer ${sealed}` })).statusCode, 401)
    })

    await t.test('the cookie wins over a token header (B12)', async (t) => {
      const other = await signUp(app)
      const answer = await get(app, '/api/auth/whoami', { cookie, 'x-session-token': other.token })
      t.equal(answer.json().data.email, email)
    })

    await t.test('one and the same 401 for no, garbage, empty, unknown and oversized credentials (G04, B05, B06, B08)', async (t) => {
      const cookies = [
        '',
        'theme=dark',
        'ory_kratos_session=',
        'ory_kratos_session=""',
        'ory_kratos_session=garbage',
        'ory_kratos_session=a%0d%0aX-Admin:%201',
        `ory_kratos_session=ory_st_${'a'.repeat(32)}`,
        `ory_kratos_session=ory_st_${'a'.repeat(200)}`,
        `ory_kratos_session=${'a'.repeat(5000)}`,
      ]
      for (const value of cookies) {
        const answer = await get(app, '/api/auth/whoami', { cookie: value })
        t.equal(answer.statusCode, 401, value.slice(0, 60))
        t.same(answer.json(), NO_SESSION_BODY)
      }
    })

    await t.test('two different session cookies are 401, and no host-only one is deleted (B01)', async (t) => {
      const answer = await get(app, '/api/auth/whoami', { cookie: `${cookie}; ory_kratos_session=ory_st_other` })
      t.equal(answer.statusCode, 401)
      t.same(setCookies(answer), [], 'localhost has no parent domain')
      const same = await get(app, '/api/auth/whoami', { cookie: `${cookie}; ${cookie}` })
      t.equal(same.statusCode, 200, 'the same value twice counts as one (B03)')
    })

    await t.test(
      'a cookie that Kratos renewed goes to the one who asked, byte for byte (B27)',
      embeddedOnly('a clock'),
      async (t) => {
        let ahead = 0
        const clock = { ...systemClock, now: () => Date.now() + ahead }
        const { app, kratos } = await buildWithKratos(t, { clock })
        const { cookie } = await signUpInBrowser(app)
        const { data } = (await get(app, '/api/auth/whoami?full=true', { cookie })).json<
          { data: { session: { id: string } } }
        >()
        ahead = 60_000
        const extended = await fetch(`${kratos.adminUrl}/admin/sessions/${data.session.id}/extend`, { method: 'PATCH' })
        t.equal(extended.status, 200)
        const renewed = await get(app, '/api/documents', { cookie })
        t.equal(renewed.statusCode, 200)
        t.match(setCookies(renewed), [
          /^ory_kratos_session=[A-Za-z0-9_=-]{100,}; Path=\/; Expires=[^;]+; Max-Age=\d+; HttpOnly; SameSite=Lax$/,
        ])
      },
    )

    await t.test('HEAD runs the guard too (A32)', async (t) => {
      t.equal((await app.inject({ method: 'HEAD', url: '/api/auth/whoami' })).statusCode, 401)
      t.equal((await app.inject({ method: 'HEAD', url: '/api/auth/whoami', headers: { cookie } })).statusCode, 200)
    })
  })

  t.test('logout', async (t) => {
    const { app } = await buildWithKratos(t)
    const kinds = { 'token session': signUp, 'browser session': signUpInBrowser }

    async function logoutUrl (cookie: string): Promise<string> {
      const answer = await get(app, '/api/auth/flows/logout', { cookie })
      return answer.json<{ data: { logout_url: string } }>().data.logout_url
    }
    const isLoggedIn = async (cookie: string): Promise<boolean> =>
      (await get(app, '/api/auth/whoami', { cookie })).statusCode === 200
    const path = (url: string): string => url.slice(PUBLIC_URL.length)

    for (const [kind, enter] of Object.entries(kinds)) {
      await t.test(`${kind}: GET flows/logout gives our own URL, opening it ends the session and redirects to the front end`, async (t) => {
        const { cookie } = await enter(app)
        const url = await logoutUrl(cookie)
        t.match(url, new RegExp(`^${PUBLIC_URL}/api/auth/logout\\?token=ory_lo_`))
        t.ok(await isLoggedIn(cookie), 'asking for the URL changes nothing')
        const answer = await get(app, path(url), { cookie, ...NAVIGATION })
        t.equal(answer.statusCode, 302)
        t.equal(answer.headers.location, `${FRONTEND}/`)
        t.ok(
          setCookies(answer).some((line) => /^ory_kratos_session=[^;]*;.*Max-Age=0/.test(line)),
          'the cookie is deleted',
        )
        t.notOk(await isLoggedIn(cookie), 'also for a copy of the cookie made before')
      })

      await t.test(`${kind}: with Accept: application/json it is 200`, async (t) => {
        const { cookie } = await enter(app)
        const answer = await get(app, path(await logoutUrl(cookie)), { cookie, accept: 'application/json' })
        t.same(answer.json(), { success: true, data: { logged_out: true } })
        t.notOk(await isLoggedIn(cookie))
      })

      await t.test(`${kind}: POST /api/auth/logout does both in one step`, async (t) => {
        const { cookie } = await enter(app)
        const answer = await post(app, '/api/auth/logout', {}, { cookie, origin: FRONTEND })
        t.same(answer.json(), { success: true, data: { logged_out: true } })
        t.notOk(await isLoggedIn(cookie))
      })

      await t.test(`${kind}: the token of another session is 403, both sessions live on (C11)`, async (t) => {
        const victim = await enter(app)
        const attacker = await enter(app)
        const answer = await get(app, path(await logoutUrl(attacker.cookie)), { cookie: victim.cookie, ...NAVIGATION })
        t.equal(answer.statusCode, 403)
        t.equal(answer.json().code, 'LOGOUT_TOKEN_INVALID')
        t.ok(await isLoggedIn(victim.cookie))
        t.ok(await isLoggedIn(attacker.cookie))
      })
    }

    await t.test('a native client logs out with its token header, without cookies or Origin', async (t) => {
      const { token } = await signUp(app)
      t.equal((await post(app, '/api/auth/logout', {}, { 'x-session-token': token })).statusCode, 200)
      t.equal((await get(app, '/api/auth/whoami', { 'x-session-token': token })).statusCode, 401)
    })

    await t.test('prefetch, frame, image and foreign script do not complete it (C11)', async (t) => {
      const { cookie } = await signUp(app)
      const url = path(await logoutUrl(cookie))
      const visits = [
        { 'sec-purpose': 'prefetch', ...NAVIGATION },
        { ...NAVIGATION, 'sec-fetch-dest': 'iframe' },
        { ...NAVIGATION, 'sec-fetch-dest': 'image' },
        { origin: 'https://evil.example', 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'cross-site' },
      ]
      for (const headers of visits) {
        const answer = await get(app, url, { cookie, ...headers })
        t.equal(answer.statusCode, 403)
        t.equal(answer.json().code, 'ORIGIN_FORBIDDEN')
      }
      t.equal((await app.inject({ method: 'HEAD', url, headers: { cookie } })).statusCode, 405, 'HEAD has no effect')
      t.ok(await isLoggedIn(cookie))
      t.equal(
        (await get(app, url, { cookie, origin: FRONTEND, 'sec-fetch-dest': 'empty', accept: 'application/json' }))
          .statusCode,
        200,
        'our own page may',
      )
    })

    await t.test('without a token 403, without a session 401', async (t) => {
      const { cookie } = await signUp(app)
      t.equal((await get(app, '/api/auth/logout', { cookie })).json().code, 'LOGOUT_TOKEN_INVALID')
      t.ok(await isLoggedIn(cookie))
      t.same((await get(app, '/api/auth/flows/logout')).json(), NO_SESSION_BODY)
      t.same((await post(app, '/api/auth/logout', {})).json(), NO_SESSION_BODY)
      t.same((await get(app, '/api/auth/logout?token=ory_lo_x', { accept: 'application/json' })).json(), NO_SESSION_BODY)
    })

    await t.test('a second visit of the link finds nobody logged in and goes home', async (t) => {
      const { cookie } = await signUp(app)
      const url = path(await logoutUrl(cookie))
      await get(app, url, { cookie, ...NAVIGATION })
      const again = await get(app, url, { cookie, ...NAVIGATION })
      t.equal(again.statusCode, 302)
      t.equal(again.headers.location, `${FRONTEND}/`)
    })

    await t.test('POST from a foreign page, or without body and Origin, is 403 and the session lives (C02, C07, C09)', async (t) => {
      const { cookie } = await signUp(app)
      const foreign = await post(app, '/api/auth/logout', {}, { cookie, origin: 'https://evil.example' })
      t.equal(foreign.json().code, 'ORIGIN_FORBIDDEN')
      const bare = await app.inject({ method: 'POST', url: '/api/auth/logout', headers: { cookie } })
      t.equal(bare.statusCode, 403)
      t.ok(await isLoggedIn(cookie))
    })
  })
}
