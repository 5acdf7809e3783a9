import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos, type OidcProvider } from '../../kratos/embedded/index.js'
import { call, whoami, type JsonAnswer } from './client.js'

const APP = 'myapp://back'

type Hosting = EmbeddedKratos & { oidcProvider: OidcProvider }

/** The app's flow, and the last URL of the system browser that did the social login. They share no cookies. */
interface Trip {
  initCode: string
  flowId: string
  home: URL
}

async function start (t: Test): Promise<Hosting> {
  const overrides = { hashers: { bcrypt: { cost: 4 } }, selfservice: { allowed_return_urls: [APP] } }
  const kratos = await startEmbeddedKratos({ overrides, oidcProvider: true })
  t.teardown(async () => await kratos.close())
  return kratos as Hosting
}

async function travel ({ publicUrl }: Hosting, flow: string): Promise<Trip> {
  const { body } = await call(
    'GET',
    `${publicUrl}/self-service/${flow}/api?return_session_token_exchange_code=true&return_to=${APP}`,
  )
  const sent = await call('POST', `${publicUrl}/self-service/${flow}?flow=${String(body['id'])}`, {
    body: { method: 'oidc', provider: 'dummy' },
  })
  const consent = await fetch(sent.body['redirect_browser_to'], { redirect: 'manual' })
  const back = await fetch(consent.headers.get('location') ?? '', {
    redirect: 'manual',
    headers: { accept: 'text/html' },
  })
  return {
    initCode: body['session_token_exchange_code'],
    flowId: body['id'],
    home: new URL(back.headers.get('location') ?? ''),
  }
}

async function exchange ({ publicUrl }: Hosting, initCode: string, returnToCode: string): Promise<JsonAnswer> {
  const query = new URLSearchParams({ init_code: initCode, return_to_code: returnToCode })
  return await call('GET', `${publicUrl}/sessions/token-exchange?${query.toString()}`)
}

export default async function (t: Test): Promise<void> {
  t.test('GET /sessions/token-exchange', async (t) => {
    t.test('gives an app the session of a social login in another browser, for both codes', async (t) => {
      const kratos = await start(t)
      kratos.oidcProvider.signInAs({ sub: 's1', email: 'ada@example.test' })
      for (const flow of ['registration', 'login', 'login']) {
        const { initCode, home } = await travel(kratos, flow)
        t.equal(`${home.protocol}//${home.host}`, APP)
        const { status, body } = await exchange(kratos, initCode, home.searchParams.get('code') ?? '')
        t.equal(status, 200)
        const { body: session } = await whoami(kratos.publicUrl, { 'x-session-token': body['session_token'] })
        t.match([session['id'], session['identity'].traits.email], [body['session'].id, 'ada@example.test'])
      }
    })

    t.test('refuses a single code and codes of two flows', async (t) => {
      const kratos = await start(t)
      kratos.oidcProvider.signInAs({ sub: 's1', email: 'ada@example.test' })
      const [one, two] = [await travel(kratos, 'login'), await travel(kratos, 'login')]
      const code = one.home.searchParams.get('code') ?? ''
      t.same([(await exchange(kratos, one.initCode, '')).status, (await exchange(kratos, '', code)).status], [400, 400])
      t.same(
        [(await exchange(kratos, two.initCode, code)).status, (await exchange(kratos, code, one.initCode)).status],
        [404, 404],
      )
    })

    t.test('has no session when the user declined; the reason is in the flow', async (t) => {
      const kratos = await start(t)
      kratos.oidcProvider.refuse()
      const { initCode, flowId, home } = await travel(kratos, 'login')
      t.equal(home.toString(), APP)
      t.equal((await exchange(kratos, initCode, 'x')).status, 404)
      const { body } = await call('GET', `${kratos.publicUrl}/self-service/login/flows?id=${flowId}`)
      t.match(body['ui'].messages, [{ text: /access_denied/ }])
      t.notOk('session_token_exchange_code' in body)
    })
  })
}
