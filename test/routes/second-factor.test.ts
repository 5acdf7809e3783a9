import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { resultOfTry } from '../../src/flows/second-factor.js'
import type { Answer } from '../../src/kratos-client/answer.js'
import { build } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { buildWithKratos, cookieHeader, PASSWORD, post, signUp, startFlow } from '../support/kratos.js'
import { enrolTotp, totpCode } from '../support/totp.js'

interface Person {
  email: string
  secret: string
}

interface Step {
  code: string
  next?: string
  data?: { next: string, flow_id: string }
}

const times = <T>(count: number, value: T): T[] => Array<T>(count).fill(value)

async function personWithTotp (app: FastifyInstance): Promise<Person> {
  const { email, cookie } = await signUp(app)
  return { email, secret: await enrolTotp(app, cookie) }
}

/** Passes the first factor; gives the cookie and the flow that asks for the second one. */
async function firstFactor (app: FastifyInstance, { email }: Person) {
  const { id } = await startFlow(app, 'login')
  const answer = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD })
  const { data } = answer.json<Step>()
  return { cookie: cookieHeader(answer), flowId: data?.flow_id ?? '' }
}

type Half = Awaited<ReturnType<typeof firstFactor>>

/** Tries a code from an address; gives the error code, or `next`. */
async function tryCode (app: FastifyInstance, { cookie, flowId }: Half, code: object, from: string): Promise<string> {
  const answer = await app.inject({
    method: 'POST',
    url: '/api/auth/flows/login',
    remoteAddress: from,
    headers: { 'content-type': 'application/json', cookie },
    payload: JSON.stringify({ flow_id: flowId, method: 'totp', ...code }),
  })
  const { code: error, data } = answer.json<Step>()
  if (answer.statusCode === 429) return `429 ${Number(answer.headers['retry-after']) > 800 ? 'for long' : 'for short'}`
  return error ?? String(data?.next)
}

async function tries (app: FastifyInstance, half: Half, count: number, code: object = { totp_code: '000000' }) {
  const outcomes = []
  for (let index = 0; index < count; index++) outcomes.push(await tryCode(app, half, code, `198.51.100.${index}`))
  return outcomes
}

