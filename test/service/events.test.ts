import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import Libsql from 'libsql'
import type { Test } from 'tap'
import { createRecorder } from '../../src/service/events/recorder.js'
import { StoreQueryError, StoreUnavailableError } from '../../src/service/store/errors.js'
import { type EventRecord, type NewEvent, openStore } from '../../src/service/store/store.js'
import { build, temporaryFolder, WEBHOOK_KEY } from '../support/app.js'
import {
  buildWithKratos, cookieHeader, freshEmail, get, PASSWORD, post, type Service, signUp, signUpInBrowser, startFlow,
} from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'
import { enrolTotp, totpCode } from '../support/totp.js'
import { until } from '../support/until.js'

const OPERATOR_KEY = 'an-operator-key-of-the-test-suite-0001'
const AUTHORIZED = { authorization: `Bearer ${OPERATOR_KEY}` }
const ENV = { OPERATOR_KEY }

interface Page {
  data: { events: EventRecord[], next_cursor: string | null }
}

async function audit (app: FastifyInstance, identity?: string): Promise<EventRecord[]> {
  const query = identity === undefined ? '' : `&identity=${identity}`
  const answer = await app.inject({ url: `/internal/events?limit=200${query}`, headers: AUTHORIZED })
  return answer.json<Page>().data.events.reverse()
}

/** Oldest first: type, and reason or method. */
const story = (events: EventRecord[]): string[] =>
  events.map(({ type, reason, method }) => [type, reason ?? method].filter((word) => word !== null).join(' '))

const submit = async (app: FastifyInstance, flow: string, body: object, cookie = '') =>
  post(app, `/api/auth/flows/${flow}`, { flow_id: (await startFlow(app, flow, '', { cookie })).id, ...body }, { cookie })

const logIn = (app: FastifyInstance, email: string, password = PASSWORD) =>
  submit(app, 'login', { identifier: email, password })

const tell = (app: FastifyInstance, id: string, updatedAt: string) =>
  post(app, '/internal/auth/user-updated', {
    identity: { id, traits: { email: 'a@example.com' }, updated_at: updatedAt },
  }, { 'x-webhook-key': WEBHOOK_KEY })

