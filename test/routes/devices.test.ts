import type { Test } from 'tap'
import { build, FRONTEND } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { SESSION } from '../support/faults.js'
import {
  buildWithKratos, cookieHeader, get, PASSWORD, post, setCookies, signUp, signUpInBrowser,
  startFlow,
} from '../support/kratos.js'

interface Device {
  id: string
  current: boolean
  user_agent: string | null
  ip_address: string | null
}

export default async function (t: Test): Promise<void> {
  t.test('/api/auth/sessions', async (t) => {
    const { app } = await buildWithKratos(t)
    const devices = async (cookie: string): Promise<Device[]> =>
      (await get(app, '/api/auth/sessions', { cookie })).json<{ data: { sessions: Device[] } }>().data.sessions
    const isLoggedIn = async (cookie: string): Promise<boolean> =>
      (await get(app, '/api/auth/whoami', { cookie })).statusCode === 200

    async function logIn (email: string, userAgent: string): Promise<string> {
      const { id } = await startFlow(app, 'login')
      const answer = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD }, {
        'user-agent': userAgent,
      })
      return cookieHeader(answer)
    }

    await t.test('GET lists them with the current one marked, user agent and address', async (t) => {
      const { cookie, email } = await signUp(app)
      await logIn(email, 'phone/1.0')
      const sessions = await devices(cookie)
      t.equal(sessions.length, 2)
      t.match(sessions[0], { current: true })
      t.match(sessions[1], { current: false, user_agent: 'phone/1.0', ip_address: '127.0.0.1' })
      t.notMatch(
        (await get(app, '/api/auth/sessions', { cookie })).body,
        /ory_st_|traits/,
        'nothing that proves a session, nothing about others',
      )
    })

    await t.test('lists no session that Kratos garbled', async (t) => {
      const other = { ...SESSION, id: 'c9b3a3a0-31f0-4d5f-8b5a-6f1f2f7f7a01' }
      const kratos = await startFaultServer(t, (socket, received) => {
        const isWhoami = received.target.startsWith('/sessions/whoami')
        answer(200, isWhoami ? SESSION : [null, 'x', 7, [], other])(socket, received)
      })
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      const listed = await get(app, '/api/auth/sessions', { 'x-session-token': `ory_st_${'a1B2'.repeat(8)}` })
      t.equal(listed.statusCode, 200)
      const { sessions } = listed.json<{ data: { sessions: Device[] } }>().data
      t.same(sessions.map(({ id }) => id), [SESSION.id, other.id])
    })

    await t.test('DELETE with an id ends that one only', async (t) => {
      const { cookie, email } = await signUp(app)
      const phone = await logIn(email, 'phone/1.0')
      const laptop = await logIn(email, 'laptop/1.0')
      const { id = '' } = (await devices(cookie)).find(({ user_agent: agent }) => agent === 'phone/1.0') ?? {}
      const answer = await app.inject({ method: 'DELETE', url: `/api/auth/sessions/${id}`, headers: { cookie } })
      t.same(answer.json(), { success: true, data: { id, logged_out: false } })
      t.same([await isLoggedIn(cookie), await isLoggedIn(phone), await isLoggedIn(laptop)], [true, false, true])
    })

    await t.test('DELETE ends all others', async (t) => {
      const { cookie, email } = await signUp(app)
      const phone = await logIn(email, 'phone/1.0')
      const answer = await app.inject({ method: 'DELETE', url: '/api/auth/sessions', headers: { cookie } })
      t.same(answer.json(), { success: true, data: { revoked: 1 } })
      t.same([await isLoggedIn(cookie), await isLoggedIn(phone)], [true, false])
      t.equal((await devices(cookie)).length, 1)
    })

    for (const [kind, enter] of Object.entries({ token: signUp, browser: signUpInBrowser })) {
      await t.test(`${kind} session: revoking the current one is logout`, async (t) => {
        const { cookie } = await enter(app)
        const [own] = await devices(cookie)
        const answer = await app.inject({ method: 'DELETE', url: `/api/auth/sessions/${own?.id}`, headers: { cookie } })
        t.equal(answer.json().data.logged_out, true)
        t.ok(setCookies(answer).some((line) => /^ory_kratos_session=[^;]*;.*Max-Age=0/.test(line)))
        t.notOk(await isLoggedIn(cookie))
      })
    }

    await t.test("404 for a stranger's session, which lives on, and 400 for nonsense", async (t) => {
      const { cookie } = await signUp(app)
      const stranger = await signUp(app)
      const [{ id } = { id: '' }] = await devices(stranger.cookie)
      const remove = (path: string) =>
        app.inject({ method: 'DELETE', url: `/api/auth/sessions/${path}`, headers: { cookie } })
      t.equal((await remove(id)).statusCode, 404)
      t.equal((await remove('11111111-2222-4333-8444-555555555555')).statusCode, 404)
      t.equal((await remove('nope')).statusCode, 400)
      t.ok(await isLoggedIn(stranger.cookie))
    })

    await t.test('401 without a session, 403 from a foreign page', async (t) => {
      const { cookie } = await signUp(app)
      t.equal((await get(app, '/api/auth/sessions')).statusCode, 401)
      const foreign = await app.inject({
        method: 'DELETE',
        url: '/api/auth/sessions',
        headers: { cookie, origin: 'https://evil.example' },
      })
      t.equal(foreign.json().code, 'ORIGIN_FORBIDDEN')
    })
  })

  t.test('DELETE /api/auth/account', async (t) => {
    const { app } = await buildWithKratos(t)
    const remove = (cookie: string, headers: Record<string, string> = {}) =>
      app.inject({ method: 'DELETE', url: '/api/auth/account', headers: { cookie, origin: FRONTEND, ...headers } })

    await t.test('deletes the identity at Kratos, its sessions and its rows', async (t) => {
      const { cookie, identityId, email } = await signUp(app)
      await post(app, '/api/documents', { title: 'Mine', content: '' }, { cookie })
      const answer = await remove(cookie)
      t.same(answer.json(), { success: true, data: { id: identityId } })
      t.equal((await get(app, '/api/auth/whoami', { cookie })).statusCode, 401)
      t.equal(await app.store.users.find(identityId), undefined)
      const { id } = await startFlow(app, 'login')
      t.equal(
        (await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD })).json().code,
        'INVALID_CREDENTIALS',
      )
    })

    await t.test('401 without a session, 403 from a foreign page', async (t) => {
      const { cookie } = await signUp(app)
      t.equal((await remove('')).statusCode, 401)
      t.equal((await remove(cookie, { origin: 'https://evil.example' })).json().code, 'ORIGIN_FORBIDDEN')
      t.equal((await get(app, '/api/auth/whoami', { cookie })).statusCode, 200)
    })
  })
}
