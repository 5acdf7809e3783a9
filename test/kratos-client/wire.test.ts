import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { build, FRONTEND } from '../support/app.js'
import {
  answer, type FaultServer, type Reaction, type Received, replay,
  startFaultServer,
} from '../support/fault-server.js'
import { speak } from '../support/raw-http.js'

const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const OTHER_TOKEN = `ory_st_${'Z9y8'.repeat(8)}`
const SEALED = `MTc5${'Az_-09'.repeat(70)}==`
const CSRF = `csrf_token_${'0f'.repeat(32)}=Nl5+26w5gnK5+HXaVoWqVIhZEWiOlf3I/4ue9UVsEtQ=`
const CONTINUITY = 'ory_kratos_continuity=MTc5NTQxMjI1MXxEWDhF'
const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
const SESSION = {
  id: 's',
  active: true,
  expires_at: '2099-01-01T00:00:00Z',
  identity: { id: ID, traits: { email: 'a@example.test' } },
}
const FLOW = { id: ID, type: 'api', ui: { action: 'http://127.0.0.1:4433/x', method: 'POST', nodes: [] } }

/** Kratos in good health, for every call of ours. */
const healthy: Reaction = (socket, request) => {
  if (request.target === '/sessions/whoami') return answer(200, SESSION)(socket, request)
  if (request.target.startsWith('/self-service/logout/browser')) { return answer(200, { logout_token: 'ory_lo_x' })(socket, request) }
  if (request.target.startsWith('/self-service/logout')) { return replay('40-logout-browser', 'complete with cookie (json)')(socket, request) }
  return answer(200, FLOW)(socket, request)
}

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
}

async function setUp (t: Test, reaction: Reaction = healthy, env: Record<string, string> = {}): Promise<Setup> {
  const kratos = await startFaultServer(t, reaction)
  const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, ...env })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, kratos }
}

/** What a hostile or careless client adds to everything it sends. */
const NOISE = [
  'X-Forwarded-For: 6.6.6.6',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Port: 6',
  'X-Forwarded-Uri: /evil',
  'Forwarded: for=6.6.6.6',
  'X-Real-IP: 6.6.6.6',
  'True-Client-IP: 6.6.6.6',
  'CF-Connecting-IP: 6.6.6.6',
  'X-Original-URL: /admin',
  'X-Rewrite-URL: /admin',
  'X-Kratos-Authenticated-Identity-Id: 1',
  'X-User-Id: 1',
  `Origin: ${FRONTEND}`,
  `Referer: ${FRONTEND}/`,
  'Accept: text/html',
  'Accept-Encoding: gzip',
  'Accept-Language: de',
  'X-Request-Id: abc',
  'X-CSRF-Token: x',
  'X-HTTP-Method-Override: DELETE',
]
const PRODUCT = 'theme=dark; product_session=canary; csrf_token_mine=canary; __cf_bm=canary'

