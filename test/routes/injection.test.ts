import type { Test } from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import fastifyKratos from '../../src/plugin.js'
import { build, FRONTEND, PATIENT, WEBHOOK_KEY } from '../support/app.js'
import { answer, type FaultServer, type Reaction, startFaultServer } from '../support/fault-server.js'
import { ID, SESSION, WELL } from '../support/faults.js'
import { HOSTILE_TARGETS } from '../support/hostile-targets.js'
import { buildWithKratos, get, post, setCookies, startFlow } from '../support/kratos.js'
import { plain, refused, request, speak } from '../support/raw-http.js'

const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const COOKIE = { cookie: `ory_kratos_session=${TOKEN}` }
const LOGIN = '/api/auth/flows/login'

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
  logs: () => string[]
}

async function setUp (t: Test, reaction: Reaction = WELL, env: Record<string, string> = {}): Promise<Setup> {
  const kratos = await startFaultServer(t, reaction)
  return {
    kratos,
    ...await build(t, { KRATOS_PUBLIC_URL: kratos.url, KRATOS_ADMIN_URL: `${kratos.url}/admin-port`, ...env }),
  }
}

/** Values that mean something to SQL, to URLs, to HTTP or to a shell. */
const METACHARACTERS = [
  "'",
  '"',
  ';',
  '--',
  "' OR 1=1--",
  '" OR ""="',
  "'; DROP TABLE users;--",
  '1) UNION SELECT email FROM users--',
  '$1',
  '?',
  '%',
  "%' ESCAPE '\\",
  "\\'",
  "x'||(select 1)||'",
  '../../admin',
  '..%2f..%2fadmin',
  'x&admin=1',
  'x?y=1',
  'x#y',
  '%26admin=1',
  '\uff0f..\uff0fadmin',
  'a/b',
  '\r\nX-Admin: 1',
  '%0d%0aX-Admin:1',
  'x'.repeat(10_000),
  '\u2028',
  '🐎',
]

const FORGED = {
  'x-forwarded-for': '6.6.6.6',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-port': '6',
  forwarded: 'for=6.6.6.6;host=evil.example;proto=https',
  'x-real-ip': '6.6.6.6',
  'x-original-url': '/admin',
  'x-rewrite-url': '/admin',
}

