import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import fastifyKratos, { type FastifyKratosOptions } from '../../src/plugin.js'
import { FRONTEND, PATIENT } from '../support/app.js'
import { get, post, signUp, startKratos } from '../support/kratos.js'
import { freePorts } from '../support/process.js'

/** An app, and a Kratos whose mails lead to it. */
async function host (t: Test, options: Partial<FastifyKratosOptions>, path = '/kratos') {
  const [port = 0] = await freePorts(1)
  const base = `http://127.0.0.1:${port}`
  const kratos = await startKratos(t, { baseUrl: `${base}${path}/` })
  const app = Fastify()
  t.teardown(() => app.close())
  const urls = { publicUrl: kratos.publicUrl, browserUrl: `${base}${path}/`, baseUrl: base }
  await app.register(fastifyKratos, { ...PATIENT, ...urls, origins: [FRONTEND], ...options })
  const newestLink = (email: string): string =>
    kratos.messages(email).find((message) => message.link !== undefined)?.link?.slice(base.length) ?? ''
  return { app, newestLink }
}

/** Follows the link of the mail after a sign-up. */
async function verify (t: Test, app: FastifyInstance, newestLink: (email: string) => string): Promise<void> {
  const { email } = await signUp(app)
  const answer = await get(app, newestLink(email), { accept: 'text/html' })
  t.equal(answer.statusCode, 303)
  const page = new URL(String(answer.headers.location))
  t.equal(page.origin + page.pathname, `${FRONTEND}/verification`)
  const [flow, code] = [page.searchParams.get('flow'), page.searchParams.get('code')]
  const cookies = [answer.headers['set-cookie'] ?? []].flat().map((line) => line.split(';')[0])
  const headers: Record<string, string> = cookies.length === 0 ? {} : { cookie: cookies.join('; ') }
  const sent = await post(app, '/api/auth/flows/verification', { flow_id: flow, method: 'code', code }, headers)
  t.match(sent.json(), { data: { next: 'done' } })
}

const LINK = '/self-service/verification?flow=6c2f5b54-6f6f-4f9b-8a55-5b2f3f0c1a11&code=123456'

export default async function (t: Test): Promise<void> {
  const ways: Array<[string, Partial<FastifyKratosOptions>, string?]> = [
    ['without the proxy', {}],
    ['with the proxy', { proxy: true }],
    ['without the proxy, at a path of its own', { mailLinks: { path: '/mail' } }, '/mail'],
    ['with every other route denied', { defaultDeny: true }],
  ]
  for (const [name, options, path] of ways) {
    t.test(`the link of a mail in a host, ${name}: leads to the page that sends its code`, async (t) => {
      const { app, newestLink } = await host(t, options, path)
      await verify(t, app, newestLink)
    })
  }

  t.test('the link of a mail in a host', async (t) => {
    t.test('is all that is taken below /kratos: the rest stays the app\'s', async (t) => {
      const { app } = await host(t, {})
      app.all('/kratos/*', async () => 'of the app')
      for (const url of ['/kratos/self-service/login/browser', '/kratos/sessions/whoami', '/kratos/self-service/verification/browser']) {
        t.equal((await get(app, url)).body, 'of the app', url)
      }
      t.equal((await post(app, `/kratos${LINK}`, {})).body, 'of the app')
      t.equal((await get(app, '/kratos/self-service/verification')).statusCode, 404, 'no link of a mail')
    })

    t.test('is not there where it is not wanted, or without the routes that take its code', async (t) => {
      for (const options of [{ mailLinks: false }, { routes: false }] as const) {
        const { app } = await host(t, options)
        t.match((await get(app, `/kratos${LINK}`)).json(), { message: /^Route GET/ })
      }
    })
  })
}
