import type { Test } from 'tap'
import type { EmbeddedKratosOptions, JsonObject } from '../../kratos/embedded/index.js'
import { createClient, type Form, type Outcome } from '../../src/client/client.js'
import { browserFetch } from '../support/browser-fetch.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { identifier, identitySchema, schemaWithSecurityKeys } from '../support/identity-schema.js'
import { build } from '../support/app.js'
import { freshEmail, PASSWORD, startKratos } from '../support/kratos.js'
import { plugInPasskey } from '../support/passkey-browser.js'
import { freePorts } from '../support/process.js'

/** A browser in front of a product whose Kratos is configured otherwise than the one of this repository. */
async function open (t: Test, options: Omit<EmbeddedKratosOptions, 'env'>) {
  const [port = 0] = await freePorts(1)
  const baseUrl = `http://127.0.0.1:${port}`
  const kratos = await startKratos(t, {
    baseUrl: `${baseUrl}/kratos/`,
    ...options,
    overrides: { hashers: { bcrypt: { cost: 4 } }, ...options.overrides },
  })
  const { app } = await build(t, {
    KRATOS_PUBLIC_URL: kratos.publicUrl,
    KRATOS_ADMIN_URL: kratos.adminUrl,
    KRATOS_BROWSER_URL: `${baseUrl}/kratos/`,
    PUBLIC_URL: baseUrl,
    KRATOS_PROXY: 'true',
  })
  await app.listen({ port, host: '127.0.0.1' })
  const browser = browserFetch()
  const mailed = async (email: string, what: RegExp): Promise<string> =>
    kratos.messages(email).map(({ body }) => what.exec(body)?.[0]).find((found) => found !== undefined) ?? ''
  return {
    client: createClient({ baseUrl, fetch: browser }),
    code: (email: string) => mailed(email, /\b\d{6}\b/),
    provider: kratos.oidcProvider,
    /** To the provider and back; says to which flow of the page that led. */
    throughProvider: async (outcome: Outcome): Promise<string> => {
      const consent = await fetch(outcome.kind === 'redirect' ? outcome.url : '', { redirect: 'manual' })
      const shown = await browser(consent.headers.get('location') ?? '', { redirect: 'manual' })
      return new URL(shown.headers.get('location') ?? '').searchParams.get('flow') ?? ''
    },
    /** Opens the newest link to a page; says to which flow of the page it led. */
    openLink: async (email: string, flow: string): Promise<string> => {
      const link = new URL(await mailed(email, new RegExp(`http\\S+/${flow}\\?\\S+`)))
      const shown = await browser(link, { redirect: 'manual' })
      return new URL(shown.headers.get('location') ?? '').searchParams.get('flow') ?? ''
    },
  }
}

const flowIdOf = (outcome: Outcome): string | undefined =>
  'flowId' in outcome ? outcome.flowId : formOf(outcome)?.flowId
const formOf = (outcome: Outcome): Form | undefined => outcome.kind === 'form' ? outcome.form : undefined

const selfservice = (flows: JsonObject, methods: JsonObject = {}) =>
  ({ overrides: { selfservice: { flows, methods } } })
const PAGE = 'http://localhost:3001'
const RELYING_PARTY = { id: 'localhost', display_name: 'Page', origins: [PAGE] }
const KEYS = selfservice({ registration: { style: 'profile_first' } }, {
  passkey: { enabled: true, config: { rp: RELYING_PARTY } },
  webauthn: { enabled: true, config: { passwordless: false, rp: RELYING_PARTY } },
})
const LINKS = selfservice({ recovery: { use: 'link' }, verification: { use: 'link' } }, { code: { enabled: false } })