export default async function (t: Test): Promise<void> {
  t.test('metacharacters in every id, cursor and query are 400 or 404, and reach neither Kratos nor a row (A20, A37, D01)', async (t) => {
    const { app, kratos } = await setUp(t)
    const id =
      (await post(app, '/api/documents', { title: 'Mine', content: 'c' }, COOKIE)).json<{ data: { id: string } }>().data
        .id
    kratos.requests.length = 0
    for (const value of METACHARACTERS) {
      const encoded = encodeURIComponent(value)
      const places: Array<[method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object]> = [
        ['GET', `/api/documents/${encoded}`],
        ['DELETE', `/api/documents/${encoded}`],
        ['PATCH', `/api/documents/${encoded}`, { title: 'Theirs' }],
        ['DELETE', `/api/documents/${id}${encoded}`],
        ['GET', `/api/documents?cursor=${encoded}`],
        ['GET', `/api/documents?limit=${encoded}`],
        ['DELETE', `/api/auth/sessions/${encoded}`],
        ['GET', `${LOGIN}/${encoded}`],
        ['GET', `${LOGIN}/${ID}${encoded}`],
        ['POST', LOGIN, { flow_id: value }],
        ['POST', `${LOGIN}?flow=${encoded}`, { flow_id: ID }],
        ['GET', `${LOGIN}?aal=${encoded}`],
        ['GET', `${LOGIN}?refresh=${encoded}`],
        ['GET', `${LOGIN}?type=${encoded}`],
      ]
      const statuses = await Promise.all(places.map(async ([method, url, payload]) => {
        const { statusCode } = await app.inject({
          method,
          url,
          headers: { ...COOKIE, origin: FRONTEND },
          ...(payload !== undefined && { payload }),
        })
        return [400, 404, 405].includes(statusCode) ? [] : [`${method} ${url.slice(0, 80)}: ${statusCode}`]
      }))
      t.same(statuses.flat(), [], encoded.slice(0, 60))
    }
    t.same(
      [...new Set(kratos.requests.map(({ target }) => target))],
      ['/sessions/whoami'],
      'Kratos was asked for the session and nothing else',
    )
    const { documents } =
      (await get(app, '/api/documents', COOKIE)).json<{ data: { documents: Array<{ title: string }> } }>().data
    t.same(documents.map(({ title }) => title), ['Mine'])
  })

  t.test('metacharacters in text are text: in a document, in what the webhook tells (A18, A37)', async (t) => {
    const { app } = await setUp(t)
    for (const [index, value] of METACHARACTERS.filter((value) => value.length <= 200).entries()) {
      const created = await post(app, '/api/documents', { title: value, content: value }, COOKIE)
      t.match(created.json(), { success: true, data: { title: value, content: value } }, encodeURIComponent(value))
      const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
      const told = await post(app, '/internal/auth/user-created', {
        identity: { id, traits: { email: value, first_name: value, last_name: value, username: value } },
      }, { 'x-webhook-key': WEBHOOK_KEY })
      t.equal(told.statusCode, 200)
      t.match(await app.store.users.find(id), { email: value, first_name: value, last_name: value, username: value })
      for (const identity of [{ id: `${id}${value}`, traits: {} }, { id, traits: {}, updated_at: value }]) {
        t.equal(
          (await post(app, '/internal/auth/user-created', { identity }, { 'x-webhook-key': WEBHOOK_KEY })).statusCode,
          400,
        )
      }
    }
  })

  t.test('NUL and lone surrogates in a flow are passed on or refused, never a fault (A18)', async (t) => {
    const values = [
      'a\u0000b@example.test',
      '\u0000',
      '\ud800',
      'a\udc00@example.test',
      '\ud83d\ud83d',
      '\uffff',
      '\u202e',
    ]
    const bodies = (flowId: string, value: string): Array<[string, object]> => [
      [LOGIN, { flow_id: flowId, identifier: value, password: value }],
      [LOGIN, { flow_id: flowId, method: 'password', identifier: value, password: 'x', [value]: value }],
      ['/api/auth/flows/registration', { flow_id: flowId, email: value, first_name: value, password: value }],
      ['/api/auth/flows/registration', {
        flow_id: flowId,
        method: 'password',
        traits: { email: value, [value]: value },
        password: 'x',
        transient_payload: { [value]: value },
      }],
    ]
    const { app, kratos } = await setUp(t)
    for (const value of values) {
      for (const [url, body] of bodies(ID, value)) {
        kratos.requests.length = 0
        const response = await post(app, url, body)
        if (value.includes('\u0000')) {
          refused(t, plain(response), 400, 'VALIDATION_ERROR', 'NUL: what Kratos stores nowhere does not go up')
          t.match(response.json(), { fields: [{ path: /^\/(?:identifier|traits)$/, message: 'must not contain NUL' }] })
          t.equal(kratos.requests.length, 0)
        } else {
          t.equal(response.statusCode, 200)
          t.ok(
            Object.values(JSON.parse(kratos.requests[0]?.body ?? '{}') as object).length > 0,
            'as JSON that can be read',
          )
        }
      }
    }
    t.equal(
      (await post(app, LOGIN, { flow_id: ID, identifier: 'a', password: 'a\u0000b' })).statusCode,
      200,
      'a password is what it is (A34)',
    )
    const real = await buildWithKratos(t)
    for (const value of values) {
      const flows: Record<string, string> = {}
      for (const name of ['login', 'registration']) { flows[`/api/auth/flows/${name}`] = (await startFlow(real.app, name)).id }
      for (const [url, body] of bodies('', value)) {
        const { statusCode } = await post(real.app, url, { ...body, flow_id: flows[url] })
        t.ok(statusCode < 500, `${url} with ${JSON.stringify(value)}: ${statusCode}`)
      }
    }
  })

  t.test('what goes up in a query arrives as that one value (D01, E09)', async (t) => {
    const { app, kratos } = await setUp(t)
    const tokens = METACHARACTERS.filter((value) => value.length <= 200)
    for (const value of tokens) {
      kratos.requests.length = 0
      await get(app, `/api/auth/logout?token=${encodeURIComponent(value)}`, { ...COOKIE, accept: 'application/json' })
      // Before it Kratos is asked whose session that is.
      const [owner, first] = kratos.requests
      t.equal(owner?.target, '/sessions/whoami')
      const [path, query] = (first?.target ?? '').split(/\?(.*)/s)
      t.equal(path, '/self-service/logout', 'the path is a constant')
      t.same([...new URLSearchParams(query)], [['token', value]], encodeURIComponent(value))
      t.notMatch(first?.head, /\r\nX-Admin/i)
    }
    for (
      const path of ['/x&admin=1', '/x;y', '/x%26admin=1', '/x?a=1&b=2#c', '/%2e%2e/admin', '/\uff0fadmin', '/ü?ü=ü']
    ) {
      kratos.requests.length = 0
      await get(app, `${LOGIN}?return_to=${encodeURIComponent(FRONTEND + path)}`)
      const [target, query] = (kratos.requests[0]?.target ?? '').split(/\?(.*)/s)
      t.equal(target, '/self-service/login/api')
      t.same([...new URLSearchParams(query)], [['return_to', FRONTEND + path]], path)
    }
  })

  t.test('no hostile return_to gets past a flow route: 400, nothing of it in the answer, nothing at Kratos (E01, E02, E04)', async (t) => {
    const { app, kratos } = await setUp(t)
    const corpus = HOSTILE_TARGETS.filter((_, index) => index % 7 === 0)
    t.ok(corpus.length >= 500, `${corpus.length} targets`)
    const flows = ['login', 'registration', 'recovery', 'verification', 'settings']
    const passed = await Promise.all(corpus.map(async (target, index) => {
      const { statusCode, headers, body } = await get(
        app,
        `/api/auth/flows/${flows[index % flows.length] ?? ''}?return_to=${encodeURIComponent(target)}`,
      )
      return statusCode === 400 && headers.location === undefined && !body.includes('evil')
        ? []
        : [`${statusCode} ${target}`]
    }))
    t.same(passed.flat(), [])
    t.equal(kratos.requests.length, 0)
  })

  t.test('an address that Kratos names goes on as data, and only to where a browser may be sent (E10)', async (t) => {
    const { app, kratos } = await setUp(t)
    const submit = (method: string) => post(app, LOGIN, { flow_id: ID, method, csrf_token: 'c' }, { origin: FRONTEND })
    const evil = [
      'https://evil.example/',
      'javascript:alert(1)',
      '//evil.example',
      `${FRONTEND}@evil.example/`,
      'http://evil.example/',
      'https://user:pass@localhost/',
      7,
      null,
      {},
    ]
    for (const target of evil) {
      kratos.react(
        answer(422, { error: { id: 'browser_location_change_required', code: 422 }, redirect_browser_to: target }),
      )
      const refusal = await submit('password')
      refused(t, plain(refusal), 502, 'UPSTREAM_ERROR', `422 to ${JSON.stringify(target)}`)
      t.notMatch(refusal.body, /evil|alert|user:pass/)
      kratos.react(answer(403, { error: { id: 'session_aal2_required', code: 403 }, redirect_browser_to: target }))
      const denied = await get(app, '/api/auth/whoami', COOKIE)
      refused(t, plain(denied), 403, 'AAL2_REQUIRED', `403 to ${JSON.stringify(target)}`)
      t.equal(
        denied.json<Record<string, unknown>>()['redirect_browser_to'],
        undefined,
        'the refusal stands, the address does not',
      )
    }
    for (
      const [target, method] of [
        [`${FRONTEND}/login?x=1`, 'password'],
        [`${kratos.url}/self-service/login/browser?x=1`, 'password'],
        ['https://provider.example/authorize?x=1', 'oidc'],
        ['http://127.0.0.1:5/authorize', 'oidc'],
      ] as const
    ) {
      kratos.react(
        answer(422, { error: { id: 'browser_location_change_required', code: 422 }, redirect_browser_to: target }),
      )
      const response = await submit(method)
      t.match(response.json(), { success: true, data: { next: 'redirect', redirect_browser_to: target } })
      t.equal(response.headers.location, undefined)
    }
  })

  t.test('forwarding headers of a client nobody trusts change no URL, no cookie and no log line (B19)', async (t) => {
    const minting = answer(200, { session_token: TOKEN, session: { ...SESSION, id: ID } })
    const { app, kratos, logs } = await setUp(t)
    const host = Fastify()
    t.teardown(() => host.close())
    await host.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.url })
    for (
      const [name, service, own] of [['the service', app, 'http://localhost:3000'], [
        'the plugin without a base URL',
        host,
        'http://app.example:8080',
      ]] as const
    ) {
      const headers = { ...FORGED, host: new URL(own).host }
      kratos.react(WELL)
      t.match((await get(service, '/api/auth/flows/logout', { ...COOKIE, ...headers })).json(), {
        data: { logout_url: `${own}/api/auth/logout?token=ory_lo_x` },
      }, name)
      kratos.react(minting)
      const entered = await post(service, LOGIN, { flow_id: ID, method: 'password' }, headers)
      t.match(
        setCookies(entered),
        [/^ory_kratos_session=ory_st_\w+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/],
        `${name}: no Secure by what the client says`,
      )
      t.match(kratos.requests.at(-1)?.header('true-client-ip'), ['127.0.0.1'])
      t.notMatch(kratos.requests.map(({ head }) => head).join(), /6\.6\.6\.6|evil\.example/)
    }
    t.notMatch(logs().join(''), /6\.6\.6\.6|evil\.example/)
  })

  t.test('/kratos passes on what its bodies need, and no header of another hop or of CORS (B24)', async (t) => {
    const { app, kratos } = await setUp(t, WELL, { KRATOS_PROXY: 'true' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const dropped: Array<[string, string]> = [
      ['Connection', 'close, X-Hop'],
      ['X-Hop', 'canary'],
      ['Keep-Alive', 'timeout=canary'],
      ['Proxy-Authenticate', 'canary'],
      ['Trailer', 'canary'],
      ['Upgrade', 'canary'],
      ['Server', 'canary'],
      ['X-Powered-By', 'canary'],
      ['Access-Control-Allow-Origin', '*'],
      ['Access-Control-Allow-Credentials', 'canary'],
      ['Clear-Site-Data', '"canary"'],
      ['X-Kratos-Authenticated-Identity-Id', 'canary'],
      ['Strict-Transport-Security', 'canary'],
      ['Set-Cookie2', 'canary'],
    ]
    const lines = ['a=1; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Path=/', 'b=%2C%3B%0d%22; HttpOnly']
    kratos.react(
      answer(200, { ok: true }, [...dropped, ...lines.map((line): [string, string] => ['Set-Cookie', line]), [
        'ETag',
        '"e"',
      ], ['Cache-Control', 'private, no-cache']]),
    )
    const { raw, status, headers } = await speak(
      app,
      request('GET /kratos/sessions/whoami HTTP/1.1', `Origin: ${FRONTEND}`),
    )
    t.equal(status, 200)
    t.notMatch(raw, /canary/)
    t.match(headers, { etag: '"e"', 'cache-control': 'private, no-cache', 'access-control-allow-origin': FRONTEND })
    t.same([...raw.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, line]) => line), lines, 'cookies byte for byte (B25)')
  })

  t.test('two session cookies are told to the operator with the domain the second one probably has (B01)', async (t) => {
    const { app, kratos, logs } = await setUp(t)
    await get(app, '/api/auth/whoami', { cookie: 'ory_kratos_session=a; ory_kratos_session=b', host: 'api.shop.example' })
    t.equal(kratos.requests.length, 0)
    const event = logs().map((line) => JSON.parse(line) as Record<string, unknown>).find(({ event }) =>
      event === 'two_session_cookies',
    )
    t.match(event, { cookieDomain: 'shop.example', reqId: String, time: /Z$/ })
  })
}
