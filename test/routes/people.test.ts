import type { Test } from 'tap'
import type { LightMyRequestResponse } from 'fastify'
import { systemClock } from '../../kratos/embedded/clock.js'
import { build, FRONTEND } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { ID, NO_SESSION_BODY } from '../support/faults.js'
import {
  buildWithKratos, cookieHeader, freshEmail, get, PASSWORD, post, signUp, signUpInBrowser, startFlow,
  startKratos,
} from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'

const LOGIN = '/api/auth/flows/login'
const REGISTRATION = '/api/auth/flows/registration'

/** Everything of an answer that could tell two apart: ids, times and what the client itself sent are no news to it. */
function comparable ({ statusCode, headers, body }: LightMyRequestResponse, ...own: string[]) {
  const { date, 'x-request-id': _, 'content-length': __, ...rest } = headers
  const neutral = own.reduce((text, word) => text.replaceAll(word, 'OWN'), body)
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
  return { statusCode, headers: rest, body: neutral, hasDate: date !== undefined }
}

export default async function (t: Test): Promise<void> {
  t.test('whether an account exists', async (t) => {
    const { app, kratos } = await buildWithKratos(t)
    const { email } = await signUp(app)
    const logIn = async (identifier: string) => {
      const { id } = await startFlow(app, 'login')
      return comparable(await post(app, LOGIN, { flow_id: id, identifier, password: 'wrong-password' }), identifier)
    }

    await t.test('does not show in a failed login: status, body and headers are one, and our own table is not asked (G01)', async (t) => {
      const asked: string[] = []
      const users = app.store.users as unknown as Record<string, (...values: unknown[]) => unknown>
      for (const name of Object.keys(users)) {
        const original = users[name]
        users[name] = (...values) => {
          asked.push(name)
          return original?.apply(users, values)
        }
      }
      const wrong = await logIn(email)
      t.match(wrong, { statusCode: 400, body: /"code":"INVALID_CREDENTIALS"/ })
      for (const identifier of [freshEmail(), 'nobody', `${email}x`]) t.same(await logIn(identifier), wrong, identifier)
      t.same(asked, [])
    })

    await t.test('shows in a sign-up exactly as Kratos itself says it (G03)', async (t) => {
      const { id } = await startFlow(app, 'registration')
      const taken = await post(app, REGISTRATION, { flow_id: id, email, password: PASSWORD })
      t.equal(taken.statusCode, 400)
      const { ui, error, ...rest } = taken.json<
        { ui: { messages: Array<{ id: number, text: string }> }, error: string }
      >()
      t.same(
        rest,
        { success: false, code: 'IDENTIFIER_TAKEN', id, next: 'form', field_errors: {}, errors: [taken.json().errors[0]], sent: false, state: 'choose_method' },
        'nothing beside the flow and its step',
      )
      const own = await fetch(`${kratos.publicUrl}/self-service/registration/flows?id=${id}`).then((answer) =>
        answer.json(),
      ) as { ui: typeof ui }
      t.strictSame(ui, own.ui)
      t.equal(error, own.ui.messages[0]?.text)
    })
  })

  t.test(
    'whoami is one and the same 401 for every way of having no session (G04)',
    embeddedOnly('a clock'),
    async (t) => {
      let ahead = 0
      const { app, kratos } = await buildWithKratos(t, { clock: { ...systemClock, now: () => Date.now() + ahead } })
      const sessions = await Promise.all([
        signUp(app),
        signUp(app),
        signUp(app),
        signUpInBrowser(app),
        signUpInBrowser(app),
      ])
      const [expired, revoked, disabled, expiredInBrowser, disabledInBrowser] = sessions.map(({ cookie }) => cookie)
      const ask = async (headers: Record<string, string>) => comparable(await get(app, '/api/auth/whoami', headers))
      for (const cookie of sessions.map(({ cookie }) => cookie)) {
        t.equal(
          (await ask({ cookie })).statusCode,
          200,
          'all were sessions',
        )
      }

      await post(app, '/api/auth/logout', {}, { cookie: revoked ?? '', origin: FRONTEND })
      for (const { identityId } of [sessions[2], sessions[4]]) {
        const disabling = {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify([{ op: 'replace', path: '/state', value: 'inactive' }]),
        }
        t.equal((await fetch(`${kratos.adminUrl}/admin/identities/${identityId}`, disabling)).status, 200)
      }
      const none = await ask({})
      t.match(none, { statusCode: 401, body: JSON.stringify(NO_SESSION_BODY) })
      const alike = async (t: Test, ways: Record<string, Record<string, string>>): Promise<void> => {
        for (const [way, headers] of Object.entries(ways)) t.same(await ask(headers), none, way)
      }
      await alike(t, {
        revoked: { cookie: revoked ?? '' },
        deactivated: { cookie: disabled ?? '' },
        'deactivated, in a browser': { cookie: disabledInBrowser ?? '' },
        'an unknown token': { 'x-session-token': `ory_st_${'u'.repeat(32)}` },
        'an unknown sealed cookie': { cookie: `ory_kratos_session=MTc5${'x'.repeat(400)}` },
        malformed: { cookie: 'ory_kratos_session=%%%' },
        'another scheme': { authorization: 'Basic dXNlcjpwYXNz' },
      })
      ahead = 25 * 60 * 60 * 1000
      await alike(t, { expired: { cookie: expired ?? '' }, 'expired, in a browser': { cookie: expiredInBrowser ?? '' } })
    },
  )

  t.test("another browser's flow is 403 by its id, and nothing of it shows (G12)", async (t) => {
    const { app } = await buildWithKratos(t)
    const victim = await startFlow(app, 'login', '?type=browser')
    const attacker = await startFlow(app, 'login', '?type=browser')
    const cookie = cookieHeader(attacker.init)
    const body = { flow_id: victim.id, identifier: 'a', password: 'b', csrf_token: attacker.csrfToken }
    for (
      const response of [
        await get(app, `${LOGIN}/${victim.id}`),
        await get(app, `${LOGIN}/${victim.id}`, { cookie }),
        await post(app, LOGIN, body),
      ]
    ) {
      t.match(response.json(), { success: false, code: 'CSRF_VIOLATION' })
      t.equal(response.statusCode, 403)
      t.notMatch(
        response.body,
        new RegExp(`${victim.id}|${victim.csrfToken.replaceAll('+', '\\+')}|nodes`),
        'neither its id nor its token nor its form',
      )
    }
  })

  t.test('a password', async (t) => {
    const PASSWORDS = [
      'x'.repeat(64),
      '  leading and trailing  ',
      '\t',
      '🐎🔋📎 correct',
      '👨‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿',
      'Zo\u00eb-\u00e9',
      'Zoe\u0308-e\u0301',
      '\u212b\u00c5A\u030a',
      '\ufb01',
      '\u200bzero\u200d',
      '"\\\u2028</script>',
      'ß'.repeat(36),
      'x'.repeat(1024),
      '🐎'.repeat(512),
    ]

    await t.test('reaches Kratos byte for byte, in either form of a body; above 1,024 characters it is 400 (A34)', async (t) => {
      const kratos = await startFaultServer(t, answer(200, { id: ID, ui: { action: 'x', nodes: [] } }))
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      for (const password of PASSWORDS) {
        for (const body of [{ identifier: 'a' }, { method: 'password', identifier: 'a' }]) {
          t.equal((await post(app, LOGIN, { flow_id: ID, ...body, password })).statusCode, 200)
          const sent = JSON.parse(kratos.requests.at(-1)?.body ?? '{}') as { password: string }
          t.ok(Buffer.from(sent.password).equals(Buffer.from(password)), encodeURIComponent(password).slice(0, 40))
        }
      }
      const before = kratos.requests.length
      for (const password of ['x'.repeat(1025), ' '.repeat(1025)]) { t.equal((await post(app, LOGIN, { flow_id: ID, identifier: 'a', password })).statusCode, 400) }
      t.equal(kratos.requests.length, before)
    })

    await t.test('counts as it was typed: neither its blanks nor another form of its letters will do (A34)', async (t) => {
      const { app } = await buildWithKratos(t)
      const password = '  Zo\u00eb-velvet-harbor-🐎 '
      const { id } = await startFlow(app, 'registration')
      const email = freshEmail()
      t.equal((await post(app, REGISTRATION, { flow_id: id, email, password })).statusCode, 200)
      const logIn = async (typed: string): Promise<number> => {
        const { id } = await startFlow(app, 'login')
        return (await post(app, LOGIN, { flow_id: id, identifier: email, password: typed })).statusCode
      }
      t.equal(await logIn(password), 200)
      for (const other of [password.trim(), password.normalize('NFD'), password.toLowerCase(), `${password} `]) { t.equal(await logIn(other), 400, JSON.stringify(other)) }
    })
  })

  t.test(
    'a sign-up that Kratos finishes after its deadline is 504, and the retry is told the truth (J27)',
    embeddedOnly('a fault'),
    async (t) => {
      const kratos = await startKratos(t)
      const { app } = await build(t, {
        KRATOS_PUBLIC_URL: kratos.publicUrl,
        KRATOS_ADMIN_URL: kratos.adminUrl,
        SUBMIT_DEADLINE_MS: '1000',
      })
      const email = freshEmail()
      const signUpOnce = async () => {
        const { id } = await startFlow(app, 'registration')
        return await post(app, REGISTRATION, { flow_id: id, email, password: PASSWORD })
      }
      const fault = await kratos.fault({
        path: '/self-service/registration',
        method: 'POST',
        kind: 'slow-body',
        delayMs: 2500,
        times: 1,
      })
      const late = await signUpOnce()
      t.equal(late.statusCode, 504)
      t.match(late.json(), { success: false, code: 'UPSTREAM_TIMEOUT', next: 'form' })
      t.equal(late.headers['set-cookie'], undefined)
      t.equal(fault.calls, 1, 'it was sent once')
      t.match((await signUpOnce()).json(), { success: false, code: 'IDENTIFIER_TAKEN' })
      const listed = await fetch(
        `${kratos.adminUrl}/admin/identities?credentials_identifier=${encodeURIComponent(email)}`,
      ).then((answer) => answer.json()) as unknown[]
      t.equal(listed.length, 1, 'there is one account, not two')
      const { id } = await startFlow(app, 'login')
      t.equal(
        (await post(app, LOGIN, { flow_id: id, identifier: email, password: PASSWORD })).statusCode,
        200,
        'and its owner can use it',
      )
    },
  )
}
