import type { Test } from 'tap'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { build, FRONTEND } from '../support/app.js'
import { answer, type FaultServer, startFaultServer } from '../support/fault-server.js'
import { ID, WELL } from '../support/faults.js'
import { get, setCookies } from '../support/kratos.js'
import { plain, refused, request, speak } from '../support/raw-http.js'

const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const EVIL = 'https://evil.example'
const OTHER_ID = '11111111-2222-4333-8444-555555555555'

/** A browser that is logged in, by either kind of session. */
const VICTIMS: Record<string, string> = {
  token: `theme=dark; ory_kratos_session=${TOKEN}`,
  sealed: `ory_kratos_session=MTc5${'Az_-09'.repeat(70)}; csrf_token_${'0f'.repeat(32)}=x`,
}

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
  handled: () => number
}

/** The service, and how many of its handlers were reached. */
async function setUp (t: Test): Promise<Setup> {
  const kratos = await startFaultServer(t, WELL)
  const { app, handled } = await build(t, {
    KRATOS_PUBLIC_URL: kratos.url,
    KRATOS_ADMIN_URL: `${kratos.url}/admin-port`,
  })
  return { app, kratos, handled }
}

type Method = 'POST' | 'PATCH' | 'DELETE'
/** Every route that changes something, with a body that it would take. */
const TARGETS: Array<[method: Method, url: string, body?: object]> = [
  ...['login', 'registration', 'recovery', 'verification', 'settings'].map((
    flow,
  ): [Method, string, object] => ['POST', `/api/auth/flows/${flow}`, { flow_id: ID, method: 'password' }]),
  ['POST', '/api/auth/logout', {}],
  ['DELETE', '/api/auth/sessions'],
  ['DELETE', `/api/auth/sessions/${OTHER_ID}`],
  ['DELETE', '/api/auth/account'],
  ['POST', '/api/documents', { title: 't', content: 'c' }],
  ['PATCH', `/api/documents/${OTHER_ID}`, { title: 't' }],
  ['DELETE', `/api/documents/${OTHER_ID}`],
]

interface Attack {
  name: string
  headers: Record<string, string>
  type?: string | undefined
  only?: Method
}
const site = (site: string, mode: string, dest = 'empty'): Record<string, string> => ({
  'sec-fetch-site': site,
  'sec-fetch-mode': mode,
  'sec-fetch-dest': dest,
})
const JSON_TYPE = 'application/json'
const FORM = 'application/x-www-form-urlencoded'

/** What pages of other origins can make a browser send. */
const ATTACKS: Attack[] = [
  { name: 'a form', type: FORM, headers: { origin: EVIL, ...site('cross-site', 'navigate', 'document') } },
  {
    name: 'a form with a file',
    type: 'multipart/form-data; boundary=x',
    headers: { origin: EVIL, ...site('cross-site', 'navigate', 'document') },
  },
  {
    name: 'a form of text/plain that is JSON (C06)',
    type: 'text/plain',
    headers: { origin: EVIL, ...site('cross-site', 'navigate', 'document') },
  },
  { name: 'a form in a frame', type: FORM, headers: { origin: EVIL, ...site('cross-site', 'navigate', 'iframe') } },
  {
    name: 'a simple fetch of text/plain (C06)',
    type: 'text/plain;charset=UTF-8',
    headers: { origin: EVIL, ...site('cross-site', 'no-cors') },
  },
  { name: 'a fetch of JSON', type: JSON_TYPE, headers: { origin: EVIL, ...site('cross-site', 'cors') } },
  {
    name: 'a fetch without a body (C07)',
    type: undefined,
    headers: { origin: EVIL, ...site('cross-site', 'no-cors') },
  },
  {
    name: 'a sandboxed frame: Origin null (C02)',
    type: JSON_TYPE,
    headers: { origin: 'null', ...site('cross-site', 'cors') },
  },
  { name: 'Origin null and nothing else', type: JSON_TYPE, headers: { origin: 'null' } },
  {
    name: 'a sibling subdomain',
    type: JSON_TYPE,
    headers: { origin: 'http://sibling.localhost:3001', ...site('same-site', 'cors') },
  },
  { name: 'a sibling that leaves Origin out (C08)', type: JSON_TYPE, headers: site('same-site', 'no-cors') },
  { name: 'no Origin, cross-site (C08)', type: JSON_TYPE, headers: site('cross-site', 'no-cors') },
  {
    name: 'a navigation of our own page (C08)',
    type: JSON_TYPE,
    headers: { origin: FRONTEND, ...site('same-site', 'navigate', 'document') },
    only: 'POST',
  },
  { name: 'an address typed in', type: JSON_TYPE, headers: site('none', 'navigate', 'document') },
  { name: 'an old browser: a form without Origin', type: FORM, headers: {}, only: 'POST' },
  { name: 'an old browser: text/plain without Origin (C06)', type: 'text/plain', headers: {}, only: 'POST' },
  { name: 'an old browser: no body and no Origin (C07, C09)', type: undefined, headers: {}, only: 'POST' },
  { name: 'an old browser: the Referer alone', type: 'text/plain', headers: { referer: `${EVIL}/` }, only: 'POST' },
  {
    name: 'a method override',
    type: JSON_TYPE,
    headers: { origin: EVIL, 'x-http-method-override': 'GET', 'x-http-method': 'GET', 'x-method-override': 'GET' },
  },
  {
    name: 'a token header beside the cookie, which decides',
    type: JSON_TYPE,
    headers: { origin: EVIL, 'x-session-token': TOKEN },
  },
  ...[
    'https://localhost:3001',
    'http://localhost:3002',
    'http://localhost',
    `${FRONTEND}/`,
    'http://LOCALHOST:3001',
    'http://localhost:3001.evil.example',
    'http://evillocalhost:3001',
    `${FRONTEND}, ${FRONTEND}`,
    `${FRONTEND}, ${EVIL}`,
    '',
  ]
    .map((origin): Attack => ({ name: `Origin "${origin}" (C02)`, type: JSON_TYPE, headers: { origin } })),
]

