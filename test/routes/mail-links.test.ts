import type { Test } from 'tap'
import { FRONTEND } from '../support/app.js'
import { ID } from '../support/faults.js'
import { buildInFrontOfKratos, cookieHeader, freshEmail, get, post, signUp, startFlow } from '../support/kratos.js'

const HTML = { accept: 'text/html' }

/** The service, and a Kratos whose mails lead to it. */
async function serve (t: Test, isProxyOn: boolean, use: 'code' | 'link') {
  const flows = { verification: { use }, recovery: { use } }
  const { app, base, kratos } = await buildInFrontOfKratos(t, {
    overrides: { selfservice: { flows } },
    env: { KRATOS_PROXY: String(isProxyOn) },
  })
  /** Path of the newest link that was mailed. */
  const linkTo = (email: string): string => {
    const link = kratos.messages(email).find((message) => message.link !== undefined)?.link ?? ''
    t.ok(link.startsWith(`${base}/kratos/self-service/`), link)
    return link.slice(base.length)
  }
  return { app, kratos, linkTo }
}

export default async function (t: Test): Promise<void> {
  for (const isProxyOn of [false, true]) {
    t.test(`the link of a mail, with the proxy ${isProxyOn ? 'on' : 'off'}`, async (t) => {
      t.test("leads to the front end's page with flow and code, which then can be sent", async (t) => {
        const { app, linkTo } = await serve(t, isProxyOn, 'code')
        const { email } = await signUp(app)
        const answer = await get(app, linkTo(email), HTML)
        t.equal(answer.statusCode, 303)
        const page = new URL(String(answer.headers.location))
        t.equal(page.origin + page.pathname, `${FRONTEND}/verification`)
        const [flow, code] = [page.searchParams.get('flow'), page.searchParams.get('code')]
        t.match(code, /^\d{6}$/)
        const headers: Record<string, string> = answer.headers['set-cookie'] === undefined
          ? {}
          : { cookie: cookieHeader(answer) }
        const sent = await post(app, '/api/auth/flows/verification', { flow_id: flow, method: 'code', code }, headers)
        t.match(sent.json(), { data: { next: 'done' } })
      })

      t.test('verifies and recovers where links are configured', async (t) => {
        const { app, linkTo } = await serve(t, isProxyOn, 'link')
        const { email, cookie } = await signUp(app)
        const verified = await get(app, linkTo(email), HTML)
        t.match(verified.headers.location, `${FRONTEND}/verification?flow=`)
        t.match((await get(app, '/api/auth/whoami?full=true', { cookie })).json(), { data: { verified: true } })
        const { id } = await startFlow(app, 'recovery')
        await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'link', email })
        const recovered = await get(app, linkTo(email), HTML)
        t.match(recovered.headers.location, `${FRONTEND}/settings?flow=`)
        t.notMatch(recovered.headers.location, 'code=')
        const session = cookieHeader(recovered)
        t.equal((await get(app, '/api/auth/whoami', { cookie: session })).statusCode, 200)
      })
    })
  }

  t.test('without the proxy', async (t) => {
    t.test('nothing but such a GET is there', async (t) => {
      const { app, kratos } = await serve(t, false, 'code')
      await kratos.createIdentity({ email: freshEmail() })
      for (
        const path of [
          'verification', `verification?flow=${ID}`, 'verification?code=123456', 'recovery?flow=x&token=y',
          'verification/browser', 'verification/api', `login?flow=${ID}&code=123456`,
          `settings?flow=${ID}&token=abc`, `verification?flow=${ID}&code=1%0d%0aX:%20y`,
        ]
      ) t.equal((await get(app, `/kratos/self-service/${path}`, HTML)).statusCode, 404, path)
      const url = `/kratos/self-service/verification?flow=${ID}&code=123456`
      t.equal((await post(app, url, {})).statusCode, 405)
      t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 405)
    })
  })
}