export default async function (t: Test): Promise<void> {
  t.test('the client in front of other products', async (t) => {
    t.test('sends links where the product has no codes, and goes on from the page that they open', async (t) => {
      const { client, openLink } = await open(t, LINKS)
      const email = freshEmail()
      const waiting = formOf(await client.follow(await client.signUp({ email }, PASSWORD)))
      t.match(waiting, { sent: true, offers: { link: true, code: false } })
      t.match(await client.verify(email), { kind: 'form', form: { sent: true, errors: [] } })
      t.match(await client.form('verification', { flowId: await openLink(email, 'verification') }), { kind: 'done' })
      t.match(await client.session(), { user: { verified: true } })

      await client.logOut()
      t.match(await client.recover(email), { kind: 'form', form: { sent: true, offers: { link: true } } })
      const flowId = await openLink(email, 'recovery')
      t.match(await client.changePassword(`${PASSWORD}-2`, { flowId }), { kind: 'done' })
      t.match(await client.session(), { state: 'in' })
    })

    t.test('takes a code that was sent as a second factor, and has another one sent', async (t) => {
      const factors = { code: { mfa_enabled: true }, totp: { enabled: false }, lookup_secret: { enabled: false } }
      const { client, code } = await open(t, selfservice({}, factors))
      const email = freshEmail()
      const signedUp = await client.signUp({ email }, PASSWORD)
      await client.confirmCode('verification', await code(email), { flowId: flowIdOf(signedUp) })
      await client.logOut()
      const flowId = flowIdOf(await client.logIn(email, PASSWORD))
      const first = await code(email)
      t.match(await client.secondFactor({ codeTo: email }, { flowId }), { kind: 'form', form: { sent: true, errors: [] } })
      t.not(await code(email), first)
      t.match(await client.secondFactor({ code: '000000' }, { flowId }), {
        form: { sent: true, errors: [{ code: 'wrong_code' }] },
      })
      t.match(await client.secondFactor({ code: await code(email) }, { flowId }), { kind: 'done' })
      t.match(await client.session(), { state: 'in' })
    })

    t.test('goes on from a recovery to a new password with the settings that Kratos has by default', async (t) => {
      const { client, code } = await open(t, {
        overrides: { feature_flags: { use_continue_with_transitions: false }, session: { whoami: { required_aal: 'aal1' } } },
      })
      const email = freshEmail()
      await client.signUp({ email }, PASSWORD)
      await client.logOut()
      const sent = await client.recover(email)
      const entered = await client.confirmCode('recovery', await code(email), { flowId: flowIdOf(sent) })
      t.match(entered, { kind: 'settings', flowId: String })
      t.match(await client.changePassword(`${PASSWORD}-2`, { flowId: flowIdOf(entered) }), { kind: 'done' })
      t.match(await client.session(), { state: 'in' })
    })

    t.test('shows what there is where a method or a provider is not offered', async (t) => {
      const { client } = await open(t, {
        oidcProvider: true,
        ...selfservice({}, { password: { enabled: false }, passkey: { enabled: false } }),
      })
      const refused = {
        kind: 'form',
        form: { offers: { providers: [{ id: 'dummy' }] }, errors: [{ field: null, code: 'method_not_offered' }] },
      }
      t.match(await client.logInWith('nobody'), refused)
      t.match(await client.logIn('ada@example.test', PASSWORD), refused)
      t.match(await client.signUp({ email: freshEmail() }, PASSWORD), refused)
    })

    t.test('says so where codes are on, and are no way to log in or sign up', async (t) => {
      const { client } = await open(t, selfservice({}, { code: { passwordless_enabled: false } }))
      const refused = { kind: 'form', form: { sent: false, errors: [{ field: null, code: 'method_not_offered' }] } }
      const email = freshEmail()
      t.match(await client.logInByCode(email), refused)
      const signingUp = await client.signUpByCode({ email })
      t.match(signingUp, refused)
      t.not((await client.signUp({ email }, PASSWORD, { flowId: flowIdOf(signingUp) })).kind, 'form', 'the flow is no dead end')
    })

    t.test('signs up by a passkey where the profile is asked for first, and says where there are none', async (t) => {
      const { client } = await open(t, KEYS)
      plugInPasskey(t, PAGE)
      t.match(await client.signUpWithPasskey({ email: 'nonsense' }), { form: { errors: [{ field: 'traits.email' }] } })
      t.match(await client.signUpWithPasskey({ email: freshEmail() }), { kind: 'confirm_address', isLoggedIn: true })
      await client.logOut()
      t.match(await client.logInWithPasskey(), { kind: 'done' })
      const without = await open(t, {})
      t.match(await without.client.logInWithPasskey(), { form: { errors: [{ code: 'method_not_offered' }] } })
    })

    t.test('takes a security key as the second factor', async (t) => {
      const { client } = await open(t, { ...KEYS, schema: schemaWithSecurityKeys() })
      plugInPasskey(t, PAGE)
      const email = freshEmail()
      await client.signUp({ email }, PASSWORD)
      t.match(await client.addSecurityKey('blue'), { kind: 'done' })
      const settings = formOf(await client.form('settings', { query: '?method=webauthn' }))
      t.match(settings?.offers.securityKeys, [{ name: 'blue', addedAt: String }])
      await client.logOut()
      const half = await client.logIn(email, PASSWORD)
      t.match(await client.follow(half), { kind: 'form', form: { flow: 'login', offers: { securityKey: /challenge/ } } })
      t.match(await client.secondFactorWithKey(), { kind: 'done' })
      t.match(await client.session(), { state: 'in' })
      t.match(await client.removeSecurityKey(settings?.offers.securityKeys[0]?.id ?? ''), { kind: 'done' })
    })

    t.test('tells what a social login came to: declined, or the address has an account already', async (t) => {
      const { client, provider, throughProvider } = await open(t, { oidcProvider: true })
      const email = freshEmail()
      await client.signUp({ email }, PASSWORD)
      await client.logOut()
      provider?.refuse()
      const declined = await throughProvider(await client.logInWith('dummy'))
      t.match(await client.form('login', { flowId: declined }), { form: { errors: [{ code: 'provider_refused' }] } })
      provider?.signInAs({ sub: email, email })
      const flowId = await throughProvider(await client.logInWith('dummy'))
      t.match(await client.form('login', { flowId }), { form: { errors: [], offers: { identifier: email, linksTo: 'Dummy' } } })
      t.match(await client.logIn(email, PASSWORD, { flowId }), { kind: 'done' })
      t.match(await client.form('settings'), { form: { offers: { linked: [{ id: 'dummy' }] } } })
    })

    t.test('says whether somebody who has to confirm an address is logged in already', async (t) => {
      const here = await open(t, {})
      t.match(await here.client.signUp({ email: freshEmail() }, PASSWORD), { kind: 'confirm_address', isLoggedIn: true })
      const strict = await open(t, selfservice({
        registration: { after: { password: { hooks: [{ hook: 'show_verification_ui' }] } } },
        login: { after: { password: { hooks: [{ hook: 'require_verified_address' }] } } },
      }))
      const email = freshEmail()
      t.match(await strict.client.signUp({ email }, PASSWORD), { kind: 'confirm_address', isLoggedIn: false })
      t.match(await strict.client.session(), { state: 'out' })
      t.match(await strict.client.logIn(email, PASSWORD), { kind: 'confirm_address', isLoggedIn: false })
    })

    t.test('has another code sent in a login or sign-up by code', async (t) => {
      const { client, code } = await open(t, selfservice({}, { code: { passwordless_enabled: true } }))
      const email = freshEmail()
      const first = await client.signUpByCode({ email })
      const lost = await code(email)
      t.match(await client.signUpByCode({ email }, undefined, { flowId: flowIdOf(first) }), { form: { sent: true } })
      t.not(await code(email), lost)
      const wrong = await client.signUpByCode({ email }, '000000', { flowId: flowIdOf(first) })
      t.match(wrong, { form: { sent: true, errors: [{ code: 'wrong_code' }] } })
      t.not((await client.signUpByCode({ email }, await code(email), { flowId: flowIdOf(first) })).kind, 'form')
      t.match(await client.session(), { state: 'in' })
    })

    t.test('serves people who have a name and no address, and a profile of several levels', async (t) => {
      const login = { type: 'string', ...identifier }
      const nested = { type: 'object', properties: { city: { type: 'string', minLength: 3 } } }
      const traits = { properties: { login, home: nested }, required: ['login'], additionalProperties: false }
      const { client } = await open(t, {
        schema: identitySchema('login', traits),
        ...selfservice({ recovery: { enabled: false }, verification: { enabled: false } }),
      })
      t.match(await client.signUp({ login: 'ada-l', home: { city: 'x' } }, PASSWORD), {
        form: { errors: [{ field: 'traits.home.city', code: 'too_short' }] },
      })
      t.match(await client.signUp({ login: 'ada-l' }, PASSWORD), { kind: 'done' })
      t.match(await client.changeProfile({ login: 'ada-l', home: { city: 'London' } }), { kind: 'done' })
      t.match(await client.session(), { user: { email: null, traits: { home: { city: 'London' } } } })
      t.match(await client.form('verification'), { kind: 'form' }, 'what is switched off leads somewhere')
    })

    t.test('asks for one of several addresses, and for the whole of it, where the product wants that', async (t) => {
      const node = (name: string, value: string) =>
        ({ type: 'input', group: 'code', attributes: { name, value }, meta: { label: { text: 'a****' } } })
      const steps: Array<[form: Array<ReturnType<typeof node>>, given: string, sent: object]> = [
        [[node('recovery_address', '')], 'a@example.test', { recovery_address: 'a@example.test' }],
        [
          [node('recovery_select_address', 'one'), node('recovery_address', 'a@example.test')],
          'one',
          { recovery_select_address: 'one', recovery_address: 'a@example.test' },
        ],
        [
          [node('recovery_confirm_address', ''), node('recovery_address', 'a@example.test')],
          'a@example.test',
          { recovery_confirm_address: 'a@example.test' },
        ],
      ]
      for (const [nodes, given, sent] of steps) {
        const service = await startFaultServer(t, answer(200, { success: true, data: { next: 'form', id: '1', ui: { nodes } } }))
        const outcome = await createClient({ baseUrl: service.url }).recover(given)
        const asked = nodes.filter(({ attributes }) => attributes.name === 'recovery_select_address')
        t.match(formOf(outcome)?.offers.addresses, asked.map(() => ({ id: 'one', label: 'a****' })))
        t.match(JSON.parse(service.requests.at(-1)?.body ?? '{}'), { method: 'code', ...sent })
      }
    })
  })
}
