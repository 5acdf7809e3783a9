import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'
import type { JsonObject } from '../../kratos/embedded/json.js'
import { browser, messages, node, type Browser, type Page } from './browser.js'
import { call, PASSWORD } from './client.js'
import { newAuthenticator, type Authenticator } from './passkeys/authenticator.js'

const ORIGIN = 'http://localhost:4455'
const EVIL = 'http://evil.test'
const EMAIL = 'ada@example.test'
const traits = { email: EMAIL }

const rp = { id: 'localhost', display_name: 'Example', origins: [ORIGIN] }

const schema = {
  $id: 'https://example.test/person.json',
  type: 'object',
  properties: {
    traits: {
      type: 'object',
      properties: {
        email: {
          type: 'string',
          format: 'email',
          title: 'E-Mail',
          'ory.sh/kratos': {
            credentials: {
              password: { identifier: true },
              webauthn: { identifier: true },
              passkey: { display_name: true },
            },
          },
        },
      },
    },
  },
}

async function start (t: Test, selfservice: { methods: JsonObject, flows?: JsonObject }): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos({
    schema,
    config: {
      selfservice: {
        default_browser_return_url: `${ORIGIN}/`,
        ...selfservice,
        flows: {
          ...selfservice.flows,
          registration: {
            style: 'unified',
            after: { passkey: { hooks: [{ hook: 'session' }] }, webauthn: { hooks: [{ hook: 'session' }] } },
          },
        },
      },
      secrets: { cookie: ['a-cookie-secret-for-tests'] },
      hashers: { bcrypt: { cost: 4 } },
    },
    dev: true,
  })
  t.teardown(async () => await kratos.close())
  return kratos
}

const NO_CODE = { enabled: true, passwordless_enabled: false }
const startPasskeys = async (t: Test, flows: JsonObject = {}): Promise<EmbeddedKratos> =>
  await start(t, { methods: { passkey: { enabled: true, config: { rp } }, code: NO_CODE }, flows })
const startKeys = async (t: Test, passwordless: boolean): Promise<EmbeddedKratos> =>
  await start(t, { methods: { webauthn: { enabled: true, config: { passwordless, rp } }, code: NO_CODE } })

const open = async (b: Browser, { publicUrl }: EmbeddedKratos, flow: string, query = ''): Promise<Page> =>
  await b.go(`${publicUrl}/self-service/${flow}/browser${query}`)

const value = (page: Page, name: string): any => JSON.parse(node(page, name)?.['attributes'].value)

/** Signs a person up with a new passkey. */
async function signUp (b: Browser, kratos: EmbeddedKratos, email = EMAIL): Promise<Authenticator> {
  const authenticator = newAuthenticator()
  const flow = await open(b, kratos, 'registration')
  const { publicKey } = value(flow, 'passkey_create_data').credentialOptions
  const answer = authenticator.create(publicKey, { origin: ORIGIN })
  const page = await b.submit(flow, { method: 'passkey', passkey_register: answer, traits: { email } })
  if (page.status !== 200) throw new Error(JSON.stringify(page.body))
  return authenticator
}

/** Signs a person up with a security key that is a first factor. */
async function signUpWithKey (b: Browser, kratos: EmbeddedKratos): Promise<Authenticator> {
  const authenticator = newAuthenticator()
  const flow = await open(b, kratos, 'registration')
  const { publicKey } = value(flow, 'webauthn_register_trigger')
  const answer = authenticator.create(publicKey, { origin: ORIGIN, isVerified: false })
  const fields = { webauthn_register: answer, webauthn_register_displayname: 'blue key', traits }
  const page = await b.submit(flow, fields)
  if (page.status !== 200) throw new Error(JSON.stringify(page.body))
  return authenticator
}

const whoami = async (b: Browser, { publicUrl }: EmbeddedKratos): Promise<Page> =>
  await b.go(`${publicUrl}/sessions/whoami`)

