import type { Test } from 'tap'
import { type Contract, cookieNames, cookiesOf, type Reply } from './caller.js'
import { addSecondFactor, logIn, type Person, signUp, signUpInBrowser, whoami } from './people.js'

/** The two ways out, and the one that only looks like one (docs/kratos-facts.md, section 1 iv, 1 v, 11). */
export function logout (t: Test, { ask }: Contract): void {
  const tokenFor = async ({ session }: Person): Promise<string> =>
    (await ask('GET', '/self-service/logout/browser', { headers: session })).body.logout_token
  const complete = async (token: string, headers: Record<string, string>): Promise<Reply> =>
    await ask('GET', `/self-service/logout?token=${token}`, { headers })
  const isAlive = async ({ session }: Person): Promise<boolean> => (await whoami(ask, session)).status === 200

  t.test('the token belongs to the session, whichever credential asks, and changes nothing', async (t) => {
    for (const person of [await signUp(ask), await signUpInBrowser(ask)]) {
      const { status, body } = await ask('GET', '/self-service/logout/browser', { headers: person.session })
      t.match([status, body.logout_token], [200, /^ory_lo_[A-Za-z0-9]{32}$/])
      t.ok(String(body.logout_url).endsWith(`/self-service/logout?token=${body.logout_token}`))
      t.equal(await tokenFor(person), body.logout_token)
      t.ok(await isAlive(person))
    }
  })

  t.test('a browser is logged out: its session cookie goes first, then a new CSRF cookie comes', async (t) => {
    const person = await signUpInBrowser(ask)
    const reply = await complete(await tokenFor(person), { cookie: cookiesOf(person.reply) })
    t.same([reply.status, cookieNames(reply)], [204, ['ory_kratos_session', 'csrf_token']])
    t.match(reply.setCookie[0], /Max-Age=0/)
    t.notOk(await isAlive(person))
  })

  t.test('a token session ends with Bearer, but 204 for X-Session-Token alone says nothing: it lives on', async (t) => {
    const person = await signUp(ask)
    const token = await tokenFor(person)
    t.equal((await complete(token, person.session)).status, 204)
    t.ok(await isAlive(person))
    t.equal((await complete(token, { authorization: `Bearer ${person.value}` })).status, 204)
    t.notOk(await isAlive(person))
  })

  t.test('the token of another session is 403, none 400, without a session 401; nobody is logged out', async (t) => {
    const [victim, attacker] = [await signUpInBrowser(ask), await signUpInBrowser(ask)]
    const foreign = await tokenFor(attacker)
    t.equal((await complete(foreign, victim.session)).status, 403)
    t.equal((await complete('', victim.session)).status, 400)
    t.equal((await complete(foreign, {})).status, 401)
    t.same([await isAlive(victim), await isAlive(attacker)], [true, true])
  })

  t.test('an app ends its session by its token: 204, also again; an unknown token is 403, a bad body 400', async (t) => {
    const person = await signUp(ask)
    const end = async (json?: unknown): Promise<number> =>
      (await ask('DELETE', '/self-service/logout/api', json === undefined ? {} : { json })).status
    t.equal(await end({ session_token: person.value }), 204)
    t.notOk(await isAlive(person))
    t.equal(await end({ session_token: person.value }), 204)
    t.equal(await end({ session_token: `ory_st_${'a'.repeat(32)}` }), 403)
    for (const body of [undefined, '{', { session_token: 1 }]) t.equal(await end(body), 400)
  })

  t.test('the first factor is enough to log out', async (t) => {
    const person = await signUp(ask)
    await addSecondFactor(ask, person)
    const value: string = (await logIn(ask, person.email)).body.session_token
    const session = { 'x-session-token': value }
    const reply = await complete(await tokenFor({ ...person, session }), { authorization: `Bearer ${value}` })
    t.equal(reply.status, 204)
    t.equal((await whoami(ask, session)).status, 401)
  })
}
