import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { build } from '../support/app.js'
import { answer, type FaultServer, type Reaction, startFaultServer } from '../support/fault-server.js'
import { ID } from '../support/faults.js'
import { get, post, setCookies, signUp, startKratos } from '../support/kratos.js'

const SECOND = 1000
const HOUR = 3_600_000
const NAME = 'ory_kratos_session'
const TOKEN = `ory_st_${'a1B2'.repeat(8)}`

interface Life {
  /** By how much the clock of Kratos is behind ours. */
  behindMs?: number
  authenticatedAgoMs?: number
  expiresInMs?: number
  identityId?: string
}

/** A session as a Kratos with another clock tells it. */
function session ({ behindMs = 0, authenticatedAgoMs = SECOND, expiresInMs = HOUR, identityId = ID }: Life) {
  const now = Date.now() - behindMs
  return {
    now,
    body: {
      id: 's',
      active: true,
      authenticated_at: new Date(now - authenticatedAgoMs).toISOString(),
      expires_at: new Date(now + expiresInMs).toISOString(),
      identity: { id: identityId, traits: { email: 'a@example.test' } },
    },
  }
}

/** Every call answered by such a clock: whoami with the session, a submit with a token, all else as if it went well. */
const living = (life: Life): Reaction => (socket, request) => {
  const { now, body } = session(life)
  const date: Array<[string, string]> = [['Date', new Date(now).toUTCString()]]
  if (request.target.startsWith('/sessions/whoami')) return answer(200, body, date)(socket, request)
  if (request.method === 'DELETE') return socket.write('HTTP/1.1 204 No Content\r\n\r\n')
  return answer(200, { session_token: TOKEN, session: body, identity: body.identity }, date)(socket, request)
}

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
  warnings: () => Array<Record<string, unknown>>
}

async function setUp (t: Test): Promise<Setup> {
  const kratos = await startFaultServer(t, living({}))
  const { app, logs } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, KRATOS_ADMIN_URL: `${kratos.url}/admin-port` })
  const warnings = () =>
    logs().map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ event }) => event === 'clock_skew')
  return { app, kratos, warnings }
}

const HEADERS = { 'x-session-token': TOKEN }
/** Max-Age and value of a cookie that an answer sets. */
const cookieOf = (lines: string[], name: string): { value: string, maxAge: number } | undefined => {
  const line = lines.find((line) => line.startsWith(`${name}=`))
  return line === undefined
    ? undefined
    : { value: line.split(/[=;]/)[1] ?? '', maxAge: Number(/Max-Age=(\d+)/.exec(line)?.[1]) }
}

