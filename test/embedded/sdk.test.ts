import {
  isSetOrySessionToken,
  isShowSettingsUi,
  type ContinueWith,
  type SettingsFlow,
  type UpdateSettingsFlowBody,
} from '@ory/client-fetch'
import { Secret, TOTP } from 'otpauth'
import type { Test } from 'tap'
import { freshEmail, PASSWORD, startTarget } from '../support/target.js'
import { answersAreDescribed, type Exchanged } from './schema/described.js'
import { adminCases } from './sdk/admin-cases.js'
import { createVisitor, refusal, type Kind, type Visitor } from './sdk/visitor.js'

/** Ory's published SDK, unchanged: it must work here as with a real Kratos, in apps and in browsers. */
const exchanges: Exchanged[] = []
const warnings: string[] = []
process.on('warning', ({ name, message }) => {
  if (name === 'MaxListenersExceededWarning') warnings.push(message)
})

async function signUp (visitor: Visitor, email: string): Promise<string> {
  const flow = await visitor.open.registration()
  const answer = await visitor.api.updateRegistrationFlow({
    flow: flow.id,
    updateRegistrationFlowBody: { method: 'password', password: PASSWORD, traits: { email }, ...visitor.hidden(flow) },
  })
  visitor.keep(answer.session_token)
  return answer.identity.id
}

async function logIn (visitor: Visitor, identifier: string, password = PASSWORD): Promise<void> {
  const flow = await visitor.open.login()
  const answer = await visitor.api.updateLoginFlow({
    flow: flow.id,
    updateLoginFlowBody: { method: 'password', identifier, password, ...visitor.hidden(flow) },
  })
  visitor.keep(answer.session_token)
}

async function change (visitor: Visitor, body: UpdateSettingsFlowBody, known?: SettingsFlow): Promise<SettingsFlow> {
  const flow = known ?? await visitor.open.settings()
  return await visitor.api.updateSettingsFlow({
    flow: flow.id,
    ...visitor.credential(),
    updateSettingsFlowBody: { ...body, ...visitor.hidden(flow) },
  })
}

/** A text that a flow shows only once: a secret, or several separated by commas. */
function shownText ({ ui }: SettingsFlow, id: string): string {
  const node = ui.nodes.find(({ attributes }) => attributes.node_type === 'text' && attributes.id === id)
  return node?.attributes.node_type === 'text' ? node.attributes.text.text : ''
}

async function addTotp (visitor: Visitor): Promise<TOTP> {
  const flow = await visitor.open.settings()
  const totp = new TOTP({ secret: Secret.fromBase32(shownText(flow, 'totp_secret_key')) })
  await change(visitor, { method: 'totp', totp_code: totp.generate() }, flow)
  return totp
}

const tokenOf = (continueWith: ContinueWith[] = []): string | undefined =>
  continueWith.find(isSetOrySessionToken)?.ory_session_token

