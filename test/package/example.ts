import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import { cookieHeader, freshEmail, get, PASSWORD, post, startKratos } from '../support/kratos.js'

interface ExampleOptions {
  kratosUrl: string
  webhookKey: string
  frontend: string
}
type BuildExampleApp = (options: ExampleOptions) => Promise<FastifyInstance>

const JSON_BODY = { 'content-type': 'application/json' }

/** Kratos has to know where its webhook goes before the app can know where Kratos is: this passes the calls on. */
async function startRelay (t: Test): Promise<{ url: string, to: (app: FastifyInstance) => void }> {
  let target: FastifyInstance | undefined
  const server = createServer(async (request, response) => {
    const answer = await target?.inject({
      method: 'POST',
      url: request.url ?? '/',
      headers: request.headers as Record<string, string>,
      payload: await text(request),
    })
    response.writeHead(answer?.statusCode ?? 503).end(answer?.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    to: (app) => {
      target = app
    },
  }
}

/** The repository's hook after a registration, awaited, so that the test need not wait for it. */
const hooks = (url: string) => [
  {
    hook: 'web_hook',
    config: {
      url: `${url}/internal/auth/user-created`,
      method: 'POST',
      body: 'file://./user-created.jsonnet',
      auth: { type: 'api_key', config: { name: 'X-Webhook-Key', in: 'header', value: WEBHOOK_KEY } },
    },
  },
  { hook: 'session' },
]

async function startExample (t: Test, buildExampleApp: BuildExampleApp): Promise<FastifyInstance> {
  const relay = await startRelay(t)
  const kratos = await startKratos(t, {
    overrides: { selfservice: { flows: { registration: { after: { password: { hooks: hooks(relay.url) } } } } } },
  })
  const app = await buildExampleApp({ kratosUrl: kratos.publicUrl, webhookKey: WEBHOOK_KEY, frontend: FRONTEND })
  t.teardown(() => app.close())
  relay.to(app)
  return app
}

/** Starts a flow and submits it, as a browser without cookies would. */
async function run (app: FastifyInstance, flow: string, fields: Record<string, string>) {
  const init = await get(app, `/auth/flows/${flow}`)
  const { id } = init.json<{ data: { id: string } }>().data
  return post(app, `/auth/flows/${flow}`, { flow_id: id, ...fields }, { ...JSON_BODY, origin: FRONTEND })
}

/** @param path the example as compiled in a project that has the packages installed */
export default async function testExample (t: Test, path: string): Promise<void> {
  const { buildExampleApp } = await import(pathToFileURL(path).href) as { buildExampleApp: BuildExampleApp }
  const app = await startExample(t, buildExampleApp)
  const email = freshEmail()

  t.test('signs up, is told by the webhook, logs in, knows who asks, logs out', async (t) => {
    const registration = await run(app, 'registration', { email, password: PASSWORD, first_name: 'Ada' })
    t.equal(registration.statusCode, 200, registration.body)
    const login = await run(app, 'login', { identifier: email, password: PASSWORD })
    t.equal(login.statusCode, 200, login.body)

    const cookie = cookieHeader(login)
    t.match((await get(app, '/auth/whoami', { cookie })).json(), {
      success: true,
      data: { email, first_name: 'Ada', authenticated: true },
    })
    t.strictSame((await get(app, '/orders', { cookie })).json(), { customer: email, points: 100, orders: [] })
    t.strictSame((await get(app, '/greeting', { cookie })).json(), { greeting: 'Hello Ada' })

    const { logout_url: logoutUrl } =
      (await get(app, '/auth/flows/logout', { cookie, host: 'shop.example' })).json().data
    t.match(logoutUrl, /^http:\/\/shop\.example\/auth\/logout\?token=./)
    const logout = await get(app, logoutUrl, { cookie })
    t.match({ status: logout.statusCode, location: logout.headers.location }, { status: 302, location: `${FRONTEND}/` })
    t.equal((await get(app, '/orders', { cookie })).statusCode, 401, 'over at Kratos too, not only in the browser')
    t.equal(
      (await get(app, '/orders', { cookie: cookieHeader(registration) })).statusCode,
      200,
      'the other session is another one',
    )
  })

  t.test('greets a stranger, and guards in its own error format', async (t) => {
    t.strictSame((await get(app, '/greeting')).json(), { greeting: 'Hello stranger' })
    const refused = await get(app, '/orders')
    t.equal(refused.statusCode, 401)
    t.strictSame(refused.json(), { shop: 'sorry', code: 'INVALID_SESSION', message: 'Invalid session' })
    t.match((await get(app, '/auth/whoami')).json(), {
      success: false,
      error: 'Invalid session',
      code: 'INVALID_SESSION',
    })
  })

  t.test('keeps its cookies, CORS and headers', async (t) => {
    const basket = await app.inject({
      method: 'POST',
      url: '/basket',
      headers: { cookie: 'basket=butter', origin: FRONTEND },
    })
    t.strictSame(basket.json(), { items: ['butter', 'bread'] })
    t.equal(basket.headers['set-cookie'], 'basket=butter%20bread; Path=/; SameSite=Lax')
    t.equal(basket.headers['cache-control'], undefined)
    t.equal(basket.headers['content-security-policy'], undefined)

    const whoami = await get(app, '/auth/whoami', { origin: FRONTEND })
    t.match(whoami.headers, {
      'access-control-allow-origin': FRONTEND,
      'access-control-allow-credentials': 'true',
      'cache-control': 'no-store',
    })
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: '/auth/flows/login',
      headers: { origin: FRONTEND, 'access-control-request-method': 'POST' },
    })
    t.match({ status: preflight.statusCode, headers: preflight.headers }, {
      status: 204,
      headers: { 'access-control-allow-origin': FRONTEND },
    })
  })

  t.test('says that Kratos is ill, not that nobody is logged in', async (t) => {
    const lonely = await buildExampleApp({
      kratosUrl: 'http://127.0.0.1:9',
      webhookKey: WEBHOOK_KEY,
      frontend: FRONTEND,
    })
    t.teardown(() => lonely.close())
    for (const url of ['/orders', '/greeting']) {
      const answer = await get(lonely, url, { cookie: 'ory_kratos_session=ory_st_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' })
      t.match({ status: answer.statusCode, body: answer.json() }, {
        status: 503,
        body: { shop: 'sorry', code: 'UPSTREAM_UNAVAILABLE' },
      })
    }
    t.equal((await get(lonely, '/products')).statusCode, 200)
  })
}
