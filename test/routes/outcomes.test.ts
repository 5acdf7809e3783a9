import { Ajv } from 'ajv'
import type { LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { OutcomeSchema } from '../../src/schemas/outcome.js'
import { build } from '../support/app.js'
import { answer, replay, startFaultServer } from '../support/fault-server.js'
import { FLOW } from '../support/faults.js'
import {
  buildWithKratos, cookieHeader, freshEmail, get, PASSWORD, post, setCookies, signUp,
  startFlow,
} from '../support/kratos.js'
import { enrolTotp, totpCode } from '../support/totp.js'
import { embeddedOnly, type TargetKratos } from '../support/target.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/
const isOutcome = new Ajv({ strict: false }).compile(OutcomeSchema)

interface Node {
  attributes: { name?: string, id?: string, text?: { context?: { secret?: string } } }
}
interface Step {
  next: string
  flow_id?: string
  id?: string
  field_errors?: Record<string, string[]>
  sent?: boolean
  ui?: { nodes: Node[] }
  continue_with?: unknown
  redirect_browser_to?: string
}

/** The step's data of a good answer, which has to fit the schema. */
function data (t: Test, answer: LightMyRequestResponse): Step {
  const { success, data } = answer.json<{ success: boolean, data: Step }>()
  t.ok(success, answer.body.slice(0, 300))
  t.ok(isOutcome(data), JSON.stringify(isOutcome.errors))
  t.notMatch(answer.body, /ory_st_/)
  return data
}

const failure = (answer: LightMyRequestResponse): Step & { code: string } => answer.json()

/** The six digits of the newest mail to an address. */
async function mailedCode (kratos: TargetKratos, email: string): Promise<string> {
  const [message] = await kratos.messages(email)
  const code = /\b\d{6}\b/.exec(message?.body ?? '')?.[0]
  if (code === undefined) throw new Error(`no code was mailed to ${email}`)
  return code
}

export default async function (t: Test): Promise<void> {
  t.test('next of registration and login', async (t) => {
    const { app } = await buildWithKratos(t)

    await t.test('form at init, done at the end, form with field_errors in between', async (t) => {
      const { id, init } = await startFlow(app, 'registration')
      t.match(data(t, init), { next: 'form', field_errors: {}, sent: false })
      const weak = failure(
        await post(app, '/api/auth/flows/registration', { flow_id: id, email: freshEmail(), password: 'abc' }),
      )
      t.match(weak, { next: 'form', field_errors: { password: [String] }, sent: false, id })
      t.match(
        data(
          t,
          await post(app, '/api/auth/flows/registration', { flow_id: id, email: freshEmail(), password: PASSWORD }),
        ),
        { next: 'verify', flow_id: String },
      )
    })

    await t.test('already_logged_in', async (t) => {
      const { cookie } = await signUp(app)
      t.match(failure(await get(app, '/api/auth/flows/login', { cookie })), {
        next: 'already_logged_in',
        code: 'SESSION_ALREADY_AVAILABLE',
      })
    })

    await t.test('restart with a fresh flow where the old one is unknown, and it works', async (t) => {
      const { email } = await signUp(app)
      const answer = failure(
        await post(app, '/api/auth/flows/login', {
          flow_id: '11111111-2222-4333-8444-555555555555',
          identifier: email,
          password: PASSWORD,
        }),
      )
      t.match(answer, { next: 'restart', code: 'FLOW_NOT_FOUND', flow_id: UUID })
      t.match(
        data(
          t,
          await post(app, '/api/auth/flows/login', { flow_id: answer.flow_id, identifier: email, password: PASSWORD }),
        ),
        { next: 'done' },
      )
    })

    await t.test('failures that never reach Kratos say it too', async (t) => {
      t.match(failure(await post(app, '/api/auth/flows/login', { flow_id: 'nope' })), {
        next: 'form',
        code: 'VALIDATION_ERROR',
      })
      t.match(failure(await get(app, '/api/auth/flows/login?return_to=https://evil.example/')), {
        next: 'restart',
        code: 'RETURN_TO_FORBIDDEN',
      })
    })
  })

  t.test('next of a login with a second factor', async (t) => {
    const { app } = await buildWithKratos(t)

    await t.test('api: step_up with a login flow ready, the second factor finishes it', async (t) => {
      const { cookie, email } = await signUp(app)
      const secret = await enrolTotp(app, cookie)
      const { id } = await startFlow(app, 'login')
      const first = await post(app, '/api/auth/flows/login', { flow_id: id, identifier: email, password: PASSWORD })
      const step = data(t, first)
      t.match(step, { next: 'step_up', flow_id: UUID })
      const half = { cookie: cookieHeader(first) }
      const denied = await get(app, '/api/auth/whoami', half)
      t.equal(denied.statusCode, 403)
      t.match(denied.json(), { code: 'AAL2_REQUIRED', next: 'step_up' })
      const second = await post(app, '/api/auth/flows/login', {
        flow_id: step.flow_id,
        method: 'totp',
        totp_code: totpCode(secret),
      }, half)
      t.match(data(t, second), { next: 'done' })
      t.equal(
        (await get(app, '/api/auth/whoami?full=true', { cookie: cookieHeader(first, second) })).json().data.aal,
        'aal2',
      )
    })

    await t.test('browser: the same by a browser flow', async (t) => {
      const { email, cookie } = await signUp(app)
      const secret = await enrolTotp(app, cookie)
      const { id, csrfToken, init } = await startFlow(app, 'login', '?type=browser')
      const first = await post(app, '/api/auth/flows/login', {
        flow_id: id,
        identifier: email,
        password: PASSWORD,
        csrf_token: csrfToken,
      }, { cookie: cookieHeader(init) })
      const step = data(t, first)
      t.match(step, { next: 'step_up', flow_id: UUID })
      const half = { cookie: cookieHeader(init, first) }
      const fetched = (await get(app, `/api/auth/flows/login/${step.flow_id}`, half)).json<
        { data: { ui: { nodes: Array<{ attributes: { name: string, value: string } }> } } }
      >()
      const token = fetched.data.ui.nodes.find(({ attributes }) => attributes.name === 'csrf_token')?.attributes.value
      const second = await post(app, '/api/auth/flows/login', {
        flow_id: step.flow_id,
        method: 'totp',
        totp_code: totpCode(secret),
        csrf_token: token,
      }, half)
      t.match(data(t, second), { next: 'done' })
      t.equal((await get(app, '/api/auth/whoami', { cookie: cookieHeader(init, first, second) })).statusCode, 200)
    })
  })

  t.test('next of settings', async (t) => {
    await t.test(
      'reauthenticate with a login flow ready when the login is too old, and then the change passes',
      embeddedOnly('a privileged age of 1 ms'),
      async (t) => {
        const { app } = await buildWithKratos(t, {
          overrides: { selfservice: { flows: { settings: { privileged_session_max_age: '1ms' } } } },
        })
        const { cookie, email } = await signUp(app)
        const { id, init } = await startFlow(app, 'settings', '', { cookie })
        t.match(data(t, init), { next: 'form' })
        const answer = failure(
          await post(app, '/api/auth/flows/settings', { flow_id: id, method: 'password', password: `${PASSWORD}-new` }, {
            cookie,
          }),
        )
        t.match(answer, { next: 'reauthenticate', code: 'SESSION_REFRESH_REQUIRED', flow_id: UUID })
        const again = await post(app, '/api/auth/flows/login', {
          flow_id: answer.flow_id,
          identifier: email,
          password: PASSWORD,
        }, { cookie })
        t.match(data(t, again), { next: 'done' })
      },
    )

    await t.test('done after a change, reauthenticate without a session', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie, email } = await signUp(app)
      const { id } = await startFlow(app, 'settings', '', { cookie })
      const saved = await post(app, '/api/auth/flows/settings', {
        flow_id: id,
        method: 'profile',
        traits: { email, first_name: 'Grace' },
      }, { cookie })
      t.match(data(t, saved), { next: 'done' })
      t.equal((await get(app, '/api/auth/whoami', { cookie })).json().data.first_name, 'Grace')
      t.match(failure(await get(app, '/api/auth/flows/settings')), {
        next: 'reauthenticate',
        code: 'INVALID_SESSION',
        flow_id: UUID,
      })
    })
  })

  t.test('next of recovery and verification', async (t) => {
    const { app, kratos } = await buildWithKratos(t)

    await t.test('api recovery: form while the code is awaited, settings with a session cookie that lasts as long as the session', async (t) => {
      const { email, identityId } = await signUp(app)
      const { id } = await startFlow(app, 'recovery')
      t.match(data(t, await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', email })), {
        next: 'form',
        sent: true,
      })
      t.match(failure(await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', code: '000000' })), {
        next: 'form',
        code: 'FLOW_REJECTED',
        sent: true,
        state: 'sent_email',
      })
      const code = await mailedCode(kratos, email)
      const start = Date.now()
      const answer = await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', code })
      const gone = Math.ceil((Date.now() - start) / 1000)
      const step = data(t, answer)
      t.match(step, { next: 'settings', flow_id: UUID })
      const [line = ''] = setCookies(answer)
      t.match(line, /^ory_kratos_session=ory_st_/)
      const maxAge = Number(/Max-Age=(\d+)/.exec(line)?.[1])
      t.ok(maxAge <= 86_400 && maxAge >= 86_399 - gone, `until the session expires, not ${maxAge}`)
      const cookie = cookieHeader(answer)
      t.equal((await get(app, '/api/auth/whoami', { cookie })).json().data.id, identityId)
      const changed = await post(app, '/api/auth/flows/settings', {
        flow_id: step.flow_id,
        method: 'password',
        password: `${PASSWORD}-new`,
      }, { cookie })
      t.match(data(t, changed), { next: 'done' })
    })

    await t.test('browser recovery: settings with the cookies of Kratos', async (t) => {
      const { email } = await signUp(app)
      const { id, csrfToken, init } = await startFlow(app, 'recovery', '?type=browser')
      const headers = { cookie: cookieHeader(init) }
      await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', email, csrf_token: csrfToken }, headers)
      const answer = await post(app, '/api/auth/flows/recovery', {
        flow_id: id,
        method: 'code',
        code: await mailedCode(kratos, email),
        csrf_token: csrfToken,
      }, headers)
      t.match(data(t, answer), { next: 'settings', flow_id: UUID })
      t.equal((await get(app, '/api/auth/whoami', { cookie: cookieHeader(init, answer) })).json().data.email, email)
    })

    await t.test('restart with the cookies of a browser flow that was started anew (B27)', async (t) => {
      const csrf = `csrf_token_${'0f'.repeat(32)}=anew; Path=/; HttpOnly; SameSite=Lax`
      const gone = replay('14-unknown-and-mixed-up-flow-ids', 'login: unknown flow id')
      const flow = answer(200, { ...FLOW, type: 'browser' }, [['Set-Cookie', csrf]])
      const kratos = await startFaultServer(t, (socket, received) =>
        (received.method === 'POST' ? gone : flow)(socket, received),
      )
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      const body = { flow_id: '00000000-0000-4000-8000-000000000000', method: 'password', csrf_token: 'of the old flow' }
      const refused = await post(app, '/api/auth/flows/login', body)
      t.match(failure(refused), { next: 'restart', code: 'FLOW_NOT_FOUND', flow_id: FLOW.id })
      t.same(setCookies(refused), [csrf], 'without its CSRF cookie nobody could submit it')
      t.match(kratos.requests.map(({ target }) => target), [/^\/self-service\/login\?/, '/self-service/login/browser'])
    })

    await t.test('restart with another flow after too many wrong codes', async (t) => {
      const { email } = await signUp(app)
      const { id } = await startFlow(app, 'recovery')
      await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', email })
      let answer = failure(await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', code: '000000' }))
      for (let tries = 2; tries <= 6; tries++) { answer = failure(await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'code', code: '000000' })) }
      t.match(answer, { next: 'restart', code: 'FLOW_EXPIRED', flow_id: UUID })
      t.match(data(t, await post(app, '/api/auth/flows/recovery', { flow_id: answer.flow_id, method: 'code', email })), {
        next: 'form',
        sent: true,
      })
    })

    await t.test('verification: form while the code is awaited, done with the right one', async (t) => {
      const { email, cookie } = await signUp(app)
      const { id } = await startFlow(app, 'verification')
      t.match(data(t, await post(app, '/api/auth/flows/verification', { flow_id: id, method: 'code', email })), {
        next: 'form',
        sent: true,
      })
      t.match(
        data(
          t,
          await post(app, '/api/auth/flows/verification', {
            flow_id: id,
            method: 'code',
            code: await mailedCode(kratos, email),
          }),
        ),
        { next: 'done' },
      )
      t.match((await get(app, '/api/auth/whoami?full=true', { cookie })).json().data.addresses, [{ verified: true }])
    })
  })
}
