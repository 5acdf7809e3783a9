import { generateKeyPairSync, sign } from 'node:crypto'
import type { Test } from 'tap'
import { systemClock } from '../../kratos/embedded/clock.js'
import {
  startEmbeddedKratos,
  type EmbeddedKratos,
  type EmbeddedKratosOptions,
  type OidcProvider,
} from '../../kratos/embedded/index.js'
import type { JsonObject } from '../../kratos/embedded/json.js'
import { verifiedClaims } from '../../kratos/embedded/methods/oidc/id-token.js'
import { browser, messages, node, type Browser, type Page } from './browser.js'
import { call, logIn, PASSWORD, register } from './client.js'

const EMAIL = 'ada@example.test'

type Hosting = EmbeddedKratos & { oidcProvider: OidcProvider }

async function start (t: Test, more: Partial<EmbeddedKratosOptions> = {}): Promise<Hosting> {
  const kratos = await startEmbeddedKratos({
    overrides: { hashers: { bcrypt: { cost: 4 } } },
    oidcProvider: true,
    ...more,
  })
  t.teardown(async () => await kratos.close())
  return kratos as Hosting
}

/** Goes to the provider, up to the URL that leads back. */
async function leave (
  kratos: Hosting,
  visitor: Browser,
  claims: JsonObject & { sub: string },
  flow = 'login',
): Promise<{ address: string, callback: string }> {
  kratos.oidcProvider.signInAs(claims)
  const form = await visitor.go(`${kratos.publicUrl}/self-service/${flow}/browser`)
  const sent = await visitor.submit(
    form,
    flow === 'settings' ? { link: 'dummy' } : { method: 'oidc', provider: 'dummy' },
  )
  const address: string = sent.body['redirect_browser_to']
  return { address, callback: (await visitor.go(address)).location }
}

/** Goes to the provider and back; returns the callback's answer. */
const viaProvider = async (
  kratos: Hosting,
  visitor: Browser,
  claims: JsonObject & { sub: string },
  flow?: string,
): Promise<Page> => await visitor.go((await leave(kratos, visitor, claims, flow)).callback)

const whoami = async ({ publicUrl }: Hosting, visitor: Browser): Promise<Page> =>
  await visitor.go(`${publicUrl}/sessions/whoami`)