export default async function (t: Test): Promise<void> {
  t.test("what Kratos' words for a code mean", async (t) => {
    const flow = (id: number, at: 'ui' | 'node'): Answer => {
      const messages = [{ id, type: 'error', text: '' }]
      const ui = at === 'ui' ? { messages } : { nodes: [{ messages: [] }, { messages }] }
      return { kind: 'refused', code: 'FLOW_REJECTED', members: { ui }, setCookie: [] }
    }
    for (const id of [4000008, 4000016, 4000012, 4010008]) {
      t.same([resultOfTry(flow(id, 'ui')), resultOfTry(flow(id, 'node'))], ['wrong', 'wrong'], String(id))
    }
    t.equal(resultOfTry(flow(4000006, 'ui')), 'neither')
    t.equal(resultOfTry({ kind: 'unavailable', code: 'UPSTREAM_TIMEOUT', setCookie: [] }), 'neither')
    t.equal(resultOfTry({ kind: 'ok', next: 'form', body: {}, setCookie: [] }), 'neither')
    t.equal(resultOfTry({ kind: 'ok', next: 'done', body: {}, setCookie: [] }), 'right')
  })

  t.test('POST /api/auth/flows/login with a second factor', async (t) => {
    const { app } = await buildWithKratos(t)

    t.test('ten wrong codes for an account, from whatever addresses and sessions, then nobody for a quarter of an hour (G13)', async (t) => {
      const person = await personWithTotp(app)
      const half = await firstFactor(app, person)
      t.same(await tries(app, half, 6), times(6, 'FLOW_REJECTED'))
      const other = await firstFactor(app, { ...person, email: person.email.toUpperCase() })
      t.same(await tries(app, other, 6), [...times(4, 'FLOW_REJECTED'), ...times(2, '429 for long')])
      const right = { totp_code: totpCode(person.secret) }
      t.equal(await tryCode(app, half, right, '203.0.113.1'), '429 for long', 'not even the right one')
      t.equal(await tryCode(app, await firstFactor(app, person), right, '203.0.113.2'), '429 for long')
    })

    t.test('a hundred at once are ten', async (t) => {
      const half = await firstFactor(app, await personWithTotp(app))
      const outcomes = await Promise.all(times(30, { totp_code: '000000' }).map((code, index) =>
        tryCode(app, half, code, `198.51.100.${index}`)))
      t.equal(outcomes.filter((outcome) => outcome.startsWith('429')).length, 20)
    })

    t.test('a right one clears the count, and what was no wrong code does not count', async (t) => {
      const person = await personWithTotp(app)
      const half = await firstFactor(app, person)
      t.same(await tries(app, half, 9), times(9, 'FLOW_REJECTED'))
      const gone = { ...half, flowId: '6c2f5b54-6f6f-4f9b-8a55-5b2f3f0c1a11' }
      t.same(await tries(app, gone, 3), times(3, 'FLOW_NOT_FOUND'), 'of a flow that is gone')
      t.equal(await tryCode(app, half, { totp_code: totpCode(person.secret) }, '203.0.113.1'), 'done')
      t.same(await tries(app, await firstFactor(app, person), 10), times(10, 'FLOW_REJECTED'))
    })

    t.test('a right password beside a made-up code clears nothing', async (t) => {
      const person = await personWithTotp(app)
      const half = await firstFactor(app, person)
      t.same(await tries(app, half, 9), times(9, 'FLOW_REJECTED'))
      const { id } = await startFlow(app, 'login', '?refresh=true', { cookie: half.cookie })
      const { email } = person
      const body = { flow_id: id, method: 'password', identifier: email, password: PASSWORD, totp_code: '000000' }
      await post(app, '/api/auth/flows/login', body, { cookie: half.cookie })
      t.same(await tries(app, half, 3), ['FLOW_REJECTED', ...times(2, '429 for long')])
    })

    t.test('codes that were mailed count as well, in however many flows', async (t) => {
      const methods = { code: { mfa_enabled: true }, totp: { enabled: false }, lookup_secret: { enabled: false } }
      const { app, kratos } = await buildWithKratos(t, { overrides: { selfservice: { methods } } })
      const { email, identityId } = await signUp(app)
      const answer = await fetch(`${kratos.adminUrl}/admin/identities/${identityId}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([
          { op: 'replace', path: '/verifiable_addresses/0/verified', value: true },
          { op: 'replace', path: '/verifiable_addresses/0/status', value: 'completed' },
        ]),
      })
      t.equal(answer.status, 200)
      const person = { email, secret: '' }
      const half = await firstFactor(app, person)
      const wrong = { method: 'code', code: '000000' }
      const outcomes: string[] = []
      for (let flow = 0; flow < 4; flow++) {
        const { id } = await startFlow(app, 'login', '?aal=aal2', { cookie: half.cookie })
        const again = { ...half, flowId: id }
        await tryCode(app, again, { method: 'code', address: email }, `192.0.2.${flow}`)
        for (let n = 0; n < 3; n++) outcomes.push(await tryCode(app, again, wrong, `198.51.100.${outcomes.length}`))
      }
      t.same(outcomes, [...times(10, 'FLOW_REJECTED'), ...times(2, '429 for long')])
      t.match(await tryCode(app, await firstFactor(app, person), wrong, '203.0.113.1'), /429/)
    })

    t.test('who has not passed the first factor spends nothing of the account (G10)', async (t) => {
      const person = await personWithTotp(app)
      const nobody = { cookie: '', flowId: (await startFlow(app, 'login')).id }
      for (let index = 0; index < 15; index++) {
        await tryCode(app, nobody, { totp_code: '000000', identifier: person.email }, `203.0.113.${index}`)
      }
      const code = { totp_code: totpCode(person.secret) }
      t.equal(await tryCode(app, await firstFactor(app, person), code, '198.51.100.7'), 'done')
    })

    t.test('who logged in by a key spends nothing of the account that the body names (G10)', async (t) => {
      let turn = 0
      const messages = [{ id: 4000008, type: 'error', text: 'no' }]
      const wrong = { id: randomUUID(), type: 'api', ui: { action: '/', method: 'POST', nodes: [], messages } }
      const inside = () => ({ session_token: `ory_st_${String(++turn).padStart(32, 'x')}`, session: { id: randomUUID() } })
      const kratos = await startFaultServer(t, (socket, received) => {
        const isTry = received.body.includes('totp_code')
        answer(isTry ? 400 : 200, isTry ? wrong : inside())(socket, received)
      })
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      const flowId = randomUUID()
      const identifier = 'ada@example.com'
      const halfBy = async (proof: object) => ({
        cookie: cookieHeader(await post(app, '/api/auth/flows/login', { flow_id: flowId, identifier, ...proof })),
        flowId,
      })
      const byKey = await halfBy({ method: 'passkey', passkey_login: '{}' })
      t.same(await tries(app, byKey, 11), [...times(10, 'FLOW_REJECTED'), '429 for long'])
      const byPassword = await halfBy({ method: 'password', password: PASSWORD, webauthn_login: '{}' })
      t.same(await tries(app, byPassword, 5), times(5, 'FLOW_REJECTED'), 'the account has all of its tries')
      const again = await halfBy({ method: 'password', password: PASSWORD, passkey_login: '{}' })
      t.same(await tries(app, again, 6), [...times(5, 'FLOW_REJECTED'), '429 for long'], 'whatever else is in the body')
    })

    t.test('below /kratos/ they count as they do here, in JSON and in forms', async (t) => {
      const { app } = await buildWithKratos(t, { env: { KRATOS_PROXY: 'true' } })
      const person = await personWithTotp(app)
      let turn = 0
      type Members = Record<string, string>
      const submit = async (flow: string, body: Members, form: boolean, headers: Members) =>
        await app.inject({
          method: 'POST',
          url: `/kratos/self-service/login?flow=${flow}`,
          remoteAddress: `198.51.100.${++turn}`,
          headers: { 'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json', ...headers },
          payload: form ? String(new URLSearchParams(body)) : JSON.stringify(body),
        })
      const start = async (query: string, headers: Record<string, string> = {}): Promise<string> =>
        (await app.inject({ url: `/kratos/self-service/login/api${query}`, headers })).json().id
      const statuses: number[] = []
      for (let login = 0; login < 3; login++) {
        const first = { method: 'password', identifier: person.email, password: PASSWORD }
        const { session_token: token } = (await submit(await start(''), first, false, {})).json()
        const headers = { 'x-session-token': token }
        const flow = await start('?aal=aal2', headers)
        for (let index = 0; index < 4; index++) {
          const code = { method: 'totp', totp_code: '000000' }
          statuses.push((await submit(flow, code, index % 2 === 0, headers)).statusCode)
        }
      }
      t.same(statuses, [...times(10, 400), 429, 429])
      t.match(await tryCode(app, await firstFactor(app, person), { totp_code: totpCode(person.secret) }, '203.0.113.1'), /429/)
    })

    t.test('a session whose login nobody remembers counts by itself and by address', async (t) => {
      const { app: here, kratos } = await buildWithKratos(t)
      const person = await personWithTotp(here)
      const init = await fetch(`${kratos.publicUrl}/self-service/login/api`).then((answer) => answer.json()) as { id: string }
      const { session_token: token } = await fetch(`${kratos.publicUrl}/self-service/login?flow=${init.id}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ method: 'password', identifier: person.email, password: PASSWORD }),
      }).then((answer) => answer.json()) as { session_token: string }
      const cookie = `ory_kratos_session=${token}`
      const half = { cookie, flowId: (await startFlow(here, 'login', '?aal=aal2', { cookie })).id }
      t.same(await tries(here, half, 12), [...times(10, 'FLOW_REJECTED'), ...times(2, '429 for long')])
    })
  })
}
