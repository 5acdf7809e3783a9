import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../kratos/embedded/clock.js'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'
import type { JsonObject } from '../../kratos/embedded/json.js'
import { call, logIn, PASSWORD, register } from './client.js'

interface Call {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}
interface Said {
  status: number
  headers?: Record<string, string>
  body?: object
}
interface Target {
  url: string
  calls: Call[]
  say: (...next: Said[]) => void
  hang: () => void
  arrival: () => Promise<unknown>
}

/** A target for hooks. It answers as told and then repeats the last answer; by default 204. */
async function startTarget (t: Test): Promise<Target> {
  const calls: Call[] = []
  let next: Said[] | 'nothing' = [{ status: 204 }]
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    calls.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    })
    server.emit('arrival')
    if (next === 'nothing') return
    const { status, headers = {}, body } = (next.length > 1 ? next.shift() : next[0]) as Said
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(body === undefined ? undefined : JSON.stringify(body))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    say: (...said) => {
      next = said
    },
    hang: () => {
      next = 'nothing'
    },
    arrival: async () => await once(server, 'arrival'),
  }
}

const template = (jsonnet: string): string => `base64://${Buffer.from(jsonnet).toString('base64')}`
const hook = (config: JsonObject): JsonObject => ({
  hook: 'web_hook',
  config: { method: 'POST', body: template('function(ctx) { type: ctx.flow.type }'), ...config },
})
const afterSignUp = (config: JsonObject): JsonObject => ({
  registration: { after: { password: { hooks: [hook(config), { hook: 'session' }] } } },
})

async function start (
  t: Test,
  flows: JsonObject,
  options: { clock?: Clock, clients?: JsonObject } = {},
): Promise<EmbeddedKratos> {
  const { clock = systemClock, clients = {} } = options
  const kratos = await startEmbeddedKratos({
    clock,
    overrides: { hashers: { bcrypt: { cost: 4 } }, selfservice: { flows }, clients },
  })
  t.teardown(async () => await kratos.close())
  return kratos
}

/** A clock whose waits end at once, and a list of them. */
function hasty (): { clock: Clock, sleeps: number[] } {
  const sleeps: number[] = []
  const clock: Clock = {
    ...systemClock,
    sleep: async (ms, signal) => {
      if (ms < 30_000) sleeps.push(ms)
      await systemClock.sleep(ms < 30_000 ? 0 : ms, signal)
    },
  }
  return { clock, sleeps }
}

