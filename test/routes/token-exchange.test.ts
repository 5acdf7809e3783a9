import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { FRONTEND } from '../support/app.js'
import { buildInFrontOfKratos, cookieHeader, freshEmail, get, post } from '../support/kratos.js'

const EXCHANGE = '/api/auth/token-exchange'
const START = '?type=api&return_session_token_exchange_code=true&return_to='
const PAGE = `${FRONTEND}/app`
const OWN_SCHEME = 'myapp://done'

async function serve (t: Test, env: Record<string, string> = {}) {
  const { app, base, kratos } = await buildInFrontOfKratos(t, {
    oidcProvider: true,
    overrides: { selfservice: { allowed_return_urls: [FRONTEND, OWN_SCHEME] } },
    env,
  })
  const email = freshEmail()
  kratos.oidcProvider?.signInAs({ sub: email, email })
  return { app, base, email }
}

/** An app opens the provider's page in a browser, which shares no cookies with it. */
async function travel (app: FastifyInstance, base: string, flow: string, returnTo = PAGE) {
  const { data } = (await get(app, `/api/auth/flows/${flow}${START}${encodeURIComponent(returnTo)}`)).json<{
    data: { id: string, session_token_exchange_code: string }
  }>()
  const body = { flow_id: data.id, method: 'oidc', provider: 'dummy' }
  const left = (await post(app, `/api/auth/flows/${flow}?transport=token`, body)).json<{
    data: { redirect_browser_to: string }
  }>()
  const consent = await fetch(left.data.redirect_browser_to, { redirect: 'manual' })
  const callback = (consent.headers.get('location') ?? '').slice(base.length)
  const back = await get(app, callback, { accept: 'text/html' })
  const home = new URL(String(back.headers.location))
  const codes = { init_code: data.session_token_exchange_code, return_to_code: home.searchParams.get('code') ?? '' }
  return { home: home.href.replace(/\?.*/, ''), codes }
}

export default async function (t: Test): Promise<void> {
  t.test(`POST ${EXCHANGE}`, async (t) => {
    t.test('finishes a native social login, with the token in the body where it is asked for', async (t) => {
      const { app, base, email } = await serve(t)
      for (const flow of ['registration', 'login']) {
        const { codes } = await travel(app, base, flow)
        const answer = await post(app, `${EXCHANGE}?transport=token`, codes)
        t.match(answer.json(), { success: true, data: { next: 'done', session_token: /^ory_st_/ } }, flow)
        t.equal(answer.headers['set-cookie'], undefined)
        const token = answer.json<{ data: { session_token: string } }>().data.session_token
        t.match((await get(app, '/api/auth/whoami', { 'x-session-token': token })).json(), { data: { email } })
      }
    })

    t.test("an app's own address is where the browser ends, if RETURN_URLS has it", async (t) => {
      const { app, base, email } = await serve(t, { RETURN_URLS: `${OWN_SCHEME}, https://app.example/done` })
      const { home, codes } = await travel(app, base, 'login', `${OWN_SCHEME}/in`)
      t.equal(home, `${OWN_SCHEME}/in`)
      const answer = await post(app, `${EXCHANGE}?transport=token`, codes)
      t.match(answer.json(), { data: { next: 'done', session: { identity: { traits: { email } } } } })
      for (const returnTo of ['myapp://other', 'myapp:done', 'https://app.example/done-not']) {
        const refused = await get(app, `/api/auth/flows/login${START}${encodeURIComponent(returnTo)}`)
        t.match([refused.statusCode, refused.json().code], [400, 'RETURN_TO_FORBIDDEN'], returnTo)
      }
      const { app: other } = await serve(t)
      t.equal((await get(other, `/api/auth/flows/login${START}${encodeURIComponent(OWN_SCHEME)}`)).statusCode, 400)
    })

    t.test('sets the cookie otherwise, and no page reads the token', async (t) => {
      const { app, base, email } = await serve(t)
      const { codes } = await travel(app, base, 'login')
      const asked = await post(app, `${EXCHANGE}?transport=token`, codes, { origin: FRONTEND })
      t.match(asked.json(), { code: 'ORIGIN_FORBIDDEN' })
      const answer = await post(app, EXCHANGE, codes, { origin: FRONTEND })
      t.match(answer.json(), { data: { next: 'done' } })
      t.notMatch(answer.body, 'ory_st_')
      t.match((await get(app, '/api/auth/whoami', { cookie: cookieHeader(answer) })).json(), { data: { email } })
    })

    t.test('refuses foreign pages, codes that do not belong together and what is no code', async (t) => {
      const { app, base } = await serve(t)
      const [{ codes: one }, { codes: two }] = [await travel(app, base, 'login'), await travel(app, base, 'login')]
      const foreign = await post(app, EXCHANGE, one, { origin: 'https://evil.example' })
      t.match(foreign.json(), { code: 'ORIGIN_FORBIDDEN' })
      const mixed = await post(app, EXCHANGE, { ...one, return_to_code: two.return_to_code })
      t.match(mixed.json(), { success: false, next: 'restart', start: '/api/auth/flows/login' })
      t.equal(mixed.headers['set-cookie'], undefined)
      for (const body of [{}, { init_code: one.init_code }, { ...one, init_code: '' }, { ...one, init_code: ['x'] }, { ...one, return_to_code: 'a&b=c' }]) {
        t.match((await post(app, EXCHANGE, body)).json(), { code: 'VALIDATION_ERROR' })
      }
    })
  })
}
