import type { Test } from 'tap'
import { systemClock } from '../../kratos/embedded/clock.js'
import { embeddedOnly, PASSWORD, startTarget } from '../support/target.js'
import { type Contract, createCaller } from './caller.js'
import { type FlowName, nodeNamed, openFlow, signUp, submit, whoami } from './people.js'

const UUID = /^[0-9a-f-]{36}$/
const HOUR = 3_600_000

/** What time does to flows and sessions (docs/kratos-facts.md, section 8, 13). */
export function expiry (t: Test, { exchanges }: Contract): void {
  /** A Kratos whose time can be moved on. */
  async function start (t: Test) {
    let ahead = 0
    const kratos = await startTarget(t, { clock: { ...systemClock, now: () => Date.now() + ahead } })
    return {
      ask: createCaller(kratos, exchanges),
      advance: (ms: number) => {
        ahead += ms
      },
    }
  }

  t.test(
    'an expired flow is 410: with the flow that replaces it at a submit, without at a fetch',
    embeddedOnly('a clock'),
    async (t) => {
      const { ask, advance } = await start(t)
      const { session, email } = await signUp(ask)
      const bodies: Array<[FlowName, object, Record<string, string>]> = [
        ['registration', { method: 'password', password: PASSWORD, traits: { email } }, {}],
        ['login', { method: 'password', identifier: email, password: PASSWORD }, {}],
        ['settings', { method: 'profile', traits: { email } }, session],
      ]
      for (const [flow, body, headers] of bodies) {
        const { id } = await openFlow(ask, flow, 'api', headers)
        advance(2 * HOUR)
        const fetched = await ask('GET', `/self-service/${flow}/flows?id=${id}`, { headers })
        t.match([fetched.status, fetched.body.error.details.api], [410, new RegExp(`/self-service/${flow}/api$`)], flow)
        t.notOk('use_flow_id' in fetched.body)
        const sent = await submit(ask, flow, id, body, headers)
        t.match([sent.status, sent.body], [410, {
          error: { id: 'self_service_flow_expired' },
          use_flow_id: UUID,
          expired_at: String,
          since: Number,
        }], flow)
        t.not(sent.body.use_flow_id, id)
        t.equal(
          (await ask('GET', `/self-service/${flow}/flows?id=${sent.body.use_flow_id}`, { headers })).body.type,
          'api',
        )
      }
    },
  )

  t.test(
    'a submit of an expired recovery or verification leads to another flow, the latter by a 303',
    embeddedOnly('a clock'),
    async (t) => {
      const { ask, advance } = await start(t)
      const flows = {
        recovery: (await openFlow(ask, 'recovery', 'api')).id,
        verification: (await openFlow(ask, 'verification', 'api')).id,
      }
      advance(2 * HOUR)
      const recovery = await submit(ask, 'recovery', flows.recovery, { method: 'code', email: 'late@example.test' })
      // docs/kratos-facts.md, section 8 say 303; that is without use_continue_with_transitions
      t.match([recovery.status, recovery.body], [410, {
        error: { id: 'self_service_flow_expired' },
        use_flow_id: UUID,
      }])
      t.match(recovery.body.error.details.continue_with, [{
        action: 'show_recovery_ui',
        flow: { id: recovery.body.use_flow_id },
      }])
      const verification = await submit(ask, 'verification', flows.verification, {
        method: 'code',
        email: 'late@example.test',
      })
      t.match([verification.status, verification.headers['location']], [
        303,
        /\/self-service\/verification\/flows\?id=[0-9a-f-]{36}$/,
      ])
    },
  )

  t.test(
    'a change that matters wants a recent login, and passes in the same flow after it',
    embeddedOnly('a clock'),
    async (t) => {
      const { ask, advance } = await start(t)
      const { email, session } = await signUp(ask)
      advance(HOUR / 2)
      const { id } = await openFlow(ask, 'settings', 'api', session)
      const change = async () =>
        await submit(ask, 'settings', id, { method: 'password', password: 'Another-9-lantern' }, session)
      const refused = await change()
      t.match([refused.status, refused.body], [403, {
        error: { id: 'session_refresh_required' },
        redirect_browser_to: /\/self-service\/login\/browser\?refresh=true/,
      }])
      t.equal(
        (await submit(ask, 'settings', id, { method: 'profile', traits: { email, first_name: 'Ada' } }, session))
          .status,
        200,
        'a name does not matter',
      )
      const login = await openFlow(ask, 'login', 'api', session, '?refresh=true')
      t.ok(nodeNamed(login.reply.body, 'password'))
      await submit(ask, 'login', login.id, { method: 'password', identifier: email, password: PASSWORD }, session)
      t.equal((await change()).status, 200)
    },
  )

  t.test('a session ends when its time is over', embeddedOnly('a clock'), async (t) => {
    const { ask, advance } = await start(t)
    const { session } = await signUp(ask)
    advance(24 * HOUR - 60_000)
    t.equal((await whoami(ask, session)).status, 200)
    advance(60_000)
    t.equal((await whoami(ask, session)).status, 401)
  })
}
