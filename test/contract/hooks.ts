import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { systemClock } from '../../kratos/embedded/clock.js'
import { embeddedOnly, freshEmail, PASSWORD, startTarget } from '../support/target.js'
import { type Ask, type Contract, createCaller, type Reply } from './caller.js'
import { logIn, messageIds, nodeNamed, openFlow, submit } from './people.js'

const NIL = '00000000-0000-0000-0000-000000000000'
const body = `base64://${
  Buffer.from('function(ctx) { identity: { id: ctx.identity.id, traits: ctx.identity.traits } }').toString('base64')
}`
const needed = embeddedOnly('web hooks of its own')

interface Call {
  headers: IncomingHttpHeaders
  body: { identity: { id: string, traits: { email: string } } }
}
interface Target {
  url: string
  calls: Call[]
  firstCall: Promise<Call>
  answer: (status: number, body?: object) => void
}

/** Where hooks are sent; answers 204 until told otherwise. */
async function startHookTarget (t: Test): Promise<Target> {
  const calls: Call[] = []
  let next: { status: number, body?: object } = { status: 204 }
  let arrive = (_: Call): void => {}
  const firstCall = new Promise<Call>((resolve) => {
    arrive = resolve
  })
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const call = { headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) as Call['body'] }
    calls.push(call)
    arrive(call)
    response.writeHead(next.status, { 'content-type': 'application/json' }).end(
      next.body === undefined ? undefined : JSON.stringify(next.body),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    calls,
    firstCall,
    answer: (status, body) => {
      next = body === undefined ? { status } : { status, body }
    },
  }
}

/**
 * What a hook that is awaited does to a sign-up (docs/kratos-facts.md, section 17); those of `kratos/kratos.yml` are
 * not awaited.
 */
export function hooks (t: Test, { exchanges }: Contract): void {
  /** A Kratos with one hook after a sign-up; its waits between attempts are short. */
  async function start (
    t: Test,
    config: Record<string, string | boolean | object>,
  ): Promise<{ ask: Ask, sleeps: number[] }> {
    const sleeps: number[] = []
    const sleep: typeof systemClock.sleep = async (ms, signal) => {
      sleeps.push(ms)
      await systemClock.sleep(ms / 20, signal)
    }
    const hook = {
      hook: 'web_hook',
      config: {
        method: 'POST',
        body,
        auth: { type: 'api_key', config: { name: 'X-Webhook-Key', value: 'a-key', in: 'header' } },
        ...config,
      },
    }
    const after = JSON.parse(JSON.stringify({ password: { hooks: [hook, { hook: 'session' }] } }))
    const kratos = await startTarget(t, {
      clock: { ...systemClock, sleep },
      overrides: { selfservice: { flows: { registration: { after } } } },
    })
    return { ask: createCaller(kratos, exchanges), sleeps }
  }

  async function register (ask: Ask, email: string): Promise<Reply> {
    const { id } = await openFlow(ask, 'registration', 'api')
    return await submit(ask, 'registration', id, { method: 'password', password: PASSWORD, traits: { email } })
  }

  t.test('a 4xx is 502 after one attempt; the identity is there all the same', needed, async (t) => {
    const target = await startHookTarget(t)
    const { ask } = await start(t, { url: target.url })
    target.answer(400, { error: 'no' })
    const email = freshEmail()
    const { status, body } = await register(ask, email)
    t.match([status, body.error.code], [502, 502])
    t.match(target.calls, [{
      headers: { 'x-webhook-key': 'a-key', 'content-type': 'application/json' },
      body: { identity: { id: /^(?!0{8})/, traits: { email } } },
    }])
    t.equal(target.calls.length, 1)
    t.equal((await logIn(ask, email)).status, 200)
  })

  t.test(
    'a 5xx is tried three times, then HTTP 400 whose body says 500 and names the address; the identity is there',
    needed,
    async (t) => {
      const target = await startHookTarget(t)
      const { ask, sleeps } = await start(t, { url: target.url })
      target.answer(500)
      const email = freshEmail()
      const { status, body } = await register(ask, email)
      t.match([status, body.error], [400, { code: 500, message: new RegExp(target.url) }])
      const ids = (name: string): number => new Set(target.calls.map(({ headers }) => headers[name])).size
      t.same([target.calls.length, ids('ory-webhook-trigger-id'), ids('ory-webhook-request-id')], [3, 1, 3])
      t.same(sleeps.filter((ms) => ms < 30_000), [1000, 2000])
      t.equal((await logIn(ask, email)).status, 200)
    },
  )

  t.test('501 is tried once, nobody at the address is like a 5xx', needed, async (t) => {
    const target = await startHookTarget(t)
    const { ask } = await start(t, { url: target.url })
    target.answer(501)
    await register(ask, freshEmail())
    t.equal(target.calls.length, 1)
    const { ask: another } = await start(t, { url: 'http://127.0.0.1:9/none' })
    const { status, body } = await register(another, freshEmail())
    t.match([status, body.error.code], [400, 500])
  })

  t.test('response.ignore: the sign-up neither waits nor fails, and the identity has its id', needed, async (t) => {
    const target = await startHookTarget(t)
    const { ask } = await start(t, { url: target.url, response: { ignore: true } })
    target.answer(403)
    const { status, body } = await register(ask, freshEmail())
    t.equal(status, 200)
    t.equal((await target.firstCall).body.identity.id, body.identity.id)
  })

  t.test(
    'can_interrupt: asked before anything is stored, with the nil id; its message stands at the field',
    needed,
    async (t) => {
      const target = await startHookTarget(t)
      const { ask } = await start(t, { url: target.url, can_interrupt: true })
      const objection = (pointer: string) => ({
        messages: [{ instance_ptr: pointer, messages: [{ id: 77, text: 'No.', type: 'error' }] }],
      })
      const email = freshEmail()
      target.answer(400, objection('#/traits/email'))
      const refused = await register(ask, email)
      t.match([refused.status, nodeNamed(refused.body, 'traits.email')?.messages], [400, [{
        id: 77,
        text: 'No.',
        type: 'error',
      }]])
      t.equal(target.calls[0]?.body.identity.id, NIL)
      target.answer(400, objection('#/'))
      t.same(messageIds(await register(ask, email)), [77])
      t.equal((await logIn(ask, email)).status, 400)
      target.answer(204)
      t.equal((await register(ask, email)).status, 200)
    },
  )

  t.test('a failing hook before a login is 502 with two JSON documents in one body', needed, async (t) => {
    const target = await startHookTarget(t)
    target.answer(400)
    const hook = {
      hook: 'web_hook',
      config: {
        url: target.url,
        method: 'POST',
        body: `base64://${Buffer.from('function(ctx) { identity: { id: "", traits: {} } }').toString('base64')}`,
      },
    }
    const kratos = await startTarget(t, {
      overrides: { selfservice: { flows: { login: { before: { hooks: [hook] } } } } },
    })
    // no document can describe this one
    const { status, body } = await createCaller(kratos, [])('GET', '/self-service/login/api')
    t.match([status, typeof body], [502, 'string'])
    t.throws(() => JSON.parse(body))
  })
}
