import type { Test } from 'tap'
import { freshEmail, PASSWORD } from '../support/target.js'
import { type Contract, cookieNames } from './caller.js'
import { logIn, messageIds, openFlow, signUp, submit, whoami } from './people.js'

const UUID = /^[0-9a-f-]{36}$/

/**
 * Lost passwords and unproved addresses, by a code that is mailed (docs/kratos-facts.md, section 8, 14), with
 * `use_continue_with_transitions`.
 */
export function recovery (t: Test, { ask, kratos }: Contract): void {
  const codeFor = async (email: string): Promise<string> => (await kratos.messages(email))[0]?.code ?? ''

  /** Somebody with a code in the mail. */
  async function waiting (flow: 'recovery' | 'verification', type: 'api' | 'browser') {
    const email = freshEmail()
    await kratos.createIdentity({ email }, PASSWORD)
    const { id, csrfToken, cookie } = await openFlow(ask, flow, type)
    const own = type === 'api' ? {} : { csrf_token: csrfToken }
    const headers: Record<string, string> = type === 'api' ? {} : { cookie }
    const send = async (body: object) => await submit(ask, flow, id, { method: 'code', ...own, ...body }, headers)
    const sent = await send({ email })
    return { email, id, send, sent, cookie }
  }

  t.test('the answer to a known and to an unknown address is the same, mail goes to the known one only', async (t) => {
    for (const [flow, message] of [['recovery', 1060003], ['verification', 1080003]] as const) {
      const { email, sent } = await waiting(flow, 'api')
      const { id } = await openFlow(ask, flow, 'api')
      const nobody = freshEmail()
      const unknown = await submit(ask, flow, id, { method: 'code', email: nobody })
      for (const reply of [sent, unknown]) { t.match([reply.status, reply.body.state, messageIds(reply)], [200, 'sent_email', [message]]) }
      t.match([await codeFor(email), await kratos.messages(nobody)], [/^\d{6}$/, []])
    }
  })

  t.test('a wrong code is 200 with an error message in the flow', async (t) => {
    for (const [flow, message] of [['recovery', 4060006], ['verification', 4070006]] as const) {
      const { send } = await waiting(flow, 'api')
      const reply = await send({ code: '000000' })
      t.match([reply.status, reply.body.state, messageIds(reply)], [200, 'sent_email', [message]])
    }
  })

  t.test('the right recovery code gives an app its token, and settings for a new password', async (t) => {
    const { email, send } = await waiting('recovery', 'api')
    const { status, body } = await send({ code: await codeFor(email) })
    t.match([status, body.state], [200, 'passed_challenge'])
    t.match(body.continue_with, [{ action: 'set_ory_session_token', ory_session_token: /^ory_st_/ }, {
      action: 'show_settings_ui',
      flow: { id: String },
    }])
    const session = { 'x-session-token': body.continue_with[0].ory_session_token }
    t.equal((await whoami(ask, session)).status, 200)
    const changed = await submit(ask, 'settings', body.continue_with[1].flow.id, {
      method: 'password',
      password: 'Recovered-7-harbor',
    }, session)
    t.equal(changed.body.state, 'success')
    t.equal((await logIn(ask, email, 'Recovered-7-harbor')).status, 200)
  })

  t.test('the right recovery code gives a browser its session cookie', async (t) => {
    const { email, send } = await waiting('recovery', 'browser')
    const reply = await send({ code: await codeFor(email) })
    t.equal(reply.status, 200)
    t.ok(cookieNames(reply).includes('ory_kratos_session'))
    t.match(reply.body.continue_with, [{
      action: 'show_settings_ui',
      flow: { url: /^http:\/\/localhost:3001\/settings\?flow=/ },
    }])
    t.notMatch(JSON.stringify(reply.body), /ory_st_/)
  })

  t.test('the right verification code proves the address', async (t) => {
    const person = await signUp(ask)
    const { id } = await openFlow(ask, 'verification', 'api')
    await submit(ask, 'verification', id, { method: 'code', email: person.email })
    const reply = await submit(ask, 'verification', id, { method: 'code', code: await codeFor(person.email) })
    t.match([reply.status, reply.body.state, messageIds(reply)], [200, 'passed_challenge', [1080002]])
    t.match((await whoami(ask, person.session)).body.identity.verifiable_addresses, [{
      value: person.email,
      verified: true,
      status: 'completed',
    }])
  })

  t.test('a used code, or one tried too often, leads to another flow', async (t) => {
    const used = await waiting('verification', 'api')
    const code = await codeFor(used.email)
    await used.send({ code })
    t.match(await used.send({ code }), {
      status: 410,
      body: { error: { id: 'self_service_flow_replaced' }, use_flow_id: UUID },
    })
    const tooOften = async (flow: 'recovery' | 'verification') => {
      const tried = await waiting(flow, 'api')
      for (let count = 0; count < 5; count++) t.equal((await tried.send({ code: '000000' })).status, 200)
      return await tried.send({ code: await codeFor(tried.email) })
    }
    t.match(await tooOften('verification'), {
      status: 410,
      body: { error: { id: 'self_service_flow_replaced' }, use_flow_id: UUID },
    })
    // docs/kratos-facts.md, section 14 say 303; that is without use_continue_with_transitions
    t.match(await tooOften('recovery'), {
      status: 400,
      body: { error: { details: { continue_with: [{ action: 'show_recovery_ui', flow: { id: UUID } }] } } },
    })
  })
}