export default async function (t: Test): Promise<void> {
  t.test("a session is judged by Kratos' clock", async (t) => {
    const { app, kratos, warnings } = await setUp(t)
    const ask = async (life: Life): Promise<number> => {
      kratos.react(living(life))
      return (await get(app, '/api/auth/whoami', HEADERS)).statusCode
    }
    let people = 0
    const mayDelete = async (life: Life): Promise<boolean> => {
      // Each time somebody else: who was deleted has no session any more.
      kratos.react(living({ ...life, identityId: `${ID.slice(0, -4)}${1000 + people++}` }))
      return (await app.inject({ method: 'DELETE', url: '/api/auth/account', headers: HEADERS })).statusCode === 200
    }
    t.equal(await ask({}), 200)
    t.same(warnings(), [], 'the same time is worth no word')
    for (const behindMs of [25 * HOUR, -25 * HOUR, HOUR / 10]) {
      t.equal(await ask({ behindMs }), 200, `active, ${behindMs / HOUR} h behind`)
      t.equal(await mayDelete({ behindMs }), true, 'and a login of a second ago is recent')
      t.equal(await mayDelete({ behindMs, authenticatedAgoMs: HOUR }), false, 'one of an hour ago is not')
    }
    t.match(warnings(), [{ level: 40, msg: /clock/, seconds: Number }], 'one warning')
  })

  t.test("a minted cookie lives as long as its session, by Kratos' clock", async (t) => {
    const { app, kratos } = await setUp(t)
    for (const behindMs of [0, 25 * HOUR, -25 * HOUR]) {
      const life = { behindMs, expiresInMs: HOUR }
      kratos.react(living(life))
      const entered = await post(app, '/api/auth/flows/login', { flow_id: ID, identifier: 'a', password: 'b' })
      const [cookie, expiry] = [cookieOf(setCookies(entered), NAME), cookieOf(setCookies(entered), `${NAME}_exp`)]
      t.equal(cookie?.value, TOKEN)
      t.ok(Math.abs(Number(cookie?.maxAge) - HOUR / SECOND) <= 30, `Max-Age=${cookie?.maxAge}`)
      t.equal(expiry?.maxAge, cookie?.maxAge)
      t.ok(Math.abs(Number(expiry?.value) - session(life).now / SECOND - HOUR / SECOND) <= 30, 'and says when it ends')
    }
  })

  t.test('a session that has just begun is not over, whatever its answer says of the time', async (t) => {
    const { app, kratos } = await setUp(t)
    const maxAgeOf = async (expiresInMs: number, date: string) => {
      const { body } = session({ expiresInMs })
      kratos.react(answer(200, { session_token: TOKEN, session: body, identity: body.identity }, [['Date', date]]))
      const entered = await post(app, '/api/auth/flows/login', { flow_id: ID, identifier: 'a', password: 'b' })
      return cookieOf(setCookies(entered), NAME)?.maxAge
    }
    const year2100 = 'Fri, 01 Jan 2100 00:00:00 GMT'
    t.ok(Math.abs(Number(await maxAgeOf(HOUR, year2100)) - HOUR / SECOND) <= 30, 'by our clock')
    t.same(await maxAgeOf(-HOUR, year2100), NaN, 'as long as the browser, where ours is of no use either')
  })

  t.test('a session that was prolonged prolongs its minted cookie, at GET whoami alone', async (t) => {
    const { app } = await setUp(t)
    const end = Math.floor((Date.now() + HOUR) / SECOND)
    const renewed = async (cookie: string, url = '/api/auth/whoami', method: 'GET' | 'HEAD' = 'GET') => {
      const lines = setCookies(await app.inject({ method, url, headers: { cookie } }))
      return lines.length === 0 ? undefined : [cookieOf(lines, NAME)?.value, cookieOf(lines, `${NAME}_exp`)?.value !== '']
    }
    const [own, sealed] = [`${NAME}=${TOKEN}`, `${NAME}=MTc5${'Az_-09'.repeat(70)}`]
    const both = [TOKEN, true]
    t.same(await renewed(own), both, 'nothing tells when it ends')
    t.same(await renewed(`${own}; ${NAME}_exp=${end - 70}`), both, 'earlier than the session')
    t.same(await renewed(`${own}; ${NAME}_exp=soon`), both, 'nonsense')
    t.equal(await renewed(`${own}; ${NAME}_exp=${end - 50}`), undefined, 'less than a minute is no reason')
    t.equal(await renewed(`${own}; ${NAME}_exp=${end + 9}`), undefined)
    t.equal(await renewed(own, '/api/auth/whoami', 'HEAD'), undefined)
    t.equal(await renewed(own, '/api/documents'), undefined)
    t.equal(await renewed(sealed), undefined, 'a sealed cookie is for Kratos to renew')
    t.same(setCookies(await get(app, '/api/auth/whoami', HEADERS)), [], 'a token of a header has no cookie')
  })

  t.test('both cookies go with the logout, and come back with an extended session', async (t) => {
    const kratos = await startKratos(t)
    const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl })
    const { cookie, answer: entered } = await signUp(app)
    t.match(cookie, new RegExp(`^${NAME}=ory_st_\\w+; ${NAME}_exp=\\d+$`))
    t.same(setCookies(await get(app, '/api/auth/whoami', { cookie })), [], 'a new one is long enough')
    const { data } = entered.json<{ data: { session: { id: string, expires_at: string } } }>()
    const earlier = Math.floor(Date.parse(data.session.expires_at) / SECOND) - 100
    const shorter = cookie.replace(/_exp=\d+/, `_exp=${earlier}`)
    t.equal(setCookies(await get(app, '/api/auth/whoami', { cookie: shorter })).length, 2, 'one that ends too early is not')
    const left = await post(app, '/api/auth/logout', {}, { cookie, origin: 'http://localhost:3001' })
    t.match(setCookies(left), [new RegExp(`^${NAME}=; Max-Age=0;`), new RegExp(`^${NAME}_exp=; Max-Age=0;`)])
  })
}