function testStories (t: Test, { app, logs }: Service): void {
  t.test('a life', async (t) => {
    const { email, identityId, cookie } = await signUp(app)
    await tell(app, identityId, '2024-01-01T00:00:00Z')
    await tell(app, identityId, '2024-01-02T00:00:00Z')
    const elsewhere = []
    for (let device = 0; device < 3; device++) elsewhere.push(cookieHeader(await logIn(app, email)))
    const { data: { sessions } } = (await get(app, '/api/auth/sessions', { cookie })).json()
    const other = sessions.find(({ current }: { current: boolean }) => !current)
    await app.inject({ method: 'DELETE', url: `/api/auth/sessions/${other.id}`, headers: { cookie } })
    await app.inject({ method: 'DELETE', url: '/api/auth/sessions', headers: { cookie } })
    t.equal((await get(app, '/api/auth/whoami', { cookie: elsewhere[0] ?? '' })).statusCode, 401)
    const second = cookieHeader(await logIn(app, email))
    await post(app, '/api/auth/logout', {}, { cookie: second })
    await post(app, '/api/auth/logout', {}, { cookie: second })
    t.equal((await app.inject({ method: 'DELETE', url: '/api/auth/account', headers: { cookie } })).statusCode, 200)
    const events = await audit(app, identityId)
    t.same(story(events).filter((word) => !word.startsWith('user')), [
      ...Array(4).fill('session.started password'),
      ...Array(3).fill('session.ended revoked'),
      'session.started password',
      'session.ended logout',
      'session.ended deleted',
    ])
    t.same(story(events).filter((word) => word.startsWith('user')).slice(-3), ['user.created', 'user.updated', 'user.deleted'])
    const [first] = events.filter(({ type }) => type === 'session.started')
    const ended = events.find(({ reason }) => reason === 'deleted')
    t.ok(first?.session)
    t.equal(ended?.session, first?.session, 'the same session')
    const started = events.filter(({ type }) => type === 'session.started').map(({ session }) => session)
    t.same(events.filter(({ type }) => type === 'session.ended').map(({ session }) => session).sort(), started.sort(), 'each ends')
    t.same(events.filter(({ address }) => address !== null), [], 'no address after the deletion')
    const text = JSON.stringify(events)
    t.notOk(text.includes(email) || text.includes(other.id) || text.includes('Ada'))
  })

  t.test('a logout says who, in the log too, whatever the session', async (t) => {
    for (const person of [await signUp(app), await signUpInBrowser(app)]) {
      await post(app, '/api/auth/logout', {}, { cookie: person.cookie, 'x-request-id': 'logout-1' })
      const [started, ended] = (await audit(app, person.identityId)).filter(({ type }) => type.startsWith('session'))
      t.match(ended, {
        type: 'session.ended', reason: 'logout', session: started?.session ?? '', address: '127.0.0.1', request_id: 'logout-1', count: 1,
      })
      const line = logs().findLast((text) => text.includes('"event":"logged_out"')) ?? ''
      t.match(JSON.parse(line), { identityId: person.identityId, session: started?.session ?? '', reqId: 'logout-1' })
    }
    const visitor = await signUpInBrowser(app)
    const url = (await get(app, '/api/auth/flows/logout', { cookie: visitor.cookie })).json().data.logout_url as string
    const { pathname, search } = new URL(url)
    await get(app, pathname + search, { cookie: visitor.cookie, accept: 'application/json', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' })
    t.same(story(await audit(app, visitor.identityId)).slice(-1), ['session.ended logout'])
  })

  t.test('a new password ends the other sessions, and says so', async (t) => {
    const { left, ended } = await changePassword(app)
    t.same([left, ended], [2, 0], 'which Kratos does only where it is told to')
  })

  t.test('second factors', async (t) => {
    const { email, identityId, cookie } = await signUp(app)
    const secret = await enrolTotp(app, cookie)
    const half = await logIn(app, email)
    const { data } = half.json<{ data: { flow_id: string } }>()
    const tryCode = (code: string) =>
      post(app, '/api/auth/flows/login', { flow_id: data.flow_id, method: 'totp', totp_code: code }, { cookie: cookieHeader(half) })
    const before = (await audit(app)).length
    await tryCode('000000')
    const failed = (await audit(app)).slice(before)
    t.match(failed, [{ type: 'second_factor.failed', method: 'totp', session: /^[\w-]{43}$/ }], 'and no failed login')
    const first = (await audit(app)).findLast(({ type }) => type === 'session.started')
    t.equal(failed[0]?.session, first?.session, 'of the session that wants it')
    await tryCode(totpCode(secret))
    await submit(app, 'settings', { method: 'totp', totp_unlink: true }, cookie)
    const events = await audit(app, identityId)
    t.same(story(events).filter((word) => word.startsWith('second_factor')), [
      'second_factor.added totp', 'second_factor.passed totp', 'second_factor.removed totp',
    ])
  })

  t.test('a session that is proved anew is no new one', async (t) => {
    const { email, identityId, cookie } = await signUp(app)
    const { id } = await startFlow(app, 'login', '?refresh=true', { cookie })
    const again = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD }, { cookie })
    t.equal(again.statusCode, 200)
    t.same(story(await audit(app, identityId)).filter((word) => word.startsWith('session')), ['session.started password'])
  })

  t.test('failed logins: a row for an address and a minute, without a name', async (t) => {
    const email = freshEmail()
    const fail = async (remoteAddress: string) => {
      const { id } = await startFlow(app, 'login')
      await app.inject({
        method: 'POST', url: '/api/auth/flows/login', remoteAddress, payload: { flow_id: id, identifier: email, password: 'wrong-1' },
      })
    }
    const before = (await audit(app)).length
    for (const address of ['203.0.113.9', '203.0.113.9', '203.0.113.9', '2001:db8:1:2::3']) await fail(address)
    const failed = (await audit(app)).slice(before)
    const count = (address: string) =>
      failed.filter((event) => event.address === address).reduce((sum, event) => sum + event.count, 0)
    t.same([count('203.0.113.9'), count('2001:db8:1:2::3')], [3, 1])
    t.ok(failed.length <= 4 && failed.every(({ type, identity_id: id, session }) => type === 'login.failed' && id === null && session === null))
    t.notOk(JSON.stringify(failed).includes(email))
  })
}

/** With two sessions; how many are left, and how many are said to have ended. */
async function changePassword (app: FastifyInstance): Promise<{ left: number, ended: number }> {
  const { email, identityId, cookie } = await signUp(app)
  const other = cookieHeader(await logIn(app, email))
  await submit(app, 'settings', { method: 'password', password: `${PASSWORD}-2` }, cookie)
  const statuses = await Promise.all([cookie, other].map(async (one) => (await get(app, '/api/auth/whoami', { cookie: one })).statusCode))
  const ended = story(await audit(app, identityId)).filter((word) => word === 'session.ended password_changed')
  return { left: statuses.filter((status) => status === 200).length, ended: ended.length }
}

