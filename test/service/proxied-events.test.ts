import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { EventRecord } from '../../src/service/store/store.js'
import {
  buildWithKratos, cookieHeader, freshEmail, get, PASSWORD, post, signUp, signUpInBrowser, startFlow,
} from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'
import { DEFAULT_TRAITS } from '../../src/kratos-client/traits.js'
import { identifierPaths, soleIdentifier } from '../../src/throttling/identifiers.js'
import { goesByIdentifier } from '../../src/throttling/second-factor.js'
import { enrolTotp, totpCode } from '../support/totp.js'

interface Flow {
  id: string
  ui: { nodes: Array<{ attributes: Attributes }> }
}

interface Attributes {
  id?: string
  name?: string
  value?: string
  text?: { context?: { secret?: string } }
}

/** Oldest first. */
const eventsOf = async (app: FastifyInstance, identityId?: string): Promise<EventRecord[]> =>
  (await app.store.events.list({ limit: 200, identityId })).reverse()

const story = (events: EventRecord[]): string[] =>
  events.map(({ type, reason, method }) => [type, reason ?? method].filter((word) => word !== null).join(' '))

const storyOf = async (app: FastifyInstance, identityId: string): Promise<string[]> =>
  story(await eventsOf(app, identityId)).filter((word) => !word.startsWith('user'))

/** What was written meanwhile. */
async function during (app: FastifyInstance, work: () => Promise<unknown>): Promise<EventRecord[]> {
  const before = new Set((await eventsOf(app)).map(({ id }) => id))
  await work()
  return (await eventsOf(app)).filter(({ id }) => !before.has(id))
}

const startAtKratos = async (app: FastifyInstance, name: string, headers: Record<string, string> = {}): Promise<Flow> =>
  (await get(app, `/kratos/self-service/${name}/api`, headers)).json<Flow>()

const submitAtKratos = (app: FastifyInstance, name: string, id: string, body: object, headers = {}) =>
  post(app, `/kratos/self-service/${name}?flow=${id}`, body, headers)

async function logInAtKratos (app: FastifyInstance, email: string, password = PASSWORD) {
  const { id } = await startAtKratos(app, 'login')
  return await submitAtKratos(app, 'login', id, { method: 'password', identifier: email, password })
}

const tokenOf = (answer: LightMyRequestResponse): string => answer.json<{ session_token: string }>().session_token