export default async function (t: Test): Promise<void> {
  t.test('web hook: what is sent', async (t) => {
    t.test('headers, and credentials as basic auth or as a cookie', async (t) => {
      const target = await startTarget(t)
      const basic = await start(
        t,
        afterSignUp({
          url: target.url,
          headers: { 'x-team': 'blue' },
          auth: { type: 'basic_auth', config: { user: 'u:', password: 'pä' } },
        }),
      )
      await register(basic.publicUrl, 'a@example.test')
      const cookie = await start(
        t,
        afterSignUp({
          url: target.url,
          headers: { Cookie: 'a=b' },
          auth: { type: 'api_key', config: { name: 'key', value: 'v', in: 'cookie' } },
        }),
      )
      await register(cookie.publicUrl, 'a@example.test')
      t.match(target.calls[0]?.headers, {
        'x-team': 'blue',
        authorization: `Basic ${Buffer.from('u::pä').toString('base64')}`,
      })
      t.equal(target.calls[1]?.headers.cookie, 'a=b; key=v')
    })

    t.test('a form instead of JSON, if the header says so', async (t) => {
      const target = await startTarget(t)
      const body = template("function(ctx) { mail: ctx.identity.traits.email, text: 'a b&c' }")
      const kratos = await start(
        t,
        afterSignUp({ url: target.url, body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }),
      )
      await register(kratos.publicUrl, 'a@example.test')
      t.equal(target.calls[0]?.body, 'mail=a%40example.test&text=a+b%26c')
    })

    t.test('only allowed request headers', async (t) => {
      const target = await startTarget(t)
      const kratos = await start(
        t,
        {
          login: { before: { hooks: [hook({ url: target.url, body: template('function(ctx) ctx.request_headers') })] } },
        },
        { clients: { web_hook: { header_allowlist: ['X-Mine'] } } },
      )
      await call('GET', `${kratos.publicUrl}/self-service/login/api`, { headers: { 'x-mine': '1', 'x-other': '2' } })
      t.same(JSON.parse(target.calls[0]?.body ?? ''), { 'X-Mine': ['1'] })
    })

    t.test("nothing, when the template says error 'cancel'; any other error fails the flow", async (t) => {
      const target = await startTarget(t)
      const kratos = await start(
        t,
        afterSignUp({
          url: target.url,
          body: template(
            "function(ctx) if ctx.identity.traits.email == 'no@example.test' then error 'cancel' else error 'broken'",
          ),
        }),
      )
      t.equal((await register(kratos.publicUrl, 'no@example.test')).status, 200)
      const { status, body } = await register(kratos.publicUrl, 'a@example.test')
      t.match([status, body['error'].message], [400, /broken/])
      t.equal(target.calls.length, 0)
    })
  })

  t.test('web hook: what comes back', async (t) => {
    t.test('redirects are followed: 302 by GET without body, 307 with method and body, at most ten', async (t) => {
      const target = await startTarget(t)
      const kratos = await start(t, afterSignUp({ url: target.url }))
      target.say(
        { status: 302, headers: { location: '/next' } },
        { status: 307, headers: { location: '/end' } },
        { status: 204 },
      )
      t.equal((await register(kratos.publicUrl, 'a@example.test')).status, 200)
      t.match(target.calls.slice(1), [{ method: 'GET', url: '/next', body: '' }, { method: 'GET', url: '/end' }])
      target.say({ status: 307, headers: { location: '/round' } })
      const { body } = await register(kratos.publicUrl, 'b@example.test')
      t.match(body['error'].message, /giving up after 1 attempt\(s\): Post "\/round": stopped after 10 redirects/)
      t.same(
        [target.calls.length - 3, target.calls.at(-1)?.method, target.calls.at(-1)?.body],
        [10, 'POST', '{\n   "type": "api"\n}\n'],
      )
    })

    t.test('Retry-After is respected, in seconds and as a date', async (t) => {
      const target = await startTarget(t)
      const { clock, sleeps } = hasty()
      const kratos = await start(t, afterSignUp({ url: target.url }), {
        clock: { ...clock, now: () => Date.UTC(2030, 0, 1) },
      })
      target.say(
        { status: 429, headers: { 'retry-after': '7' } },
        { status: 503, headers: { 'retry-after': 'Tue, 01 Jan 2030 00:00:09 GMT' } },
        { status: 204 },
      )
      t.equal((await register(kratos.publicUrl, 'a@example.test')).status, 200)
      t.same(sleeps, [7000, 9000])
    })

    t.test('after a failure before a login, the answer has the error and then the form', async (t) => {
      const target = await startTarget(t)
      const kratos = await start(t, { login: { before: { hooks: [hook({ url: target.url })] } } })
      target.say({ status: 400 })
      const answer = await fetch(`${kratos.publicUrl}/self-service/login/api`, {
        headers: { accept: 'application/json' },
      })
      const documents = (await answer.text()).trim().split('\n').map((line) => JSON.parse(line))
      t.match([answer.status, ...documents], [502, { error: { code: 502 } }, { ui: { action: /flow=/ } }])
    })

    t.test('a change of an identity that does not exist yet drops the connection', async (t) => {
      const target = await startTarget(t)
      const kratos = await start(t, {
        registration: { before: { hooks: [hook({ url: target.url, response: { parse: true } })] } },
      })
      target.say({ status: 200, body: { identity: { state: 'inactive' } } })
      await t.rejects(call('GET', `${kratos.publicUrl}/self-service/registration/api`))
    })

    t.test('the changed identity is stored; an invalid one is refused', async (t) => {
      const target = await startTarget(t)
      const kratos = await start(t, afterSignUp({ url: target.url, response: { parse: true } }))
      target.say({
        status: 200,
        body: { identity: { traits: { email: 'changed@example.test' }, metadata_public: { plan: 'x' } } },
      })
      t.match((await register(kratos.publicUrl, 'a@example.test')).body['identity'], {
        traits: { email: 'changed@example.test' },
        metadata_public: { plan: 'x' },
      })
      t.equal((await logIn(kratos.publicUrl, 'changed@example.test')).status, 200)
      target.say({ status: 200, body: { identity: { traits: { email: 'no mail' } } } })
      t.equal((await register(kratos.publicUrl, 'b@example.test')).status, 400)
      t.equal((await logIn(kratos.publicUrl, 'b@example.test')).status, 400)
    })
  })

  t.test('web hook: time', async (t) => {
    t.test('an attempt ends after 30 seconds on the given clock, the flow after three attempts', async (t) => {
      const target = await startTarget(t)
      target.hang()
      const kratos = await start(t, afterSignUp({ url: target.url }), {
        clock: { ...systemClock, sleep: async () => {} },
      })
      const init = await call('GET', `${kratos.publicUrl}/self-service/registration/api`)
      const { status, body } = await call(
        'POST',
        `${kratos.publicUrl}/self-service/registration?flow=${String(init.body['id'])}`,
        { body: { method: 'password', password: PASSWORD, traits: { email: 'a@example.test' } } },
      )
      t.match([status, body['error'].message], [504, /giving up after 3 attempt.*Client.Timeout exceeded/])
    })

    t.test('close ends hooks, whether they are awaited or not', async (t) => {
      const target = await startTarget(t)
      target.hang()
      const unawaited = await start(t, afterSignUp({ url: target.url, response: { ignore: true } }))
      t.equal((await register(unawaited.publicUrl, 'a@example.test')).status, 200)
      if (target.calls.length === 0) await target.arrival()
      await unawaited.close()
      const awaited = await start(t, afterSignUp({ url: target.url }))
      const lost = t.rejects(register(awaited.publicUrl, 'a@example.test'))
      await target.arrival()
      await awaited.close()
      await lost
    })
  })
}