function caught (action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

export default async function (t: Test): Promise<void> {
  t.test('social login', async (t) => {
    t.test('registers a new user, then logs in with the same account, from both forms', async (t) => {
      const kratos = await start(t)
      const ids = new Set<string>()
      for (const flow of ['login', 'registration', 'login']) {
        const visitor = browser()
        await viaProvider(kratos, visitor, { sub: 's1', email: ids.size === 0 ? EMAIL : 'changed@example.test' }, flow)
        const { body } = await whoami(kratos, visitor)
        t.match(body, {
          identity: { traits: { email: EMAIL } },
          authentication_methods: [{ method: 'oidc', aal: 'aal1', provider: 'dummy' }],
        })
        ids.add(body['identity'].id)
      }
      t.equal(ids.size, 1)
    })

    t.test('asks for traits that the provider does not have', async (t) => {
      const kratos = await start(t)
      const visitor = browser()
      const page = await viaProvider(kratos, visitor, { sub: 's1' })
      t.equal(node(page, 'traits.email')?.messages[0].id, 4000002)
      const again = await visitor.submit(page, { method: 'oidc', provider: 'dummy', traits: { email: EMAIL } })
      await visitor.go((await visitor.go(again.body['redirect_browser_to'])).location)
      t.equal((await whoami(kratos, visitor)).body['identity'].traits.email, EMAIL)
    })

    t.test('links the account to the owner of the address only after their password', async (t) => {
      const kratos = await start(t)
      await register(kratos.publicUrl, EMAIL)
      await register(kratos.publicUrl, 'eve@example.test')
      const visitor = browser()
      const page = await viaProvider(kratos, visitor, { sub: 's1', email: EMAIL })
      t.same(messages(page), [1010016])
      t.equal(
        (await visitor.submit(page, { method: 'password', identifier: EMAIL, password: 'Wrong-one-42' })).status,
        400,
      )
      const stranger = await visitor.submit(page, {
        method: 'password',
        identifier: 'eve@example.test',
        password: PASSWORD,
      })
      t.notOk(stranger.status === 200, 'somebody else is not linked')
      await visitor.submit(page, { method: 'password', identifier: EMAIL, password: PASSWORD })
      const later = browser()
      await viaProvider(kratos, later, { sub: 's1', email: EMAIL })
      t.equal((await whoami(kratos, later)).body['identity'].traits.email, EMAIL)
    })

    t.test('links the account only after a second factor, if there is one', async (t) => {
      const kratos = await start(t, { overrides: { session: { whoami: { required_aal: 'highest_available' } } } })
      const ada = await kratos.createIdentity({ email: EMAIL }, PASSWORD)
      const { token } = kratos.signIn(ada)
      const headers = { 'x-session-token': token }
      const settings = await call('GET', `${kratos.publicUrl}/self-service/settings/api`, { headers })
      const regenerated = await call('POST', settings.body['ui'].action, {
        headers,
        body: { method: 'lookup_secret', lookup_secret_regenerate: true },
      })
      await call('POST', settings.body['ui'].action, {
        headers,
        body: { method: 'lookup_secret', lookup_secret_confirm: true },
      })
      const codes: string[] = regenerated.body['ui'].nodes
        .find(({ attributes }: any) => attributes.id === 'lookup_secret_codes')
        .attributes.text.context.secrets.map(({ context }: any) => context.secret)

      const visitor = browser()
      const page = await viaProvider(kratos, visitor, { sub: 's1', email: EMAIL })
      const second = await visitor.submit(page, { method: 'password', identifier: EMAIL, password: PASSWORD })
      t.equal(second.body['requested_aal'], 'aal2')
      const early = browser()
      t.same(messages(await viaProvider(kratos, early, { sub: 's1', email: EMAIL })), [1010016], 'not linked yet')
      t.equal((await visitor.submit(second, { method: 'lookup_secret', lookup_secret: codes[0] })).status, 200)
      t.equal(
        (await viaProvider(kratos, browser(), { sub: 's1', email: EMAIL })).status,
        422,
        'linked: only the second factor is missing',
      )
    })

    t.test('shows in the form that the user declined', async (t) => {
      const kratos = await start(t)
      const visitor = browser()
      kratos.oidcProvider.refuse()
      const form = await visitor.go(`${kratos.publicUrl}/self-service/login/browser`)
      const { body } = await visitor.submit(form, { method: 'oidc', provider: 'dummy' })
      const page = await visitor.go((await visitor.go(body['redirect_browser_to'])).location)
      t.match(page.body['ui'].messages, [{ text: /access_denied/ }])
    })

    t.test('refuses the return of another browser, and a late return', async (t) => {
      let ahead = 0
      const kratos = await start(t, { clock: { ...systemClock, now: () => Date.now() + ahead } })
      const [victim, thief] = [browser(), browser()]
      const { callback } = await leave(kratos, victim, { sub: 'victim', email: EMAIL })
      const { callback: lure } = await leave(kratos, thief, { sub: 'thief', email: 'thief@example.test' })
      t.equal((await browser().go(callback)).status, 400, 'without the cookie')
      t.equal((await thief.go(callback)).status, 400, 'with the cookie of somebody else')
      t.equal((await victim.go(lure)).status, 400, 'into the account of somebody else')
      t.equal((await victim.go(callback.replace(/state=[0-9a-f]{8}/, 'state=00000000'))).status, 400)
      ahead = 31 * 60_000
      t.equal((await victim.go(callback)).status, 410)
      t.equal((await whoami(kratos, victim)).status, 401)
    })

    t.test('uses PKCE: the code works once, and only with the verifier', async (t) => {
      const kratos = await start(t)
      const visitor = browser()
      const left = await leave(kratos, visitor, { sub: 's1', email: EMAIL })
      const callback = new URL(left.callback)
      t.equal(new URL(left.address).searchParams.get('code_challenge_method'), 'S256')
      const redeem = async (): Promise<number> =>
        (await fetch(`${kratos.oidcProvider.issuer}/token`, {
          method: 'POST',
          body: new URLSearchParams({
            code: callback.searchParams.get('code') ?? '',
            redirect_uri: `${callback.origin}${callback.pathname}`,
            client_id: String(kratos.oidcProvider.config['client_id']),
            client_secret: String(kratos.oidcProvider.config['client_secret']),
          }),
        })).status
      t.equal(await redeem(), 400)
      t.match((await visitor.go(callback.toString())).body['error'], { message: /invalid_grant/ })
      t.equal((await whoami(kratos, visitor)).status, 401)
    })

    t.test('is linked and unlinked in the settings, except as the last way to log in', async (t) => {
      const kratos = await start(t)
      await register(kratos.publicUrl, EMAIL)
      const visitor = browser()
      const form = await visitor.go(`${kratos.publicUrl}/self-service/login/browser`)
      await visitor.submit(form, { method: 'password', identifier: EMAIL, password: PASSWORD })
      const page = await viaProvider(kratos, visitor, { sub: 's9', email: 'elsewhere@example.test' }, 'settings')
      t.same(messages(page), [1050001])
      t.ok(node(page, 'unlink', 'dummy'))
      const gone = await visitor.submit(page, { unlink: 'dummy' })
      t.ok(node(gone, 'link', 'dummy'))
      const alone = browser()
      await viaProvider(kratos, alone, { sub: 's2', email: 'b@example.test' }, 'registration')
      const settings = await alone.go(`${kratos.publicUrl}/self-service/settings/browser`)
      t.notOk(node(settings, 'unlink'))
      t.equal((await alone.submit(settings, { unlink: 'dummy' })).status, 400)
      t.equal((await logIn(kratos.publicUrl, EMAIL)).status, 200)
    })
  })

  t.test('the test provider asks who the visitor is and trusts the answer', async (t) => {
    const kratos = await start(t)
    const visitor = browser()
    const form = await visitor.go(`${kratos.publicUrl}/self-service/login/browser`)
    const { body } = await visitor.submit(form, {
      method: 'oidc',
      provider: 'dummy',
      upstream_parameters: { login_hint: '"><b>x' },
    })
    const page = await visitor.go(body['redirect_browser_to'])
    t.match(page.body['text'], /<form method="get"[^]*value="&quot;>&lt;b>x"/)
    const back = await visitor.go(`${String(body['redirect_browser_to'])}&sub=s1&email=${EMAIL}`)
    await visitor.go(back.location)
    t.equal((await whoami(kratos, visitor)).body['identity'].traits.email, EMAIL)
  })

  t.test('ID token', async (t) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] }
    const token = (claims: object, head: object = {}): string => {
      const input = [
        { alg: 'ES256', kid: 'k', ...head },
        { iss: 'https://op.test', aud: 'me', exp: 2000, sub: 's', ...claims },
      ]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${input}.${signature.toString('base64url')}`
    }
    const read = (text: string, expected: object = {}): JsonObject =>
      verifiedClaims(text, { issuer: 'https://op.test', clientId: 'me', keys, nowMs: 1_000_000, ...expected })
    t.match(read(token({})), { sub: 's' })
    t.match(read(token({ aud: ['you', 'me'] })), { sub: 's' })
    t.match(
      read(token({}), { keys: { keys: [{ kty: 'oct', k: 'AAAA', kid: 'k' }, ...keys.keys] } }),
      { sub: 's' },
      'other keys are passed over',
    )
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
    const refused: Array<[string, () => unknown, RegExp]> = [
      ['another issuer', () => read(token({ iss: 'https://other.test' })), /different provider/],
      ['another audience', () => read(token({ aud: 'you' })), /expected audience/],
      ['too old', () => read(token({ exp: 999 })), /expired/],
      ['not valid yet', () => read(token({ nbf: 1301 })), /not before/],
      ['no algorithm', () => read(token({}, { alg: 'none' })), /signature algorithm/],
      ['an algorithm by prototype', () => read(token({}, { alg: 'constructor' })), /signature algorithm/],
      [
        'changed claims',
        () => read(token({}).replace(/\.[^.]+\./, `.${token({ sub: 'x' }).split('.')[1] ?? ''}.`)),
        /verify/,
      ],
      ['a key of another kind', () => read(token({}), { keys: { keys: [{ ...other, kid: 'k' }] } }), /verify/],
      ['no token', () => read('a.b'), /malformed/],
    ]
    for (const [what, reading, message] of refused) {
      t.match(caught(reading), { name: 'ApiError', message }, `${what} is refused`)
    }
  })
}
