import type { Test } from 'tap'
import type { Contract, Reply } from './caller.js'
import { logIn, signUp, signUpInBrowser, whoami } from './people.js'

/** A person's other sessions, and the end of the person (docs/kratos-facts.md, section 12, 18). */
export function sessions (t: Test, { ask }: Contract): void {
  const list = async (headers: Record<string, string>): Promise<string[]> =>
    (await ask('GET', '/sessions?page_size=250', { headers })).body.map(({ id }: { id: string }) => id)
  const end = async (id: string, headers: Record<string, string>): Promise<number> =>
    (await ask('DELETE', `/sessions/${id}`, { headers })).status

  async function threeDevices (): Promise<
    { session: Record<string, string>, sessionId: string, others: Array<Reply['body']> }
  > {
    const { email, session, sessionId } = await signUp(ask)
    const others = [(await logIn(ask, email)).body, (await logIn(ask, email)).body]
    return { session, sessionId, others }
  }

  t.test('the list has the other ones only, newest first, with identity and devices', async (t) => {
    const { session, others: [older, newer] } = await threeDevices()
    t.same(await list(session), [newer.session.id, older.session.id])
    const { body } = await ask('GET', '/sessions', { headers: session })
    t.match(body[0], { active: true, identity: { traits: Object }, devices: [{ ip_address: String }] })
    t.same(await list((await signUpInBrowser(ask)).session), [])
  })

  t.test('one is ended by its id; the current one is 400, any other id 204 without effect', async (t) => {
    const { session, sessionId, others: [older, newer] } = await threeDevices()
    const stranger = await signUp(ask)
    t.equal(await end(older.session.id, session), 204)
    t.same(await list(session), [newer.session.id])
    t.equal((await whoami(ask, { 'x-session-token': older.session_token })).status, 401)
    for (const id of [older.session.id, stranger.sessionId, '11111111-2222-4333-8444-555555555555']) { t.equal(await end(id, session), 204) }
    t.equal((await whoami(ask, stranger.session)).status, 200)
    for (const id of [sessionId, 'nonsense']) t.equal(await end(id, session), 400)
  })

  t.test('all others are ended at once', async (t) => {
    const { session, others } = await threeDevices()
    const { status, body } = await ask('DELETE', '/sessions', { headers: session })
    t.same([status, body.count], [200, 2])
    for (const { session_token: token } of others) { t.equal((await whoami(ask, { 'x-session-token': token })).status, 401) }
    t.equal((await whoami(ask, session)).status, 200)
  })

  t.test('401 without a session', async (t) => {
    for (const method of ['GET', 'DELETE'] as const) t.equal((await ask(method, '/sessions')).status, 401)
    t.equal(await end('11111111-2222-4333-8444-555555555555', {}), 401)
  })

  t.test('an identity that is deleted takes its sessions along', async (t) => {
    const { id, session } = await signUp(ask)
    const remove = async (): Promise<number> =>
      (await ask('DELETE', `/admin/identities/${id}`, { port: 'admin' })).status
    t.same([await remove(), await remove()], [204, 404])
    t.equal((await whoami(ask, session)).status, 401)
  })

  t.test('health is told on both ports', async (t) => {
    for (const port of ['public', 'admin'] as const) {
      const { status, body } = await ask('GET', port === 'public' ? '/health/ready' : '/admin/health/ready', { port })
      t.match([status, body], [200, { status: 'ok' }])
    }
  })
}