function flowCases (t: Test, kind: Kind): void {
  t.test(`@ory/client-fetch, ${kind} flows`, async (t) => {
    const kratos = await startTarget(t)
    const arrive = (): Visitor => createVisitor(kind, kratos, exchanges)
    const session = async (visitor: Visitor) => await visitor.api.toSession(visitor.credential())
    const codeFor = async (email: string): Promise<string> => (await kratos.messages(email))[0]?.code ?? ''

    t.test('sign-up gives a session; a second one for the same address is refused with the flow', async (t) => {
      const [visitor, email] = [arrive(), freshEmail()]
      const id = await signUp(visitor, email)
      const { identity, expires_at: expiresAt } = await session(visitor)
      t.match(identity, { id, traits: { email } })
      t.ok(expiresAt instanceof Date && expiresAt.getTime() > Date.now())
      const { status, body } = await refusal(signUp(arrive(), email))
      t.match([status, body['ui'].messages], [400, [{ id: 4000007 }]])
    })

    t.test('login, with a wrong password first', async (t) => {
      const email = freshEmail()
      await kratos.createIdentity({ email }, PASSWORD)
      const visitor = arrive()
      const { status, body } = await refusal(logIn(visitor, email, 'wrong-password'))
      t.match([status, body['ui'].messages], [400, [{ id: 4000006 }]])
      t.equal((await refusal(session(visitor))).status, 401)
      await logIn(visitor, email)
      t.match(await session(visitor), {
        active: true,
        authenticator_assurance_level: 'aal1',
        identity: { traits: { email } },
      })
    })

    t.test('settings: profile and password', async (t) => {
      const [visitor, email] = [arrive(), freshEmail()]
      await signUp(visitor, email)
      const changed = await change(visitor, { method: 'profile', traits: { email, first_name: 'Grace' } })
      t.match(changed, { state: 'success', ui: { messages: [{ id: 1050001 }] } })
      t.match((await session(visitor)).identity?.traits, { first_name: 'Grace' })
      t.equal((await change(visitor, { method: 'password', password: 'Another-9-lantern' })).state, 'success')
      t.equal((await refusal(logIn(arrive(), email))).status, 400)
      await logIn(arrive(), email, 'Another-9-lantern')
    })

    t.test('second factor: TOTP and lookup secrets', async (t) => {
      const [owner, email] = [arrive(), freshEmail()]
      await signUp(owner, email)
      const totp = await addTotp(owner)
      t.equal((await session(owner)).authenticator_assurance_level, 'aal2')
      const shown = await change(owner, { method: 'lookup_secret', lookup_secret_regenerate: true })
      await change(owner, { method: 'lookup_secret', lookup_secret_confirm: true }, shown)
      const [code = ''] = shownText(shown, 'lookup_secret_codes').split(', ')

      for (
        const factor of [
          { method: 'totp', totp_code: totp.generate() },
          { method: 'lookup_secret', lookup_secret: code },
        ] as const
      ) {
        const visitor = arrive()
        // A browser is redirected to the second step; an app learns of it from whoami.
        if (kind === 'native') {
          await logIn(visitor, email)
        } else {
          t.match(await refusal(logIn(visitor, email)), {
            status: 422,
            body: { error: { id: 'browser_location_change_required' }, redirect_browser_to: /aal=aal2/ },
          })
        }
        t.match(await refusal(session(visitor)), { status: 403, body: { error: { id: 'session_aal2_required' } } })
        const flow = await visitor.open.login({ aal: 'aal2' })
        await visitor.api.updateLoginFlow({
          flow: flow.id,
          ...visitor.credential(),
          updateLoginFlowBody: { ...factor, ...visitor.hidden(flow) },
        })
        t.match(await session(visitor), {
          authenticator_assurance_level: 'aal2',
          authentication_methods: [{ method: 'password' }, { method: factor.method }],
        })
      }
    })

    t.test('recovery ends in the settings, where a new password is set', async (t) => {
      const [visitor, email] = [arrive(), freshEmail()]
      await kratos.createIdentity({ email }, PASSWORD)
      const flow = await visitor.open.recovery()
      const submit = async (body: { email?: string, code?: string }) =>
        await visitor.api.updateRecoveryFlow({
          flow: flow.id,
          updateRecoveryFlowBody: { method: 'code', ...body, ...visitor.hidden(flow) },
        })
      t.equal((await submit({ email })).state, 'sent_email')
      t.match((await submit({ code: '000000' })).ui.messages, [{ id: 4060006 }])
      const { continue_with: next = [] } = await submit({ code: await codeFor(email) })
      visitor.keep(tokenOf(next))
      const settings = await visitor.api.getSettingsFlow({
        id: next.find(isShowSettingsUi)?.flow.id ?? '',
        ...visitor.credential(),
      })
      t.equal(
        (await change(visitor, { method: 'password', password: 'Recovered-7-harbor' }, settings)).state,
        'success',
      )
      await logIn(arrive(), email, 'Recovered-7-harbor')
    })

    t.test('verification of the address by the mailed code', async (t) => {
      const [visitor, email] = [arrive(), freshEmail()]
      await signUp(visitor, email)
      const flow = await visitor.open.verification()
      const submit = async (body: { email?: string, code?: string }) =>
        await visitor.api.updateVerificationFlow({
          flow: flow.id,
          updateVerificationFlowBody: { method: 'code', ...body, ...visitor.hidden(flow) },
        })
      t.equal((await submit({ email })).state, 'sent_email')
      t.equal((await submit({ code: await codeFor(email) })).state, 'passed_challenge')
      t.match((await session(visitor)).identity?.verifiable_addresses, [
        { value: email, verified: true, verified_at: Date },
      ])
    })

    t.test('sessions: list, end one, end the others', async (t) => {
      const [visitor, email] = [arrive(), freshEmail()]
      await signUp(visitor, email)
      const others = [arrive(), arrive(), arrive()]
      for (const other of others) await logIn(other, email)
      const [one, two, three] = await Promise.all(others.map(async (other) => (await session(other)).id))
      t.same((await visitor.api.listMySessions(visitor.credential())).map(({ id }) => id), [three, two, one])
      await visitor.api.disableMySession({ id: two ?? '', ...visitor.credential() })
      t.same((await visitor.api.listMySessions(visitor.credential())).map(({ id }) => id), [three, one])
      t.type((await visitor.api.disableMyOtherSessions(visitor.credential())).count, 'number')
      t.same(await visitor.api.listMySessions(visitor.credential()), [])
      for (const other of others) t.equal((await refusal(session(other))).status, 401)
      t.ok((await session(visitor)).active)
    })

    t.test('logout ends the session', async (t) => {
      const visitor = arrive()
      await signUp(visitor, freshEmail())
      const token = visitor.credential().xSessionToken ?? ''
      if (kind === 'native') {
        await visitor.api.performNativeLogout({ performNativeLogoutBody: { session_token: token } })
      } else {
        await visitor.api.updateLogoutFlow({ token: (await visitor.api.createBrowserLogoutFlow()).logout_token })
      }
      t.equal((await refusal(session(visitor))).status, 401)
    })
  })
}

export default async function (t: Test): Promise<void> {
  for (const kind of ['native', 'browser'] as const) flowCases(t, kind)

  t.test('@ory/client-fetch, admin', async (t) => {
    adminCases(t, await startTarget(t), exchanges)
  })

  answersAreDescribed(t, exchanges)

  t.test('many waiting hooks give no warning about a leak', async (t) => {
    t.same(warnings, [])
  })
}
