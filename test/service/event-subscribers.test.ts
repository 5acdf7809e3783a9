import { getEventListeners, once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import { deliverNext } from '../../src/service/events/delivery.js'
import { DELAYS } from '../../src/service/events/subscription.js'
import type { PlacedEvent } from '../../src/service/store/events.js'
import type { SubscriptionRepository } from '../../src/service/store/subscriptions.js'
import type { EventRecord } from '../../src/service/store/store.js'
import { someUser } from '../store/records.js'
import { construct } from '../support/app.js'
import { until } from '../support/until.js'

const OPERATOR_KEY = 'an-operator-key-of-the-test-suite-0001'
const METRICS_TOKEN = 'a-metrics-token-of-the-test-suite-0004'
const AUTHORIZED = { authorization: `Bearer ${OPERATOR_KEY}` }
const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString('base64')}`
const [SECRET, FORMER] = [secretOf(1), secretOf(2)]

interface Received {
  url: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

/** A receiver that answers as told. */
async function startReceiver (t: Test, answer: (count: number) => [status: number, headers?: Record<string, string>]) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      received.push({ url: request.url, headers: request.headers, body })
      const [status, headers = {}] = answer(received.length)
      response.writeHead(status, headers).end('{}')
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Until all cursors are made: they begin with what happens from then on. */
async function ready (t: Test, app: FastifyInstance, names: string[]): Promise<void> {
  await app.ready()
  for (const name of names) await until(async () => (await app.store.subscriptions.lease(name)).owner !== null)
  t.teardown(() => app.close())
}

const failing = async (): Promise<void> => {
  throw Object.assign(new Error('nobody@example.com'), { code: 'E_FULL' })
}

export default async function (t: Test): Promise<void> {
  t.test('an event that was taken leaves nothing behind at the signal of its lease', async (t) => {
    const event = { id: 'e', position: 1, identity_id: null } as PlacedEvent
    const signals: AbortSignal[] = []
    const store = { next: async () => [event], waiting: async () => [], advance: async () => {} }
    await deliverNext({
      name: 'n',
      owner: 'o',
      handler: async (_event, { signal }) => {
        signals.push(signal)
      },
      store: store as unknown as SubscriptionRepository,
      attemptMs: 10_000,
      delays: [],
      isHeld: () => true,
      signal: new AbortController().signal,
      isEnding: () => false,
    })
    t.same(signals.map((signal) => getEventListeners(signal, 'abort').length), [0])
  })

  t.test('app.onEvent', async (t) => {
    await t.test('tries ten times over a day', async (t) => {
      t.same([DELAYS.length + 1, DELAYS.reduce((sum, delay) => sum + delay, 0)], [10, 24 * 60 * 60_000])
    })

    await t.test('hands over what happens, and goes on after a restart', async (t) => {
      const { app } = await construct(t)
      const events: EventRecord[] = []
      app.onEvent('copy', (event) => {
        events.push(event)
      })
      await ready(t, app, ['copy'])
      const user = someUser()
      await app.store.users.upsert(user, { requestId: 'r1' })
      await until(() => events.length === 1)
      t.match(events, [{ type: 'user.created', identity_id: user.identity_id, request_id: 'r1', replica: /\.\d+$/ }])
    })

    await t.test('refuses a name that is taken or no name, and whoever comes too late', async (t) => {
      const { app } = await construct(t)
      app.onEvent('one', () => {})
      t.throws(() => app.onEvent('one', () => {}), /already/)
      t.throws(() => app.onEvent('', () => {}), /cannot be the name/)
      await app.ready()
      t.throws(() => app.onEvent('two', () => {}), /too late/)
      const { app: silent } = await construct(t, { EVENTS_RETENTION_DAYS: '0' })
      t.throws(() => silent.onEvent('one', () => {}), /EVENTS_RETENTION_DAYS/)
    })

    await t.test('tells the operator of what was not taken, without its text', async (t) => {
      const { app, logs } = await construct(t)
      app.onEvent('ill', failing)
      await ready(t, app, ['ill'])
      await app.store.users.upsert(someUser())
      await until(() => logs().some((line) => line.includes('event_not_taken')))
      const line = logs().find((text) => text.includes('event_not_taken')) ?? ''
      t.match(JSON.parse(line), { level: 40, subscriber: 'ill', type: 'user.created', attempt: 1, error: 'E_FULL' })
      t.notOk(logs().join('').includes('nobody@example.com'))
    })
  })

  t.test('EVENTS_WEBHOOKS', async (t) => {
    const webhooks = async (t: Test, url: string, more: Record<string, string> = {}) => {
      const built = await construct(t, { EVENTS_WEBHOOKS: url, EVENTS_WEBHOOK_SECRET: SECRET, ...more })
      await built.app.ready()
      return built
    }

    await t.test('posts each event, signed as Standard Webhooks want it (H16)', async (t) => {
      const receiver = await startReceiver(t, () => [204])
      const { app } = await webhooks(t, `${receiver.url}/hook?token=needle`, { EVENTS_WEBHOOK_SECRET_PREVIOUS: FORMER })
      const user = someUser()
      // Until the cursor is there, what happens is not handed over.
      let updates = Date.parse('2030-01-01T00:00:00Z')
      await until(async () => {
        await app.store.users.upsert({ ...user, updated_at: new Date(updates++).toISOString() })
        return receiver.received.length > 0
      })
      const [{ url, headers, body } = { url: '', headers: {}, body: '' }] = receiver.received
      t.equal(url, '/hook?token=needle')
      for (const secret of [SECRET, FORMER]) {
        const told = new Webhook(secret).verify(body, headers as Record<string, string>)
        t.match(told, { type: /^user\./, timestamp: String, data: { id: headers['webhook-id'], identity_id: user.identity_id } })
      }
      t.throws(() => new Webhook(secretOf(3)).verify(body, headers as Record<string, string>))
      t.notMatch(body, /example\.com|position/)
    })

    await t.test('takes a redirect, an error or silence for a refusal', async (t) => {
      const elsewhere = await startReceiver(t, () => [200])
      const redirect: [number, Record<string, string>] = [307, { location: elsewhere.url }]
      const receiver = await startReceiver(t, (count) => count % 2 === 1 ? redirect : [500])
      const { app, logs } = await webhooks(t, receiver.url)
      const words = (): string[] => logs().flatMap((line) => /"error":"(HTTP_\d+)"/.exec(line)?.[1] ?? [])
      await until(async () => {
        await app.store.users.upsert(someUser())
        return new Set(words()).size === 2
      })
      t.same([...new Set(words())].sort(), ['HTTP_307', 'HTTP_500'])
      t.equal(elsewhere.received.length, 0)
      t.notOk(logs().join('').includes('needle'))
    })
  })

  t.test('dead letters', async (t) => {
    const { app } = await construct(t, { OPERATOR_KEY, METRICS_TOKEN })
    await app.ready()
    const { subscriptions, events } = app.store
    const identityId = someUser().identity_id
    await subscriptions.take('mail', 'owner', await subscriptions.lease('mail'))
    await events.record(['a', 'b'].map((method) => ({ type: 'second_factor.failed', identityId, method })))
    const placed = await subscriptions.next('mail', 10)
    const dead = placed.map(({ position }) => ({ position, identityId, attempts: 10, nextAt: null, isDead: true, error: 'HTTP_500' }))
    await subscriptions.advance('mail', 'owner', placed.at(-1)?.position ?? 0, dead)
    const ask = (query = '') => app.inject({ url: `/internal/events/dead-letters${query}`, headers: AUTHORIZED })
    const replay = (payload: object, headers: Record<string, string> = AUTHORIZED) =>
      app.inject({ method: 'POST', url: '/internal/events/dead-letters/replay', headers, payload })

    await t.test('are for the holder of OPERATOR_KEY', async (t) => {
      t.match((await app.inject('/internal/events/dead-letters')).json(), { code: 'INVALID_OPERATOR_KEY' })
      t.match((await replay({ subscriber: 'mail' }, {})).json(), { code: 'INVALID_OPERATOR_KEY' })
      t.equal((await replay({ subscriber: 'mail', event_id: 'x' })).statusCode, 400)
    })

    await t.test('are listed by page, and tried anew', async (t) => {
      const { data } = (await ask('?limit=1&subscriber=mail')).json()
      t.match(data, { dead_letters: [{ subscriber: 'mail', attempts: 10, error: 'HTTP_500', event: { method: 'a' } }] })
      const rest = (await ask(`?limit=1&cursor=${data.next_cursor}`)).json().data
      t.match(rest, { dead_letters: [{ event: { method: 'b' } }], next_cursor: null })
      t.same((await ask('?subscriber=other')).json().data.dead_letters, [])
      t.match((await replay({ subscriber: 'mail', event_id: data.dead_letters[0].event.id })).json(), { data: { replayed: 1 } })
      t.match((await replay({ subscriber: 'mail' })).json(), { data: { replayed: 1 } })
      t.match((await replay({ subscriber: 'mail' })).json(), { data: { replayed: 0 } })
      t.equal((await subscriptions.due('mail', Date.now(), 10)).length, 2)
    })
  })
}