async function send (app: FastifyInstance, line: string, headers: string[], body?: unknown) {
  const text = body === undefined ? '' : JSON.stringify(body)
  const framing = body === undefined
    ? []
    : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`]
  return await speak(
    app,
    [`${line} HTTP/1.1`, 'Host: localhost:3000', ...framing, ...headers, '', ''].join('\r\n') +
      Buffer.from(text).toString('latin1'),
  )
}

/** Names and values of a request's headers, without those of the connection. */
function essence ({ head }: Received): Record<string, string> {
  const lines = head.split('\r\n').slice(1).map((
    line,
  ) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
  return Object.fromEntries(
    lines.filter(([name]) => !['host', 'connection', 'content-length'].includes(name ?? '')),
  ) as Record<string, string>
}

interface Case {
  name: string
  line: string
  headers?: string[]
  body?: unknown
  sent: Array<[line: string, headers: Record<string, string>, body?: unknown]>
}

const accept = { accept: 'application/json', 'x-request-id': 'abc' }
const device = { ...accept, 'true-client-ip': '127.0.0.1', 'user-agent': 'agent/1' }
const json = { 'content-type': 'application/json' }
const asToken = { 'x-session-token': TOKEN }
const asCookie = { cookie: `ory_kratos_session=${SEALED}` }
const flat = { flow_id: ID, identifier: 'a', password: ' pä ss🐎 ' }
const submitted = { method: 'password', identifier: 'a', password: ' pä ss🐎 ' }
const whoamiLine = 'GET /sessions/whoami'
const tokenCookie = `Cookie: ${PRODUCT}; ory_kratos_session=${TOKEN}; ${CSRF}`
const sealedCookie = `Cookie: ${PRODUCT}; ${CSRF}; ory_kratos_session=${SEALED}; ${CONTINUITY}`
const pair = `Cookie: ory_kratos_session=${TOKEN}; ${CSRF}; ory_kratos_session=${OTHER_TOKEN}`
const login = '/self-service/login'

const CASES: Case[] = [
  {
    name: 'whoami, token in the cookie (B16)',
    line: 'GET /api/auth/whoami',
    headers: [tokenCookie],
    sent: [[whoamiLine, { ...accept, ...asToken }]],
  },
  {
    name: 'whoami, sealed cookie (B16)',
    line: 'GET /api/auth/whoami',
    headers: [sealedCookie],
    sent: [[whoamiLine, { ...accept, ...asCookie }]],
  },
  {
    name: "whoami, cookie and another user's token (B12)",
    line: 'GET /api/auth/whoami',
    headers: [sealedCookie, `X-Session-Token: ${OTHER_TOKEN}`, `Authorization: Bearer ${OTHER_TOKEN}`],
    sent: [[whoamiLine, { ...accept, ...asCookie }]],
  },
  {
    name: 'whoami, token header (B13)',
    line: 'GET /api/auth/whoami',
    headers: [`X-Session-Token: ${TOKEN}`, `Cookie: ${PRODUCT}`],
    sent: [[whoamiLine, { ...accept, ...asToken }]],
  },
  {
    name: 'whoami, Bearer (B14)',
    line: 'GET /api/auth/whoami',
    headers: [`Authorization: Bearer ${TOKEN}`],
    sent: [[whoamiLine, { ...accept, ...asToken }]],
  },
  {
    name: 'whoami, other Bearer (B14)',
    line: 'GET /api/auth/whoami',
    headers: ['Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.x'],
    sent: [],
  },
  { name: 'whoami, a pair (B01)', line: 'GET /api/auth/whoami', headers: [pair], sent: [] },
  {
    name: 'whoami, the same cookie twice on two lines (B03)',
    line: 'GET /api/auth/whoami',
    headers: [`Cookie: ory_kratos_session=${TOKEN}`, `Cookie: ory_kratos_session=${TOKEN}`],
    sent: [[whoamiLine, { ...accept, ...asToken }]],
  },
  {
    name: 'whoami, percent-encoded CRLF (B06)',
    line: 'GET /api/auth/whoami',
    headers: ['Cookie: ory_kratos_session=a%0d%0aX-Admin:%201'],
    sent: [],
  },
  {
    name: 'init',
    line: 'GET /api/auth/flows/login',
    headers: [`Cookie: ${PRODUCT}; ${CSRF}`],
    sent: [[`GET ${login}/api`, device]],
  },
  {
    name: "init of a token's owner (D04)",
    line: 'GET /api/auth/flows/login',
    headers: [tokenCookie],
    sent: [[`GET ${login}/api`, { ...device, ...asToken }]],
  },
  {
    name: "init of a sealed cookie's owner (D04)",
    line: 'GET /api/auth/flows/login',
    headers: [sealedCookie],
    sent: [[`GET ${login}/browser`, { ...device, cookie: `${CSRF}; ${CONTINUITY}; ory_kratos_session=${SEALED}` }]],
  },
  {
    name: "browser init of a token's owner (D04)",
    line: 'GET /api/auth/flows/login?type=browser',
    headers: [tokenCookie],
    sent: [[`GET ${login}/browser`, { ...device, ...asToken, cookie: CSRF }]],
  },
  {
    name: 'init with a pair ignores it (B01)',
    line: 'GET /api/auth/flows/login',
    headers: [pair],
    sent: [[`GET ${login}/api`, device]],
  },
  {
    name: "API init of a sealed cookie's owner",
    line: 'GET /api/auth/flows/login?type=api',
    headers: [sealedCookie],
    sent: [],
  },
  {
    name: 'submit of an API flow (B18)',
    line: 'POST /api/auth/flows/login',
    headers: [sealedCookie],
    body: flat,
    sent: [[`GET ${login}/flows?id=${ID}`, {
      ...accept,
      cookie: `${CSRF}; ${CONTINUITY}; ory_kratos_session=${SEALED}`,
    }], [`POST ${login}?flow=${ID}`, { ...device, ...json }, submitted]],
  },
  {
    name: "submit of an API flow by a token's owner (B18)",
    line: 'POST /api/auth/flows/login',
    headers: [tokenCookie],
    body: { ...flat, csrf_token: '' },
    sent: [
      [`GET ${login}/flows?id=${ID}`, { ...accept, ...asToken, cookie: CSRF }],
      [`POST ${login}?flow=${ID}`, { ...device, ...json, ...asToken }, { ...submitted, csrf_token: '' }],
    ],
  },
  {
    name: 'submit of a browser flow (B18)',
    line: 'POST /api/auth/flows/login',
    headers: [sealedCookie],
    body: { ...flat, csrf_token: 'c' },
    sent: [[`POST ${login}?flow=${ID}`, {
      ...device,
      ...json,
      cookie: `${CSRF}; ${CONTINUITY}; ory_kratos_session=${SEALED}`,
    }, { ...submitted, csrf_token: 'c' }]],
  },
  {
    name: 'submit with a pair ignores it (B01)',
    line: 'POST /api/auth/flows/login',
    headers: [pair],
    body: flat,
    sent: [
      [`GET ${login}/flows?id=${ID}`, { ...accept, cookie: CSRF }],
      [`POST ${login}?flow=${ID}`, { ...device, ...json }, submitted],
    ],
  },
  {
    name: 'fetch',
    line: `GET /api/auth/flows/login/${ID}`,
    headers: [sealedCookie],
    sent: [[`GET ${login}/flows?id=${ID}`, {
      ...accept,
      cookie: `${CSRF}; ${CONTINUITY}; ory_kratos_session=${SEALED}`,
    }]],
  },
  {
    name: 'logout URL',
    line: 'GET /api/auth/flows/logout',
    headers: [tokenCookie],
    sent: [['GET /self-service/logout/browser', { ...accept, ...asToken }]],
  },
  // A logout asks first whose session it ends, for its event, and last whether it is over.
  {
    name: 'logout by URL, token: the one Bearer (recording 41)',
    line: 'GET /api/auth/logout?token=ory_lo_x',
    headers: [tokenCookie],
    sent: [[whoamiLine, { ...accept, ...asToken }], ['GET /self-service/logout?token=ory_lo_x', {
      ...accept,
      authorization: `Bearer ${TOKEN}`,
    }], [whoamiLine, {
      ...accept,
      ...asToken,
    }]],
  },
  {
    name: 'logout by URL, cookie',
    line: 'GET /api/auth/logout?token=ory_lo_x',
    headers: [sealedCookie],
    sent: [[whoamiLine, { ...accept, ...asCookie }], ['GET /self-service/logout?token=ory_lo_x', {
      ...accept,
      ...asCookie,
    }], [whoamiLine, {
      ...accept,
      ...asCookie,
    }]],
  },
  {
    name: 'logout in one step, token',
    line: 'POST /api/auth/logout',
    headers: [tokenCookie],
    body: {},
    sent: [[whoamiLine, { ...accept, ...asToken }], ['DELETE /self-service/logout/api', { ...accept, ...json }, {
      session_token: TOKEN,
    }], [whoamiLine, {
      ...accept,
      ...asToken,
    }]],
  },
  {
    name: 'logout in one step, cookie',
    line: 'POST /api/auth/logout',
    headers: [sealedCookie],
    body: {},
    sent: [[whoamiLine, { ...accept, ...asCookie }], ['GET /self-service/logout/browser', { ...accept, ...asCookie }], [
      'GET /self-service/logout?token=ory_lo_x',
      { ...accept, ...asCookie },
    ], [whoamiLine, { ...accept, ...asCookie }]],
  },
]

export default async function (t: Test): Promise<void> {
  t.test('what Kratos gets, header by header (B12 to B18, B37, D04)', async (t) => {
    const { app, kratos } = await setUp(t)
    for (const { name, line, headers = [], body, sent } of CASES) {
      kratos.requests.length = 0
      const response = await send(app, line, [...headers, ...NOISE, 'User-Agent: agent/1'], body)
      t.same(
        kratos.requests.map((request) => [`${request.method} ${request.target}`, essence(request)]),
        sent.map(([upstream, expected]) => [upstream, expected]),
        name,
      )
      for (const [index, [, , expected]] of sent.entries()) {
        const text = kratos.requests[index]?.body ?? ''
        t.same(text === '' ? undefined : JSON.parse(text), expected, `${name}: body`)
      }
      t.equal(
        new Set(kratos.requests.map((request) => request.header('host').join())).size,
        sent.length === 0 ? 0 : 1,
        `${name}: one Host, Kratos' own`,
      )
      const isLogoutHop = line.startsWith('GET /api/auth/logout')
      if (!isLogoutHop) { t.match(response.headers['content-type'], /^application\/json/, `${name}: JSON for Accept text/html (B37)`) }
      t.notMatch(response.raw, /canary|6\.6\.6\.6/, `${name}: nothing comes back`)
    }
  })

  t.test('the caller as Kratos notes it at the device (B19, B20)', async (t) => {
    const { app, kratos } = await setUp(t)
    const seen = async (on: FastifyInstance, ...headers: string[]): Promise<Record<string, string>> => {
      await send(on, 'GET /api/auth/flows/login', headers)
      // Here the id is of our own making.
      return { ...essence(kratos.requests.at(-1) as Received), 'x-request-id': 'abc' }
    }
    t.same(await seen(app), { ...accept, 'true-client-ip': '127.0.0.1' }, 'no User-Agent, none sent')
    t.equal((await seen(app, `User-Agent: ${'x'.repeat(600)}`))['user-agent'], 'x'.repeat(512), 'at most 512 bytes')
    t.equal((await seen(app, 'User-Agent: a\u00e9\tb'))['user-agent'], 'a\u00e9\tb', 'odd bytes pass as they are')
    const proxied = await build(t, { KRATOS_PUBLIC_URL: kratos.url, TRUST_PROXY: '127.0.0.1,10.0.0.0/8' })
    await proxied.app.listen({ port: 0, host: '127.0.0.1' })
    t.equal(
      (await seen(proxied.app, 'X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3'))['true-client-ip'],
      '203.0.113.9',
      'behind a trusted proxy the rightmost untrusted address',
    )
  })

  t.test('Set-Cookie lines pass byte for byte and in order, other headers of Kratos do not (B24, B25, B27)', async (t) => {
    const lines = [
      'a=1; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Path=/',
      'b=%2C%3B%0d%22 x; HttpOnly',
      `${CSRF}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`,
      'a=2',
    ]
    const others: Array<[string, string]> = [
      ['Connection', 'keep-alive'],
      ['Server', 'kratos-canary'],
      ['X-Powered-By', 'canary'],
      ['Access-Control-Allow-Origin', '*'],
      ['Clear-Site-Data', '"*"'],
      ['Location', 'http://169.254.169.254/'],
      ['X-Kratos-Authenticated-Identity-Id', 'canary'],
      ['Cache-Control', 'public, max-age=9'],
      ['Set-Cookie2', 'canary'],
      ['Content-Security-Policy', 'canary'],
      ['Ory-Session-Cache-For', '60'],
    ]
    const { app, kratos } = await setUp(t)
    const error = (code: number): object => ({ error: { code, message: 'canary' } })
    const answers: Array<[status: number, body: object]> = [
      [200, FLOW],
      [400, { ...FLOW, ui: { ...FLOW.ui, messages: [{ id: 4000006, type: 'error', text: 'no' }] } }],
      [403, error(403)],
      [404, error(404)],
      [410, { ...error(410), use_flow_id: ID }],
      [422, { ...error(422), redirect_browser_to: `${FRONTEND}/x` }],
      [500, error(500)],
      [301, error(301)],
    ]
    for (const [status, body] of answers) {
      const submit = answer(status, body, [...lines.map((line): [string, string] => ['Set-Cookie', line]), ...others])
      kratos.react((socket, request) => (request.method === 'POST' ? submit : healthy)(socket, request))
      const { raw } = await send(app, 'POST /api/auth/flows/login', [`Origin: ${FRONTEND}`], flat)
      t.same([...raw.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, line]) => line), lines, `${status}: the lines`)
      t.notMatch(
        raw.toLowerCase(),
        /canary|169\.254|allow-origin: \*|clear-site-data|\r\nserver:|cache-control: public/,
        `${status}: nothing else (B24, D05)`,
      )
      t.notOk(
        kratos.requests.some(({ target }) => !target.startsWith('/self-service/login')),
        'no redirect is followed (D05)',
      )
      kratos.requests.length = 0
    }
  })
}
