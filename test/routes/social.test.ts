import type { Test } from 'tap'
import { build, FRONTEND } from '../support/app.js'
import { buildInFrontOfKratos, cookieHeader, freshEmail, get, post, setCookies, startFlow } from '../support/kratos.js'

interface Redirected {
  next: string
  redirect_browser_to: string
}

export default async function (t: Test): Promise<void> {
  t.test('social login', async (t) => {
    const { app, base, port, kratos, env } = await buildInFrontOfKratos(t, { oidcProvider: true })
    await app.listen({ host: '127.0.0.1', port })
    const provider = kratos.oidcProvider
    if (provider === undefined) throw new Error('the embedded Kratos hosts no provider')

    for (const flow of ['registration', 'login'] as const) {
      await t.test(`${flow}: next leads to the provider, from there through us back to the front end, logged in`, async (t) => {
        const email = freshEmail()
        provider.signInAs({ sub: email, email })
        const started = await startFlow(app, flow, `?type=browser&return_to=${encodeURIComponent(`${FRONTEND}/welcome`)}`)
        const body = { flow_id: started.id, method: 'oidc', provider: 'dummy', csrf_token: started.csrfToken }
        const answer = await post(app, `/api/auth/flows/${flow}`, body, {
          cookie: cookieHeader(started.init),
          origin: FRONTEND,
        })
        t.equal(answer.statusCode, 200)
        const { data } = answer.json<{ data: Redirected }>()
        t.equal(data.next, 'redirect')
        t.equal(new URL(data.redirect_browser_to).origin, new URL(provider.issuer).origin)
        t.ok(
          setCookies(answer).some((line) => line.startsWith('ory_kratos_continuity=')),
          'the continuity cookie comes along',
        )

        const consent = await fetch(data.redirect_browser_to, { redirect: 'manual' })
        const callback = consent.headers.get('location') ?? ''
        t.ok(
          callback.startsWith(`${base}/kratos/self-service/methods/oidc/callback/dummy?`),
          'the provider sends the browser back to us',
        )
        const back = await get(app, callback.slice(base.length), {
          cookie: cookieHeader(started.init, answer),
          accept: 'text/html',
        })
        t.equal(back.statusCode, 303)
        t.match(back.headers.location, new RegExp(`^${FRONTEND}/verification\\?flow=`), 'the address is to be confirmed first')
        const whoami = await get(app, '/api/auth/whoami', { cookie: cookieHeader(started.init, answer, back) })
        t.equal(whoami.json().data.email, email)
      })
    }

    await t.test('a provider that is not there is told from a flow that is not there, with the form', async (t) => {
      for (const type of ['browser', 'api']) {
        const started = await startFlow(app, 'login', `?type=${type}`)
        const body = { flow_id: started.id, method: 'oidc', provider: 'nobody' }
        const url = `/api/auth/flows/login?transport=${type === 'api' ? 'token' : 'cookie'}`
        const answer = await post(app, url, body, type === 'api' ? {} : { cookie: cookieHeader(started.init) })
        t.equal(answer.statusCode, 400, type)
        t.match(answer.json(), {
          code: 'METHOD_NOT_OFFERED',
          next: 'form',
          id: started.id,
          ui: { nodes: Array },
          errors: [{ field: null, code: 'method_not_offered' }],
        })
        t.notMatch(answer.body, /nobody/, 'what was asked for is not echoed')
      }
    })

    await t.test('an address that is no provider of a social login is not handed on (E10)', async (t) => {
      const strict = await build(t, { ...env, PUBLIC_URL: 'https://api.example.com' })
      const started = await startFlow(strict.app, 'login', '?type=browser')
      const body = { flow_id: started.id, method: 'oidc', provider: 'dummy', csrf_token: started.csrfToken }
      const answer = await post(strict.app, '/api/auth/flows/login', body, { cookie: cookieHeader(started.init) })
      t.equal(answer.statusCode, 502, 'http on loopback is a provider only while we are on loopback ourselves')
      t.notMatch(answer.body, new URL(provider.issuer).host)
    })
  })
}