function testRevokingHook (t: Test): void {
  t.test('a new password that ends the other sessions at Kratos', embeddedOnly('a hook'), async (t) => {
    const hooks = { after: { password: { hooks: [{ hook: 'revoke_active_sessions' }] } } }
    const { app } = await buildWithKratos(t, { env: ENV, overrides: { selfservice: { flows: { settings: hooks } } } })
    t.same(await changePassword(app), { left: 1, ended: 1 })
  })
}

function testStoreAway (t: Test): void {
  t.test('without the database the answer goes out, and the event comes later (H12)', embeddedOnly('a lock'), async (t) => {
    const path = join(await temporaryFolder(t), 'app.db')
    const { app, logs } = await buildWithKratos(t, { env: { ...ENV, DATABASE_URL: path } })
    const { email, identityId, cookie } = await signUp(app)
    const other = new Libsql(path)
    t.teardown(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    t.equal((await post(app, '/api/auth/logout', {}, { cookie })).statusCode, 200)
    t.equal((await logIn(app, email)).statusCode, 200)
    await until(() => logs().some((line) => line.includes('"event":"events_wait"')))
    t.same(story(await audit(app, identityId)).filter((word) => word.startsWith('session')), ['session.started password'])
    other.exec('ROLLBACK')
    await until(async () => (await audit(app, identityId)).filter(({ type }) => type.startsWith('session')).length === 3)
    await until(() => logs().some((line) => line.includes('"event":"events_written"')))
    t.same(story(await audit(app, identityId)).slice(-2), ['session.ended logout', 'session.started password'])
  })

  t.test('what waits is written when the service ends', async (t) => {
    const path = join(await temporaryFolder(t), 'app.db')
    const { app, logs } = await buildWithKratos(t, { env: { ...ENV, DATABASE_URL: path } })
    const { identityId, cookie } = await signUp(app)
    const other = new Libsql(path)
    other.exec('BEGIN IMMEDIATE')
    await post(app, '/api/auth/logout', {}, { cookie })
    await until(() => logs().some((line) => line.includes('"event":"events_wait"')))
    other.exec('ROLLBACK')
    other.close()
    await app.close()
    const store = await openStore({ url: path })
    t.teardown(() => store.close())
    t.match(await store.events.list({ identityId, limit: 1 }), [{ type: 'session.ended' }])
  })
}

function testRecorder (t: Test): void {
  const event = (id: string, rest: Partial<NewEvent> = {}): NewEvent & { id: string } =>
    ({ type: 'session.ended', ...rest, id })

  t.test('the queue of events', async (t) => {
    await t.test('writes one at once, and together what comes meanwhile', async (t) => {
      const written: string[][] = []
      let release = (): void => {}
      const recorder = createRecorder({
        write: async (events) => {
          written.push(events.map(({ id = '' }) => id))
          await new Promise<void>((resolve) => {
            release = resolve
          })
        },
        onLost: () => t.fail('lost'),
        waitMs: 60_000,
      })
      const all = ['a', 'b', 'c'].map((id) => recorder.record(event(id)))
      release()
      await all[0]
      await until(() => written.length === 2)
      release()
      await Promise.all(all)
      t.same(written, [['a'], ['b', 'c']])
    })

    await t.test('does not wait longer for a slow database than it may, nor at all for one that is away', async (t) => {
      t.plan(1)
      let fail = (): void => {}
      const recorder = createRecorder({
        write: () =>
          new Promise((_resolve, reject) => {
            fail = () => reject(new StoreUnavailableError('away'))
          }),
        onLost: () => {},
        waitMs: 20,
        pauseMs: 60_000,
      })
      await recorder.record(event('slow'))
      fail()
      await new Promise((resolve) => setImmediate(resolve))
      const later = createRecorder({
        write: () => Promise.reject(new StoreUnavailableError('away')), onLost: () => {}, waitMs: 60_000, pauseMs: 60_000,
      })
      await later.record(event('a'))
      await later.record(event('b'))
      t.pass('nothing waits for ever')
    })

    await t.test('holds so many, and counts what is lost beyond', async (t) => {
      let [lost, isAway] = [0, true]
      const stored: NewEvent[] = []
      const recorder = createRecorder({
        write: async (events) => {
          if (isAway) throw new StoreUnavailableError('away')
          stored.push(...events)
        },
        onLost: (count) => {
          lost += count
        },
        maxWaiting: 3,
        pauseMs: 60_000,
      })
      for (const id of ['a', 'b', 'c', 'd', 'e']) await recorder.record(event(id))
      await recorder.record(event('c', { type: 'login.failed' }))
      t.equal(lost, 2)
      isAway = false
      await recorder.close()
      t.match(stored, [{ id: 'a' }, { id: 'b' }, { id: 'c', count: 2 }])
      isAway = true
      await recorder.record(event('x'))
      await recorder.close()
      t.equal(lost, 3, 'nobody comes after the end')
    })

    await t.test('one that the database refuses does not keep the others', async (t) => {
      const [stored, lost]: [string[], number[]] = [[], []]
      const recorder = createRecorder({
        write: async (events) => {
          if (events.some(({ id }) => id === 'bad')) throw new StoreQueryError('refused')
          stored.push(...events.map(({ id = '' }) => id))
        },
        onLost: (count) => lost.push(count),
      })
      await Promise.all(['first', 'a', 'bad', 'b'].map((id) => recorder.record(event(id))))
      t.same([stored, lost], [['first', 'a', 'b'], [1]])
    })
  })
}

export default async function (t: Test): Promise<void> {
  t.test('events of users and sessions', async (t) => {
    testStories(t, await buildWithKratos(t, { env: ENV }))
  })
  testRevokingHook(t)
  testStoreAway(t)
  testRecorder(t)

  t.test('GET /internal/events', async (t) => {
    await t.test('is for the holder of OPERATOR_KEY', async (t) => {
      const { app, logs } = await build(t, ENV)
      const refused = ['', OPERATOR_KEY, `Bearer ${OPERATOR_KEY}x`, `Bearer ${WEBHOOK_KEY}`, `Basic ${OPERATOR_KEY}`]
      for (const authorization of refused) {
        const answer = await app.inject({ url: '/internal/events', headers: { authorization } })
        t.match([answer.statusCode, answer.json()], [401, { code: 'INVALID_OPERATOR_KEY' }], authorization)
      }
      t.ok(logs().some((line) => line.includes('operator_refused')))
      t.notOk(logs().some((line) => line.includes(OPERATOR_KEY)))
      t.equal((await app.inject({ url: '/internal/events', headers: AUTHORIZED })).statusCode, 200)
    })

    await t.test('does not exist without a key, nor where no events are kept', async (t) => {
      for (const env of [{}, { ...ENV, EVENTS_RETENTION_DAYS: '0' }] as Array<Record<string, string>>) {
        const { app } = await build(t, env)
        t.equal((await app.inject({ url: '/internal/events', headers: AUTHORIZED })).statusCode, 404)
      }
    })

    await t.test('goes back in time by cursor', async (t) => {
      const { app } = await build(t, ENV)
      await app.store.events.record(Array.from({ length: 7 }, (_, at) => ({ type: 'login.failed' as const, method: String(at) })))
      const seen: Array<string | null> = []
      for (let cursor: string | null = ''; cursor !== null;) {
        const url: string = `/internal/events?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`
        const { data }: Page = (await app.inject({ url, headers: AUTHORIZED })).json()
        seen.push(...data.events.map(({ method }) => method))
        cursor = data.next_cursor
      }
      t.same(seen, ['6', '5', '4', '3', '2', '1', '0'])
      for (const bad of ['cursor=x', 'cursor=-1', 'limit=0', 'limit=201', 'identity=x']) {
        t.equal((await app.inject({ url: `/internal/events?${bad}`, headers: AUTHORIZED })).statusCode, 400, bad)
      }
    })
  })

  t.test('EVENTS_RETENTION_DAYS=0', async (t) => {
    const path = join(await temporaryFolder(t), 'app.db')
    const before = await openStore({ url: path, replica: 'before' })
    await before.events.record([{ type: 'login.failed' }])
    await before.close()
    const { app } = await buildWithKratos(t, { env: { DATABASE_URL: path, EVENTS_RETENTION_DAYS: '0' } })
    const { cookie, identityId } = await signUp(app)
    await tell(app, identityId, '2024-01-01T00:00:00Z')
    t.equal((await post(app, '/api/auth/logout', {}, { cookie })).statusCode, 200)
    await until(async () => (await app.store.events.list({ limit: 10 })).length === 0)
  })
}