/** A form as a browser sends it, with the cookies that the start gave. */
async function submitForm (app: FastifyInstance, name: string, fields: Record<string, string>, cookie = '', query = '') {
  const started = await get(app, `/kratos/self-service/${name}/browser${query}`, { cookie, accept: 'application/json' })
  const { id, ui } = started.json<Flow>()
  const csrf = ui.nodes.find(({ attributes }) => attributes.name === 'csrf_token')?.attributes.value ?? ''
  const cookies = [cookie, cookieHeader(started)].filter((text) => text !== '').join('; ')
  return await app.inject({
    method: 'POST',
    url: `/kratos/self-service/${name}?flow=${id}`,
    headers: { cookie: cookies, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({ csrf_token: csrf, ...fields }).toString(),
  })
}

const REVOKES = {
  selfservice: { flows: { settings: { after: { password: { hooks: [{ hook: 'revoke_active_sessions' }] } } } } },
}

export default async function (t: Test): Promise<void> {
  t.test('events of /kratos/* (H15)', embeddedOnly('a hook, and forms of a known base URL'), async (t) => {
    const { app } = await buildWithKratos(t, { env: { KRATOS_PROXY: 'true' }, overrides: REVOKES })

    await t.test('logins, failed ones and logouts', async (t) => {
      const { email, identityId, token } = await signUp(app)
      t.equal((await logInAtKratos(app, email)).statusCode, 200)
      const failed = await during(app, () => logInAtKratos(app, email, 'wrong-password-1'))
      t.match(failed, [{ type: 'login.failed', identity_id: null }])
      const payload = { session_token: token }
      const headers = { 'x-session-token': token }
      await app.inject({ method: 'DELETE', url: '/kratos/self-service/logout/api', payload, headers })
      t.same(await storyOf(app, identityId), ['session.started password', 'session.started password', 'session.ended logout'])
    })

    await t.test('a registration that gives a session', async (t) => {
      const email = freshEmail()
      const { id } = await startAtKratos(app, 'registration')
      const answer = await submitAtKratos(app, 'registration', id, { method: 'password', password: PASSWORD, traits: { email } })
      const { identity } = answer.json<{ identity: { id: string } }>()
      t.same(await storyOf(app, identity.id), ['session.started password'])
    })

    await t.test('a name alone, and a wish for a code, is no failed login', async (t) => {
      const { id } = await startAtKratos(app, 'login')
      const told = await during(app, () => submitAtKratos(app, 'login', id, { method: 'code', identifier: freshEmail() }))
      t.same(told, [])
    })

    await t.test('a form that is sent back is a failed login', async (t) => {
      const { email } = await signUp(app)
      const form = (password: string) => submitForm(app, 'login', { method: 'password', identifier: email, password })
      let answer: LightMyRequestResponse | undefined
      const failed = await during(app, async () => {
        answer = await form('wrong-password-1')
      })
      t.equal(answer?.statusCode, 303)
      // One row for an address and a minute: the count of an older one may have grown.
      t.ok(failed.every(({ type }) => type === 'login.failed'))
      const count = async () => (await eventsOf(app)).filter(({ type }) => type === 'login.failed').reduce((sum, one) => sum + one.count, 0)
      const before = await count()
      await form('wrong-password-1')
      t.equal(await count(), before + 1)
      t.match(story(await during(app, () => form(PASSWORD))), ['session.started'])
      t.equal(await count(), before + 1)
    })

    await t.test('DELETE /sessions ends all others, DELETE /sessions/{id} one of them, and no stranger’s', async (t) => {
      const { email, identityId, token } = await signUp(app)
      const stranger = await signUp(app)
      for (let device = 0; device < 3; device++) await logInAtKratos(app, email)
      const headers = { 'x-session-token': token }
      const [one] = (await get(app, '/kratos/sessions', headers)).json<Array<{ id: string }>>()
      const remove = (path: string) => app.inject({ method: 'DELETE', url: `/kratos/sessions${path}`, headers })
      t.equal((await remove(`/${one?.id}`)).statusCode, 204)
      const ended = (await storyOf(app, identityId)).filter((word) => word.startsWith('session.ended'))
      t.same(ended, ['session.ended revoked'])
      const theirs = (await get(app, '/kratos/sessions/whoami', { 'x-session-token': stranger.token })).json<{ id: string }>()
      t.same(await during(app, () => remove(`/${theirs.id}`)), [])
      t.same(await during(app, () => remove(`/${one?.id}`)), [], 'it had ended')
      t.same(story(await during(app, () => remove(''))), ['session.ended revoked', 'session.ended revoked'])
      t.same(await during(app, () => app.inject({ method: 'DELETE', url: '/kratos/sessions' })), [], 'nobody’s')
    })

    await t.test('a new password that ends other sessions, from an app and from a form', async (t) => {
      const { email, identityId, token } = await signUp(app)
      await logInAtKratos(app, email)
      const headers = { 'x-session-token': token }
      const { id } = await startAtKratos(app, 'settings', headers)
      const body = { method: 'password', password: `${PASSWORD}-2` }
      t.equal((await submitAtKratos(app, 'settings', id, body, headers)).statusCode, 200)
      t.match((await eventsOf(app, identityId)).at(-1), { type: 'session.ended', reason: 'password_changed' })
      const visitor = await signUpInBrowser(app)
      await logInAtKratos(app, visitor.email)
      const fields = { method: 'password', password: `${PASSWORD}-3` }
      t.equal((await submitForm(app, 'settings', fields, visitor.cookie)).statusCode, 303)
      t.match((await eventsOf(app, visitor.identityId)).at(-1), { type: 'session.ended', reason: 'password_changed' })
    })

    await t.test('second factors: added by a right code only, failed and passed', async (t) => {
      const { email, identityId, token } = await signUp(app)
      const headers = { 'x-session-token': token }
      const flow = await startAtKratos(app, 'settings', headers)
      const secret = flow.ui.nodes.find(({ attributes }) => attributes.id === 'totp_secret_key')?.attributes.text?.context?.secret ?? ''
      const add = (code: string) => submitAtKratos(app, 'settings', flow.id, { method: 'totp', totp_code: code }, headers)
      t.same(await during(app, () => add('000000')), [])
      t.same(story(await during(app, () => add(totpCode(secret)))), ['second_factor.added totp'])
      const half = { 'x-session-token': tokenOf(await logInAtKratos(app, email)) }
      const { id } = (await get(app, '/kratos/self-service/login/api?aal=aal2', half)).json<Flow>()
      const prove = (code: string) => submitAtKratos(app, 'login', id, { method: 'totp', totp_code: code }, half)
      const failed = await during(app, () => prove('000000'))
      const started = (await eventsOf(app)).findLast(({ type }) => type === 'session.started')
      t.match(failed, [{ type: 'second_factor.failed', method: 'totp', session: started?.session ?? '' }])
      await prove(totpCode(secret))
      t.same((await storyOf(app, identityId)).slice(-1), ['second_factor.passed totp'])
    })
  })

  t.test('second_factor.failed', async (t) => {
    await t.test('names the identity where a login was led to it by a redirect', embeddedOnly('forms'), async (t) => {
      const { app } = await buildWithKratos(t, { env: { KRATOS_PROXY: 'true' } })
      const { email, identityId, cookie } = await signUp(app)
      await enrolTotp(app, cookie)
      const lastOf = async () => (await eventsOf(app, identityId)).at(-1)
      const failed = { type: 'second_factor.failed', method: 'totp' }

      const form = { method: 'password', identifier: ` ${email.toUpperCase()}`, password: PASSWORD }
      const half = cookieHeader(await submitForm(app, 'login', form))
      await submitForm(app, 'login', { method: 'totp', totp_code: '000000' }, half, '?aal=aal2')
      t.match(await lastOf(), failed, 'a form')

      const started = await startFlow(app, 'login', '?type=browser')
      const body = { flow_id: started.id, identifier: email, password: PASSWORD, csrf_token: started.csrfToken }
      const answer = await post(app, '/api/auth/flows/login', body, { cookie: cookieHeader(started.init) })
      t.match(answer.json(), { data: { next: 'step_up' } })
      const held = { cookie: cookieHeader(started.init, answer) }
      const before = (await eventsOf(app, identityId)).length
      const second = { flow_id: answer.json<{ data: { flow_id: string } }>().data.flow_id, method: 'totp', totp_code: '000000' }
      await post(app, '/api/auth/flows/login', second, held)
      t.equal((await eventsOf(app, identityId)).length, before + 1)
      t.match(await lastOf(), failed, 'our own route')
    })

    await t.test('names nobody whose identifier a login only claimed', async (t) => {
      const paths = identifierPaths(DEFAULT_TRAITS)
      t.notOk(goesByIdentifier({ method: 'passkey', passkey_login: '{}', identifier: 'ada', password: 'x' }))
      t.ok(goesByIdentifier({ method: 'password', identifier: 'ada', password: 'x' }))
      t.ok(goesByIdentifier({ method: 'password', identifier: 'ada', password: 'x', provider: 'y', passkey_login: '{}' }))
      t.ok(goesByIdentifier({ Method: ['password'], identifier: ['ada'] }))
      t.notOk(goesByIdentifier({ method: 'oidc', provider: 'y', password: 'x', identifier: 'ada' }))
      t.notOk(goesByIdentifier({ passkey_login: '{}', password: 'x', identifier: 'ada' }))
      t.equal(soleIdentifier({ identifier: 'ada', password_identifier: 'bob' }, paths), undefined)
      t.equal(soleIdentifier({ identifier: ' Ada' }, paths), 'ada')
    })

    await t.test('names the identity where its session is kept', embeddedOnly('required_aal'), async (t) => {
      const session = { whoami: { required_aal: 'aal1' } }
      const { app } = await buildWithKratos(t, { env: { SESSION_CACHE_MAX_AGE: '5' }, overrides: { session } })
      const { email, identityId, cookie } = await signUp(app)
      await enrolTotp(app, cookie)
      const { id } = await startFlow(app, 'login')
      const again = cookieHeader(await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD }))
      t.equal((await get(app, '/api/auth/whoami', { cookie: again })).statusCode, 200)
      const stepUp = await startFlow(app, 'login', '?aal=aal2', { cookie: again })
      await post(app, '/api/auth/flows/login', { flow_id: stepUp.id, method: 'totp', totp_code: '000000' }, { cookie: again })
      t.match((await eventsOf(app, identityId)).at(-1), { type: 'second_factor.failed', method: 'totp', session: /./ })
    })
  })
}
