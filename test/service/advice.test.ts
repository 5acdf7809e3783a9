import type { Test } from 'tap'
import { build } from '../support/app.js'
import { buildWithKratos, cookieHeader, freshEmail, PASSWORD, post, signUp, signUpInBrowser, startFlow } from '../support/kratos.js'

const linesOf = (logs: () => string[], event: string): string[] => logs().filter((line) => line.includes(`"event":"${event}"`))

export default async function (t: Test): Promise<void> {
  t.test('what the service says of mistakes that it meets', async (t) => {
    t.test('a session cookie of another name, once', async (t) => {
      const { app, logs } = await buildWithKratos(t, { overrides: { session: { cookie: { name: 'other_session' } } } })
      for (let n = 0; n < 2; n++) await signUpInBrowser(app)
      const lines = linesOf(logs, 'kratos_misconfigured')
      t.equal(lines.length, 1)
      t.match(lines[0], /session cookie is called other_session \(session\.cookie\.name\), and ours ory_kratos_session/)
    })

    t.test('a registration without the session hook', async (t) => {
      const overrides = { selfservice: { flows: { registration: { after: { password: { hooks: [] } } } } } }
      const { app, logs } = await buildWithKratos(t, { overrides })
      const { id } = await startFlow(app, 'registration')
      const answer = await post(app, '/api/auth/flows/registration', { flow_id: id, email: freshEmail(), password: PASSWORD })
      t.equal(answer.statusCode, 200)
      t.match(linesOf(logs, 'kratos_misconfigured'), [/"reason":"session_hook".*hook `session` is missing/])
    })

    t.test('and nothing where all is well, whatever the type of the flow', async (t) => {
      const { app, logs } = await buildWithKratos(t)
      const { email } = await signUp(app)
      await signUpInBrowser(app)
      const { id, csrfToken, init } = await startFlow(app, 'login', '?type=browser')
      const body = { flow_id: id, identifier: email, password: PASSWORD, csrf_token: csrfToken }
      t.equal((await post(app, '/api/auth/flows/login', body, { cookie: cookieHeader(init) })).statusCode, 200)
      t.same(linesOf(logs, 'kratos_misconfigured'), [])
    })

    t.test('X-Forwarded-For of somebody who is not trusted, once', async (t) => {
      const ask = async (TRUST_PROXY: string): Promise<number> => {
        const { app, logs } = await build(t, { TRUST_PROXY })
        for (let n = 0; n < 2; n++) await app.inject({ url: '/health/alive', headers: { 'x-forwarded-for': '203.0.113.7' } })
        await app.inject('/health/alive')
        return linesOf(logs, 'proxy_not_trusted').length
      }
      t.equal(await ask(''), 1)
      t.equal(await ask('10.0.0.1'), 1)
      t.equal(await ask('127.0.0.1'), 0)
    })
  })
}