export default async function (t: Test): Promise<void> {
  t.test('what a foreign page makes a browser send is refused before the handler, on every route that changes something (C02, C06, C07, C08, C10)', async (t) => {
    const { app, kratos, handled } = await setUp(t)
    for (const { name, type, headers, only } of ATTACKS) {
      const wrong: string[] = []
      for (const [method, url, body] of TARGETS.filter(([method]) => only === undefined || only === method)) {
        for (const [kind, cookie] of [...Object.entries(VICTIMS), ['nobody', 'theme=dark'] as const]) {
          // Without a session there is none to abuse: 401. A route that hands one out is guarded all the same (C10).
          const isJson = type === undefined || body === undefined || type === JSON_TYPE
          const expected = !isJson
            ? 'UNSUPPORTED_MEDIA_TYPE'
            : kind === 'nobody' && !url.startsWith('/api/auth/flows/') && url !== '/api/auth/logout'
              ? 'INVALID_SESSION'
              : 'ORIGIN_FORBIDDEN'
          if (kind === 'nobody' && headers['x-session-token'] !== undefined && expected === 'INVALID_SESSION') continue
          const payload = type === undefined || body === undefined ? {} : { payload: JSON.stringify(body) }
          const response = await app.inject({
            method,
            url,
            headers: { cookie, ...headers, ...(type !== undefined && body !== undefined && { 'content-type': type }) },
            ...payload,
          })
          const { code } = response.json<{ code: string }>()
          const shows = setCookies(response).length > 0 ||
            (response.headers['access-control-allow-origin'] !== undefined && headers['origin'] !== FRONTEND)
          if (code !== expected || shows) wrong.push(`${method} ${url} (${kind}): ${response.statusCode} ${code}`)
        }
      }
      t.same(wrong, [], name)
    }
    t.equal(handled(), 0, 'no handler was reached')
    t.equal(kratos.requests.length, 0, 'and Kratos was not called')
  })

  t.test('what may call does: our page, a server, a native client (C01, C09)', async (t) => {
    const { app, handled } = await setUp(t)
    const json = { 'content-type': JSON_TYPE }
    const callers: Array<[name: string, headers: Record<string, string>]> = [
      ['the front end', { cookie: VICTIMS['token'] ?? '', origin: FRONTEND, ...site('same-site', 'cors') }],
      ['our own origin', {
        cookie: VICTIMS['token'] ?? '',
        origin: 'http://localhost:3000',
        ...site('same-origin', 'cors'),
      }],
      ['our own origin in a browser that sends no Origin', {
        cookie: VICTIMS['token'] ?? '',
        ...site('same-origin', 'cors'),
      }],
      ['curl with a cookie', { cookie: VICTIMS['token'] ?? '' }],
      ['a native client', { 'x-session-token': TOKEN }],
      ['a native client with an Origin, which no foreign page can be: CORS does not let it send the header', {
        'x-session-token': TOKEN,
        origin: EVIL,
      }],
      ['a Bearer with an Origin', { authorization: `Bearer ${TOKEN}`, origin: EVIL }],
    ]
    for (const [index, [name, headers]] of callers.entries()) {
      const response = await app.inject({
        method: 'POST',
        url: '/api/documents',
        headers: { ...json, ...headers },
        payload: { title: 't', content: 'c' },
      })
      t.equal(response.statusCode, 201, name)
      t.equal(handled(), index + 1)
      const allowed = headers['origin'] === FRONTEND ? FRONTEND : undefined
      t.equal(response.headers['access-control-allow-origin'], allowed, `${name}: CORS for the front end only (C01, C02)`)
      t.match(response.headers.vary, /Origin/)
    }
    for (const url of ['/api/auth/flows/login', '/api/auth/flows/registration', '/api/auth/logout']) {
      const response = await app.inject({
        method: 'POST',
        url,
        headers: { 'x-session-token': TOKEN, origin: EVIL },
        payload: { flow_id: ID, method: 'password' },
      })
      refused(t, plain(response), 403, 'ORIGIN_FORBIDDEN', `${url} hands out or ends a session: no exemption there`)
    }
  })

  t.test('safe methods change nothing, whoever asks and whatever a header or parameter says the method is (C11)', async (t) => {
    const { app, kratos } = await setUp(t)
    const cookie = VICTIMS['token'] ?? ''
    const { data } =
      (await app.inject({
        method: 'POST',
        url: '/api/documents',
        headers: { cookie, origin: FRONTEND },
        payload: { title: 'Mine', content: 'c' },
      })).json<{ data: { id: string } }>()
    const documents = async (): Promise<unknown> =>
      (await get(app, '/api/documents', { cookie })).json<{ data: unknown }>().data
    const before = await documents()
    const url = `/api/documents/${data.id}`
    const overrides = [
      {},
      ...['x-http-method-override', 'x-http-method', 'x-method-override'].map((name) => ({ [name]: 'DELETE' })),
    ]
    const visits = [
      site('cross-site', 'navigate', 'document'),
      site('cross-site', 'navigate', 'iframe'),
      site('cross-site', 'no-cors', 'image'),
      { ...site('cross-site', 'no-cors'), 'sec-purpose': 'prefetch' },
      { origin: EVIL },
    ]

    kratos.requests.length = 0
    for (const headers of [...overrides, ...visits]) {
      for (
        const path of [
          url,
          '/api/documents',
          '/api/auth/sessions',
          '/api/auth/whoami',
          '/api/auth/flows/logout',
          '/api/auth/flows/login',
        ]
      ) {
        for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
          const response = await app.inject({
            method,
            url: `${path}?_method=DELETE&method=DELETE`,
            headers: { cookie, ...headers },
          })
          t.ok(response.statusCode < 500, `${method} ${path}: ${response.statusCode}`)
          if ('origin' in headers) {
            t.same(
              Object.keys(response.headers).filter((name) => name.startsWith('access-control-')),
              [],
              `${method} ${path}: no CORS for a foreign page (C02)`,
            )
          }
        }
      }
      // POST is not a method of one document, whatever it says it means.
      const posted = await app.inject({
        method: 'POST',
        url: `${url}?_method=DELETE`,
        headers: { cookie, ...headers, 'content-type': FORM },
        payload: '_method=DELETE',
      })
      refused(t, plain(posted), 405, 'METHOD_NOT_ALLOWED', 'POST')
    }
    const asked = new Set(kratos.requests.map(({ method, target }) => `${method} ${target.split('?')[0] ?? ''}`))
    t.same([...asked].sort(), [
      'GET /self-service/login/api',
      'GET /self-service/logout/browser',
      'GET /sessions',
      'GET /sessions/whoami',
    ], 'Kratos was asked, and told nothing')
    t.same(await documents(), before)
  })

  t.test('a logout by GET wants a visit and the token of this very session (C11)', async (t) => {
    const { app, kratos, handled } = await setUp(t)
    const cookie = VICTIMS['token'] ?? ''
    const refusedVisits: Array<Record<string, string>> = [
      site('cross-site', 'no-cors', 'image'),
      site('same-origin', 'no-cors', 'image'),
      site('cross-site', 'navigate', 'iframe'),
      site('cross-site', 'no-cors', 'script'),
      site('cross-site', 'no-cors', 'style'),
      { ...site('cross-site', 'navigate', 'document'), 'sec-purpose': 'prefetch' },
      { purpose: 'prefetch' },
      { 'x-moz': 'prefetch' },
      { origin: EVIL },
      { origin: EVIL, ...site('cross-site', 'cors') },
      { origin: 'null' },
      site('cross-site', 'no-cors'),
    ]
    for (const headers of refusedVisits) {
      refused(
        t,
        plain(await get(app, '/api/auth/logout?token=ory_lo_x', { cookie, ...headers })),
        403,
        'ORIGIN_FORBIDDEN',
        JSON.stringify(headers),
      )
    }
    t.equal(handled(), 0, 'none of them reached the handler')
    t.equal(
      (await app.inject({ method: 'HEAD', url: '/api/auth/logout?token=ory_lo_x', headers: { cookie } })).statusCode,
      405,
      'HEAD',
    )
    for (const query of ['', '?token=', '?other=x']) {
      refused(
        t,
        plain(await get(app, `/api/auth/logout${query}`, { cookie, ...site('cross-site', 'navigate', 'document') })),
        403,
        'LOGOUT_TOKEN_INVALID',
        `without a token: "${query}"`,
      )
    }
    t.equal(kratos.requests.length, 0, 'none of them got as far as Kratos')
    kratos.react(answer(403, { error: { code: 403, message: 'x' } }))
    refused(
      t,
      plain(
        await get(app, '/api/auth/logout?token=ory_lo_of_another', {
          cookie,
          ...site('cross-site', 'navigate', 'document'),
        }),
      ),
      403,
      'LOGOUT_TOKEN_INVALID',
      'Kratos says whose it is',
    )
  })

  t.test('a foreign WebSocket is refused on a guarded route, before Kratos is asked (C02)', async (t) => {
    const { app, kratos, handled } = await setUp(t)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const upgrade = (url: string, ...headers: string[]): string =>
      request(
        `GET ${url} HTTP/1.1`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      )
    for (const url of ['/api/auth/whoami', '/api/documents', '/api/auth/sessions']) {
      for (const cookie of Object.values(VICTIMS)) {
        for (const origin of [EVIL, 'null', 'http://localhost:3002']) {
          const response = await speak(app, upgrade(url, `Cookie: ${cookie}`, `Origin: ${origin}`))
          refused(t, response, 403, 'ORIGIN_FORBIDDEN', `${url} from ${origin}`)
        }
      }
    }
    t.same([handled(), kratos.requests.length], [0, 0])
    t.equal(
      (await speak(app, upgrade('/api/auth/whoami', `Cookie: ${VICTIMS['token'] ?? ''}`, `Origin: ${FRONTEND}`))).status,
      200,
      'of our own page it is a request like any other: there is no WebSocket here',
    )
  })

  t.test("Kratos' own CSRF refusal is passed on with its new cookie, once and without its words (C13)", async (t) => {
    const { app, kratos } = await setUp(t)
    const line = `csrf_token_${'0f'.repeat(32)}=new+value=; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`
    const details = {
      docs: 'https://www.ory.sh/kratos/docs/debug/csrf',
      hint: 'the cookie is missing',
      reject_reason: 'x',
    }
    kratos.react(
      answer(403, {
        error: {
          id: 'security_csrf_violation',
          code: 403,
          status: 'Forbidden',
          reason: 'Please retry the flow',
          details,
          message: 'the request was rejected',
        },
      }, [['Set-Cookie', line]]),
    )
    const requests: Array<[InjectOptions, number]> = [
      [{
        method: 'POST',
        url: '/api/auth/flows/login',
        payload: { flow_id: ID, method: 'password', csrf_token: 'old' },
        headers: { origin: FRONTEND },
      }, 1],
      [{ url: `/api/auth/flows/login/${ID}` }, 1],
    ]
    for (const [sent, calls] of requests) {
      kratos.requests.length = 0
      const response = await app.inject(sent)
      refused(t, plain(response), 403, 'CSRF_VIOLATION', String(sent.url))
      t.same(setCookies(response), [line])
      t.equal(kratos.requests.length, calls, 'no automatic retry')
      t.notMatch(response.body, /details|docs|reason|hint|ory\.sh|Please retry/)
    }
  })
}
