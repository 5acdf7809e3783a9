import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { build, FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import { post } from '../support/kratos.js'

const URL = '/internal/auth/user-created'
const ID = '0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d'
const KEY = { 'x-webhook-key': WEBHOOK_KEY }

const body = (over: Record<string, unknown> = {}, traits: Record<string, unknown> = {}) => ({
  identity: {
    id: ID,
    traits: { email: 'user@example.com', first_name: 'John', last_name: 'Doe', username: 'johndoe', ...traits },
    created_at: '2024-01-15T12:20:00Z',
    updated_at: '2024-01-15T12:20:00Z',
    ...over,
  },
})

export default async function (t: Test): Promise<void> {
  t.test('POST /internal/auth/user-created', async (t) => {
    await t.test('stores the user and answers 200 {"success":true} (F20)', async (t) => {
      const { app } = await build(t)
      const answer = await post(app, URL, body(), KEY)
      t.equal(answer.statusCode, 200)
      t.same(answer.json(), { success: true })
      t.match(await app.store.users.find(ID), {
        email: 'user@example.com',
        first_name: 'John',
        last_name: 'Doe',
        username: 'johndoe',
      })
    })

    await t.test('401 without a key or with a wrong one, before the body is read; no row (F01, F02)', async (t) => {
      const { app } = await build(t)
      const keys = [undefined, '', 'x', WEBHOOK_KEY.slice(0, -1), `${WEBHOOK_KEY}x`, `${WEBHOOK_KEY.slice(0, -1)}x`]
      for (const key of keys) {
        const headers: Record<string, string> = key === undefined ? {} : { 'x-webhook-key': key }
        for (const payload of [JSON.stringify(body()), '{not json', 'x'.repeat(1024 * 1024)]) {
          const answer = await app.inject({
            method: 'POST',
            url: URL,
            headers: { 'content-type': 'application/json', ...headers },
            payload,
          })
          t.equal(answer.statusCode, 401)
          t.equal(answer.json().code, 'INVALID_WEBHOOK_KEY')
        }
      }
      t.equal(await app.store.users.find(ID), undefined)
    })

    await t.test('takes the key as Authorization: Bearer too, and no other way (F02)', async (t) => {
      const { app, logs } = await build(t)
      const wrong = 'another-key-that-is-as-long-as-a-key-has-to-be'
      const status = async (headers: Record<string, string>): Promise<number> =>
        (await post(app, URL, body(), headers)).statusCode
      for (
        const headers of [
          { authorization: `Bearer ${WEBHOOK_KEY}` },
          { authorization: `bearer  ${WEBHOOK_KEY}` },
          { authorization: `Bearer ${WEBHOOK_KEY}`, ...KEY },
          { authorization: `Bearer ${wrong}`, ...KEY },
          { authorization: `Bearer ory_st_${'a'.repeat(32)}`, ...KEY },
          { authorization: `Bearer ${WEBHOOK_KEY}`, 'x-webhook-key': wrong },
        ]
      ) t.equal(await status(headers), 200, JSON.stringify(headers))
      for (
        const headers of [
          { authorization: WEBHOOK_KEY },
          { authorization: `Basic ${Buffer.from(`kratos:${WEBHOOK_KEY}`).toString('base64')}` },
          { authorization: `Bearer ${wrong}`, 'x-webhook-key': wrong },
          { authorization: `Bearer ${WEBHOOK_KEY} x` },
          { 'x-webhook-key': `Bearer ${WEBHOOK_KEY}` },
        ]
      ) t.equal(await status(headers), 401, JSON.stringify(headers))
      const bearer = { authorization: `Bearer ${WEBHOOK_KEY}` }
      t.equal((await post(app, '/internal/auth/purge', { identity_id: ID }, bearer)).statusCode, 200)
      t.notMatch(logs().join(), new RegExp(`${WEBHOOK_KEY}|${wrong}`))
    })

    await t.test('names the likely misconfiguration behind a refusal, once a minute for each (F13)', async (t) => {
      const { app, logs } = await build(t)
      const reasons = (): unknown[] =>
        logs().map((line) => JSON.parse(line) as Record<string, unknown>)
          .filter(({ event }) => event === 'webhook_misconfigured').map(({ reason }) => reason)
      const mistakes: Array<[reason: string, payload: unknown, headers: Record<string, string>, said: RegExp]> = [
        ['missing', body(), {}, /Bearer <WEBHOOK_KEY>/],
        ['wrong', body(), { 'x-webhook-key': 'not-the-key' }, /do not agree/],
        ['no_bearer', body(), { authorization: WEBHOOK_KEY }, /without 'Bearer '/],
        ['nil_identity', body({ id: '00000000-0000-0000-0000-000000000000' }), KEY, /response\.parse and can_interrupt/],
        ['template', { userId: ID }, KEY, /user-created\.jsonnet/],
      ]
      for (const [index, [reason, payload, headers, said]] of mistakes.entries()) {
        for (let times = 0; times < 3; times++) await post(app, URL, payload, headers)
        t.same(reasons(), mistakes.slice(0, index + 1).map(([reason]) => reason), reason)
        t.match(logs().filter((line) => line.includes('webhook_misconfigured')).at(-1), said)
      }
      t.match(logs().join(), /"reason":"template","fields":\["\/identity"\]/)
      t.notMatch(logs().join(), /user@example\.com/)
    })

    await t.test('without its database Kratos is told to come back in a minute, others in a second', async (t) => {
      const { app } = await build(t, { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' })
      for (const url of [URL, '/internal/auth/user-updated']) {
        const answer = await post(app, url, body(), KEY)
        t.match([answer.statusCode, answer.json().code, answer.headers['retry-after']], [503, 'DATABASE_UNAVAILABLE', '60'])
      }
      t.equal((await app.inject('/health/ready')).headers['retry-after'], '1')
    })

    await t.test('the previous key is accepted while it is rotated (F06)', async (t) => {
      const previous = 'the-previous-key-of-the-test-suite-0123456789'
      const { app } = await build(t, { WEBHOOK_KEY_PREVIOUS: previous })
      for (const key of [WEBHOOK_KEY, previous]) { t.equal((await post(app, URL, body(), { 'x-webhook-key': key })).statusCode, 200) }
    })

    await t.test('400 for a nil, missing or malformed id and for values no column takes; no row (F13, F14, A18)', async (t) => {
      const { app } = await build(t)
      const bad = [
        body({ id: '00000000-0000-0000-0000-000000000000' }),
        body({ id: undefined }),
        body({ id: 7 }),
        body({ id: 'x' }),
        body({ traits: [] }),
        body({}, { email: 'a'.repeat(400) }),
        body({}, { email: 'a\u0000b@example.com' }),
        body({}, { email: 7 }),
        body({}, { username: '\ud800' }),
        body({ updated_at: 'yesterday' }),
        {},
        [],
        null,
        { identity: null },
      ]
      for (const payload of bad) {
        const answer = await post(app, URL, payload, KEY)
        t.equal(answer.statusCode, 400, JSON.stringify(payload)?.slice(0, 80))
        t.equal(answer.json().code, 'VALIDATION_ERROR')
      }
      t.equal(await app.store.users.find(ID), undefined)
    })

    await t.test('413 for 1 MB, 415 for another content type, 403 for a browser; no row', async (t) => {
      const { app } = await build(t)
      t.equal((await post(app, URL, { ...body(), padding: 'x'.repeat(1024 * 1024) }, KEY)).statusCode, 413)
      const text = await app.inject({
        method: 'POST',
        url: URL,
        headers: { ...KEY, 'content-type': 'text/plain' },
        payload: JSON.stringify(body()),
      })
      t.equal(text.statusCode, 415)
      for (const headers of [{ origin: FRONTEND }, { cookie: 'a=b' }, { 'sec-fetch-site': 'same-origin' }]) {
        t.equal((await post(app, URL, body(), { ...KEY, ...headers } as Record<string, string>)).statusCode, 403)
      }
      t.equal(await app.store.users.find(ID), undefined)
    })

    await t.test('a hundred identical deliveries at once: 200 each, one row, created_at unchanged (F08, F09)', async (t) => {
      const { app } = await build(t)
      // A machine that is late makes the last ones wait for longer than a call may: Kratos sends those again.
      const deliver = async (): Promise<number> => {
        const { statusCode } = await post(app, URL, body(), KEY)
        return statusCode === 503 ? await deliver() : statusCode
      }
      const answers = await Promise.all(Array.from({ length: 100 }, deliver))
      t.same([...new Set(answers)], [200])
      t.match(await app.store.users.find(ID), { created_at: /^2024-01-15T12:20:00/ })
    })

    await t.test('only newer news changes the row, fractions of any length compared as time (F10)', async (t) => {
      const { app } = await build(t)
      const email = async () => (await app.store.users.find(ID))?.email
      await post(app, URL, body({ updated_at: '2024-01-15T12:20:00.5Z' }), KEY)
      await post(app, URL, body({ updated_at: '2024-01-15T12:20:00.49999Z' }, { email: 'older@example.com' }), KEY)
      await post(app, URL, body({ updated_at: '2024-01-15T12:20:00.500Z' }, { email: 'equal@example.com' }), KEY)
      t.equal(await email(), 'user@example.com')
      await post(
        app,
        '/internal/auth/user-updated',
        body({ updated_at: '2024-01-15T14:20:00.6+02:00' }, { email: 'newer@example.com' }),
        KEY,
      )
      t.equal(await email(), 'newer@example.com')
    })

    await t.test('two identities may have one e-mail address (F15)', async (t) => {
      const { app } = await build(t)
      const other = '1b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d'
      t.equal((await post(app, URL, body(), KEY)).statusCode, 200)
      t.equal((await post(app, URL, body({ id: other }), KEY)).statusCode, 200)
      t.ok(await app.store.users.find(other))
    })

    await t.test("a server's own fetch is no browser", async (t) => {
      const { app } = await build(t)
      await app.listen({ port: 0, host: '127.0.0.1' })
      const { port } = app.server.address() as AddressInfo
      const headers = { ...KEY, 'content-type': 'application/json' }
      for (const [path, sent] of [[URL, body()], ['/internal/auth/purge', { identity_id: ID }]] as const) {
        const init = { method: 'POST', headers, body: JSON.stringify(sent) }
        t.equal((await fetch(`http://127.0.0.1:${port}${path}`, init)).status, 200, path)
        for (
          const browser of [
            { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
            { 'sec-fetch-mode': 'navigate' },
            { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
            { 'sec-fetch-mode': 'cors', origin: FRONTEND },
          ]
        ) t.equal((await post(app, path, sent, { ...KEY, ...browser })).statusCode, 403, JSON.stringify(browser))
      }
    })

    await t.test('no CORS headers, not even for an allowed front end', async (t) => {
      const { app } = await build(t)
      const preflight = await app.inject({
        method: 'OPTIONS',
        url: URL,
        headers: { origin: FRONTEND, 'access-control-request-method': 'POST' },
      })
      t.notOk(preflight.headers['access-control-allow-origin'])
      const refused = await post(app, URL, body(), { ...KEY, origin: FRONTEND })
      t.notOk(refused.headers['access-control-allow-origin'])
    })
  })
}