const methodsOf = ({ body }: Page): string[] =>
  body['authentication_methods'].map(({ method, aal }: Record<string, string>) => `${method} ${aal}`)

async function credentialOf ({ adminUrl }: EmbeddedKratos, id: string, type: string): Promise<Record<string, any>> {
  const { body } = await call('GET', `${adminUrl}/admin/identities/${id}?include_credential=${type}`)
  return body['credentials'][type]
}

const names = ({ body }: Page, group: string): string[] =>
  body['ui'].nodes.filter((node: any) => node.group === group)
    .map(({ attributes }: any) => String(attributes.name ?? attributes.id))

export default async function (t: Test): Promise<void> {
  t.test('registration with a passkey', async (t) => {
    t.test('offers the options and the script that a browser needs', async (t) => {
      const kratos = await startPasskeys(t)
      const flow = await open(browser(), kratos, 'registration')
      t.strictSame(names(flow, 'passkey'), ['passkey_register_trigger', 'passkey_register', 'passkey_create_data'])
      t.equal(node(flow, 'passkey_register_trigger')?.['attributes'].onclick, 'window.oryPasskeyRegistration()')
      const { credentialOptions, displayNameFieldName } = value(flow, 'passkey_create_data')
      t.equal(displayNameFieldName, 'traits.email')
      t.match(credentialOptions.publicKey, {
        rp: { id: 'localhost', name: 'Example' },
        user: { name: 'Example', displayName: 'Example' },
        timeout: 300_000,
        authenticatorSelection: { authenticatorAttachment: 'platform', residentKey: 'required' },
      })
      const script = flow.body['ui'].nodes.find(({ type }: any) => type === 'script')
      const answer = await fetch(script.attributes.src)
      t.equal(answer.headers.get('content-type'), 'text/javascript; charset=UTF-8')
      const hash = await crypto.subtle.digest('SHA-512', await answer.arrayBuffer())
      t.equal(script.attributes.integrity, `sha512-${Buffer.from(hash).toString('base64')}`)
    })

    t.test('gives a native app the same without script', async (t) => {
      const kratos = await startPasskeys(t)
      const { body } = await call('GET', `${kratos.publicUrl}/self-service/registration/api`)
      const trigger = node({ body }, 'passkey_register_trigger')
      t.equal(trigger?.['attributes'].onclick, undefined)
      t.equal(trigger?.['attributes'].onclickTrigger, 'oryPasskeyRegistration')
      t.notOk(body['ui'].nodes.some(({ type }: any) => type === 'script'))
    })

    t.test('stores the key as Kratos does and gives a session', async (t) => {
      const kratos = await startPasskeys(t)
      const b = browser()
      const authenticator = await signUp(b, kratos)
      const session = await whoami(b, kratos)
      t.strictSame(methodsOf(session), ['passkey aal1'])
      const credential = await credentialOf(kratos, session.body['identity'].id, 'passkey')
      const [key] = credential['config'].credentials
      t.match(credential, { identifiers: [Buffer.from(authenticator.userHandle, 'base64url').toString()], version: 1 })
      t.match(key, {
        attestation_type: 'none',
        display_name: '',
        is_passwordless: true,
        authenticator: { sign_count: 1, clone_warning: false },
        flags: { user_present: true, user_verified: true, backup_eligible: false, backup_state: false },
      })
      t.equal(Buffer.from(key.id, 'base64').toString('base64url'), authenticator.id)
    })

    t.test('refuses what does not fit, each with its own reason', async (t) => {
      const kratos = await startPasskeys(t)
      const b = browser()
      const flow = await open(b, kratos, 'registration')
      const { publicKey } = value(flow, 'passkey_create_data').credentialOptions
      const { create } = newAuthenticator()
      const cases: Array<[string, string, number, string]> = [
        ['no answer', 'x', 400, 'Unable to parse WebAuthn response: Parse error for Registration'],
        [
          'no attestation',
          JSON.stringify({ id: 'YQ', rawId: 'YQ', type: 'public-key', response: {} }),
          400,
          'Unable to parse WebAuthn response: Error parsing attestation response',
        ],
        ['origin', create(publicKey, { origin: EVIL }), 500, 'Error validating origin'],
        [
          'challenge',
          create({ ...publicKey, challenge: 'AAAA' }, { origin: ORIGIN }),
          500,
          'Error validating challenge',
        ],
        [
          'RP ID',
          create(publicKey, { origin: ORIGIN, rpId: 'evil.test' }),
          500,
          'Error validating the authenticator response',
        ],
        [
          'ceremony',
          create(publicKey, { origin: ORIGIN, clientData: { type: 'webauthn.get' } }),
          500,
          'Error validating ceremony type',
        ],
      ]
      for (const [what, answer, status, reason] of cases) {
        const page = await b.submit(flow, { passkey_register: answer, traits })
        t.equal(page.status, status, what)
        t.match(JSON.stringify(page.body), reason, what)
      }
      t.equal((await whoami(b, kratos)).status, 401)
    })

    t.test('is not meant by an empty answer, or by the "true" of the React SDK', async (t) => {
      const kratos = await startPasskeys(t)
      const b = browser()
      const flow = await open(b, kratos, 'registration')
      for (const answer of ['', 'true']) {
        const page = await b.submit(flow, { method: 'passkey', passkey_register: answer, traits })
        t.strictSame([page.status, messages(page)], [400, [4010003]])
      }
    })

    t.test('fails with 500 while the schema names no trait for it', async (t) => {
      const email = {
        type: 'string',
        format: 'email',
        title: 'E-Mail',
        'ory.sh/kratos': { credentials: { password: { identifier: true } } },
      }
      const kratos = await startEmbeddedKratos({
        schema: { type: 'object', properties: { traits: { type: 'object', properties: { email } } } },
        overrides: { selfservice: { methods: { passkey: { enabled: true, config: { rp } } } } },
      })
      t.teardown(async () => await kratos.close())
      const { status, body } = await call('GET', `${kratos.publicUrl}/self-service/registration/api`)
      t.strictSame([status, body['error'].message], [500, 'no identifier found'])
    })
  })

  t.test('login with a passkey', async (t) => {
    t.test('finds out who it is, and does not count up', async (t) => {
      const kratos = await startPasskeys(t)
      const authenticator = await signUp(browser(), kratos)
      const b = browser()
      for (const query of ['', '?refresh=true']) {
        const flow = await open(b, kratos, 'login', query)
        const { publicKey } = value(flow, 'passkey_challenge')
        t.strictSame(publicKey.allowCredentials?.map(({ id }: any) => id), query === '' ? undefined : [authenticator.id])
        const answer = authenticator.get(publicKey, { origin: ORIGIN, isVerified: false })
        t.equal((await b.submit(flow, { passkey_login: answer })).status, 200)
      }
      const session = await whoami(b, kratos)
      t.strictSame(methodsOf(session), ['passkey aal1', 'passkey aal1'])
      const { config } = await credentialOf(kratos, session.body['identity'].id, 'passkey')
      t.equal(config.credentials[0].authenticator.sign_count, 1)
    })

    t.test('answers every wrong key with the same message', async (t) => {
      const kratos = await startPasskeys(t)
      const { get, userHandle } = await signUp(browser(), kratos)
      const b = browser()
      const flow = await open(b, kratos, 'login')
      const { publicKey } = value(flow, 'passkey_challenge')
      const stranger = Object.assign(newAuthenticator(), { userHandle })
      const cases: Record<string, [string, number]> = {
        'not known': [newAuthenticator().get(publicKey, { origin: ORIGIN }), 4000015],
        'another key': [stranger.get(publicKey, { origin: ORIGIN }), 4000008],
        origin: [get(publicKey, { origin: EVIL }), 4000008],
        challenge: [get({ ...publicKey, challenge: 'AAAA' }, { origin: ORIGIN }), 4000008],
        'RP ID': [get(publicKey, { origin: ORIGIN, rpId: 'evil.test' }), 4000008],
        ceremony: [get(publicKey, { origin: ORIGIN, clientData: { type: 'webauthn.create' } }), 4000008],
        'no answer': ['x', 4000001],
      }
      for (const [what, [answer, message]] of Object.entries(cases)) {
        const page = await b.submit(flow, { passkey_login: answer })
        t.strictSame([page.status, messages(page)], [400, [message]], what)
      }
      t.equal((await b.submit(flow, { csrf_token: 'x', passkey_login: get(publicKey, { origin: ORIGIN }) })).status, 403)
      t.equal((await b.submit(flow, { passkey_login: get(publicKey, { origin: ORIGIN }) })).status, 200)
    })

    t.test('works in a native app, and after the identifier', async (t) => {
      const kratos = await startPasskeys(t, { login: { style: 'identifier_first' } })
      const authenticator = await signUp(browser(), kratos)
      const { body } = await call('GET', `${kratos.publicUrl}/self-service/login/api`)
      t.equal(node({ body }, 'passkey_login_trigger'), undefined)
      const next = await call('POST', body['ui'].action, { body: { method: 'identifier_first', identifier: EMAIL } })
      t.equal(node(next, 'passkey_login_trigger')?.['attributes'].onclickTrigger, 'oryPasskeyLogin')
      const { publicKey } = JSON.parse(node(next, 'passkey_challenge')?.['attributes'].value)
      const login = await call('POST', body['ui'].action, {
        body: { passkey_login: authenticator.get(publicKey, { origin: ORIGIN }) },
      })
      t.match(login.body, { session_token: /^ory_st_/ })
    })
  })

  t.test('settings with passkeys', async (t) => {
    t.test('adds a second one, names it after its maker, and removes all but the last', async (t) => {
      const kratos = await startPasskeys(t)
      const b = browser()
      const first = await signUp(b, kratos)
      const flow = await open(b, kratos, 'settings')
      t.equal(node(flow, 'passkey_remove')?.['attributes'].disabled, true)
      const refused = await b.submit(flow, { passkey_remove: first.hexId })
      t.equal(refused.status, 400)
      t.match(node(refused, 'webauthn_remove')?.['messages'], [{ text: /would lock you out/ }])

      const second = newAuthenticator()
      const { publicKey } = value(flow, 'passkey_create_data')
      t.equal(publicKey.user.name, EMAIL)
      const answer = second.create(publicKey, {
        origin: ORIGIN,
        aaguid: Buffer.from('fbfc3007154e4ecc8c0b6e020557d7bd', 'hex'),
      })
      const saved = await b.submit(flow, { passkey_settings_register: answer })
      t.equal(saved.status, 200)
      t.match(node(saved, 'passkey_remove', second.hexId)?.['meta'].label, {
        id: 1050020,
        text: 'Remove passkey "iCloud Keychain"',
      })
      t.strictSame(methodsOf(await whoami(b, kratos)), ['passkey aal1', 'passkey aal1'])

      const removed = await b.submit(await open(b, kratos, 'settings'), { passkey_remove: first.hexId })
      t.equal(removed.status, 200)
      const other = browser()
      const login = await open(other, kratos, 'login')
      const { publicKey: asked } = value(login, 'passkey_challenge')
      t.equal((await other.submit(login, { passkey_login: first.get(asked, { origin: ORIGIN }) })).status, 400)
      t.equal((await other.submit(login, { passkey_login: second.get(asked, { origin: ORIGIN }) })).status, 200)
    })

    t.test('keeps a passkey of an admin: Kratos cannot delete it', async (t) => {
      const kratos = await startPasskeys(t)
      const b = browser()
      await signUp(b, kratos)
      const { id } = (await whoami(b, kratos)).body['identity']
      const { status } = await call('DELETE', `${kratos.adminUrl}/admin/identities/${id}/credentials/passkey`)
      t.equal(status, 400)
    })
  })

  t.test('security keys as first factor', async (t) => {
    t.test('ask for the identifier, then for the key', async (t) => {
      const kratos = await startKeys(t, true)
      const authenticator = await signUpWithKey(browser(), kratos)
      const b = browser()
      const flow = await open(b, kratos, 'login')
      t.strictSame(messages(await b.submit(flow, { method: 'webauthn', identifier: 'bob@example.test' })), [4000015])
      const started = await b.submit(flow, { method: 'webauthn', identifier: EMAIL })
      t.match([started.status, started.body['error'].id], [422, 'browser_location_change_required'])
      const asked = await b.go(`${kratos.publicUrl}/self-service/login/flows?id=${flow.body['id']}`)
      t.equal(node(asked, 'webauthn_login_trigger')?.['meta'].label.id, 1010013)
      t.ok(messages(asked).includes(1010012))
      const { publicKey } = value(asked, 'webauthn_login_trigger')
      const wrong = { identifier: EMAIL, webauthn_login: authenticator.get(publicKey, { origin: EVIL }) }
      t.strictSame(messages(await b.submit(asked, wrong)), [4000008])
      const right = { identifier: EMAIL, webauthn_login: authenticator.get(publicKey, { origin: ORIGIN }) }
      t.equal((await b.submit(asked, right)).status, 200)
      t.strictSame(methodsOf(await whoami(b, kratos)), ['webauthn aal1'])
    })

    t.test('say what a sign-up lacks', async (t) => {
      const kratos = await startKeys(t, true)
      const b = browser()
      const page = await b.submit(await open(b, kratos, 'registration'), { method: 'webauthn', traits })
      t.equal(page.status, 400)
      t.match(node(page, 'webauthn_register')?.['messages'], [{ id: 4000002 }])
      t.match(node(page, 'identifier')?.['messages'], [{ id: 4000002 }])
    })

    t.test('stay when an admin deletes the second factors', async (t) => {
      const kratos = await startKeys(t, true)
      const b = browser()
      await signUpWithKey(b, kratos)
      const { id } = (await whoami(b, kratos)).body['identity']
      const { status } = await call('DELETE', `${kratos.adminUrl}/admin/identities/${id}/credentials/webauthn`)
      t.equal(status, 204)
      t.match((await credentialOf(kratos, id, 'webauthn'))['config'].credentials, [{ display_name: 'blue key' }])
    })
  })

  t.test('security keys as second factor', async (t) => {
    async function withKey (t: Test): Promise<{ kratos: EmbeddedKratos, b: Browser, authenticator: Authenticator }> {
      const kratos = await startKeys(t, false)
      await call('POST', `${kratos.adminUrl}/admin/identities`, {
        body: { schema_id: 'default', traits, credentials: { password: { config: { password: PASSWORD } } } },
      })
      const b = browser()
      await b.submit(await open(b, kratos, 'login'), { method: 'password', identifier: EMAIL, password: PASSWORD })
      const flow = await open(b, kratos, 'settings')
      const authenticator = newAuthenticator()
      const { publicKey } = value(flow, 'webauthn_register_trigger')
      const answer = authenticator.create(publicKey, { origin: ORIGIN })
      const nameless = await b.submit(flow, { webauthn_register: answer })
      t.match(node(nameless, 'webauthn_register_displayname')?.['messages'], [{ id: 4000002 }])
      const saved = await b.submit(flow, { webauthn_register: answer, webauthn_register_displayname: 'blue key' })
      t.equal(saved.status, 200)
      return { kratos, b, authenticator }
    }

    t.test('count as used when they are set up, and can be removed', async (t) => {
      const { kratos, b, authenticator } = await withKey(t)
      const session = await whoami(b, kratos)
      t.equal(session.body['authenticator_assurance_level'], 'aal2')
      t.strictSame(methodsOf(session), ['password aal1', 'webauthn aal2'])
      const removed = await b.submit(await open(b, kratos, 'settings'), { webauthn_remove: authenticator.hexId })
      t.equal(removed.status, 200)
      t.equal(node(removed, 'webauthn_remove'), undefined)
    })

    t.test('are asked for after the password', async (t) => {
      const { kratos, authenticator } = await withKey(t)
      const b = browser()
      const flow = await open(b, kratos, 'login')
      t.strictSame(messages(await b.submit(flow, { method: 'webauthn', identifier: EMAIL })), [4010002])
      await b.submit(flow, { method: 'password', identifier: EMAIL, password: PASSWORD })
      t.equal((await whoami(b, kratos)).status, 403)
      const second = await open(b, kratos, 'login', '?aal=aal2')
      const { publicKey } = value(second, 'webauthn_login_trigger')
      t.equal((await b.submit(second, { method: 'webauthn' })).status, 400)
      const right = { identifier: EMAIL, webauthn_login: authenticator.get(publicKey, { origin: ORIGIN }) }
      t.equal((await b.submit(second, right)).status, 200)
      t.strictSame(methodsOf(await whoami(b, kratos)), ['password aal1', 'webauthn aal2'])
    })
  })

  t.test('the configuration of passkeys and security keys', async (t) => {
    const begin = async (t: Test, method: string, config?: JsonObject): Promise<string> => {
      const methods = { [method]: { enabled: true, ...(config === undefined ? {} : { config }) } }
      try {
        await start(t, { methods })
        return 'starts'
      } catch (error) {
        return String(error)
      }
    }
    const party = { id: 'localhost', display_name: 'Example' }

    t.test('is taken and refused as by Kratos', async (t) => {
      const cases: Array<[string, JsonObject | undefined, RegExp]> = [
        ['passkey', undefined, /methods\.passkey lacks config/],
        ['webauthn', undefined, /methods\.webauthn lacks config/],
        ['passkey', {}, /starts/],
        ['passkey', { rp: party }, /starts/],
        ['passkey', { rp: { ...party, origins: ['not a URL'] } }, /starts/],
        ['passkey', { rp: { id: 'localhost' } }, /config\.rp lacks display_name/],
        ['passkey', { rp: { display_name: 'Example' } }, /config\.rp lacks id/],
        ['passkey', { rp: { ...party, origins: ORIGIN } }, /config\.rp\.origins wants a list/],
        ['passkey', { passwordless: true }, /passkey\.config has no setting "passwordless"/],
        ['webauthn', { passwordless: 'yes' }, /passwordless wants true or false/],
        ['webauthn', { rp: { ...party, origin: ORIGIN, icon: 'https://example.test/icon.png' } }, /starts/],
        ['webauthn', { rp: { ...party, origins: [ORIGIN] } }, /starts/],
        ['webauthn', { rp: { ...party, origin: ORIGIN, origins: [ORIGIN] } }, /has origin and origins/],
        ['webauthn', { rp: { ...party, origins: ['localhost'] } }, /config\.rp\.origins\[0\] wants a URL/],
      ]
      for (const [method, config, expected] of cases) t.match(await begin(t, method, config), expected)
    })

    t.test('without a relying party fails when it is used', async (t) => {
      const kratos = await start(t, { methods: { passkey: { enabled: true, config: {} } } })
      const { status, body } = await call('GET', `${kratos.publicUrl}/self-service/login/api`)
      t.equal(status, 500)
      t.match(body['error'].message, /the relying party id must be provided/)
    })

    t.test('without origins takes the one of the relying party', async (t) => {
      const kratos = await start(t, { methods: { passkey: { enabled: true, config: { rp: party } } } })
      const b = browser()
      const flow = await open(b, kratos, 'registration')
      const { publicKey } = value(flow, 'passkey_create_data').credentialOptions
      const answer = newAuthenticator().create(publicKey, { origin: 'http://LOCALHOST' })
      t.equal((await b.submit(flow, { passkey_register: answer, traits })).status, 200)
    })
  })
}
