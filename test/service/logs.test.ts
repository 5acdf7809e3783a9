import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { build, FRONTEND } from '../support/app.js'
import { answer, hang, type Reaction, resetInBody, startFaultServer } from '../support/fault-server.js'
import { ID } from '../support/faults.js'

/** One secret for each place a request or an answer can carry one; each is found by its own name. */
const canary = (place: string): string => `CANARY${place}`
const TOKEN = `ory_st_${canary('token')}`
const SEALED = `MTc5${canary('sealed')}`
const COOKIES = {
  token: `ory_kratos_session=${TOKEN}; product=${canary('product')}`,
  sealed: `ory_kratos_session=${SEALED}; csrf_token_${'0f'.repeat(32)}=${canary('csrfcookie')}; ory_kratos_continuity=${
    canary('continuity')
  }`,
  pair: `ory_kratos_session=${TOKEN}; ory_kratos_session=${SEALED}`,
  malformed: `ory_kratos_session=%${canary('malformed')}`,
}
const WEBHOOK_KEY = `${canary('webhookkey')}-${'k'.repeat(32)}`
const HEADERS = {
  'user-agent': canary('agent'),
  referer: `http://x/?${canary('referer')}`,
  'x-other': canary('header'),
  'x-forwarded-for': canary('forwarded'),
  'x-csrf-token': canary('csrfheader'),
}
const SECRETS = {
  ...Object.fromEntries(
    ['password', 'code', 'totp_code', 'lookup_secret', 'csrf_token', 'first_name'].map((
      name,
    ) => [name, canary(name.replaceAll('_', ''))]),
  ),
  ...Object.fromEntries(['identifier', 'email'].map((name) => [name, `${canary('mail')}@example.test`])),
  transient_payload: { secret: canary('transient') },
}
const QUERY = `token=${canary('logouttoken')}&code=${canary('querycode')}&flow_secret=${canary('flow')}&return_to=${
  canary('returnto')
}`
const post = (url: string, payload: string | object, headers: Record<string, string> = {}): InjectOptions => ({
  method: 'POST',
  url,
  payload,
  headers: { 'content-type': 'application/json', origin: FRONTEND, ...headers },
})
const identity = {
  id: ID,
  traits: { email: `${canary('mail')}@example.test`, username: canary('username') },
  metadata_admin: { secret: canary('metadata') },
}

/** Every endpoint, with good, bad and hostile input, each with every kind of session. */
const REQUESTS: InjectOptions[] = [
  { url: `/api/auth/whoami?${QUERY}` },
  { url: `/api/auth/whoami?full=${canary('full')}` },
  { url: '/api/documents' },
  { url: `/api/documents?cursor=${canary('cursor')}` },
  { url: `/api/documents/${canary('id')}` },
  post('/api/documents', { title: canary('title'), content: canary('content'), [canary('field')]: 1 }),
  { url: '/metrics', headers: { authorization: `Bearer ${canary('metricstoken')}-${'k'.repeat(32)}` } },
  { url: `/metrics?${QUERY}`, headers: { authorization: `Bearer ${canary('wrongtoken')}` } },
  { url: `/api/auth/flows/login?${QUERY}` },
  { url: '/api/auth/flows/registration?type=browser' },
  { url: `/api/auth/flows/login/${ID}?${QUERY}` },
  { url: '/api/auth/flows/logout' },
  { url: `/api/auth/logout?${QUERY}` },
  post('/api/auth/logout', SECRETS),
  post(`/api/auth/flows/login?${QUERY}`, { flow_id: ID, ...SECRETS }),
  post('/api/auth/flows/login?transport=token', { flow_id: ID, ...SECRETS }, { origin: '' }),
  post('/api/auth/flows/registration', { flow_id: ID, ...SECRETS, method: 'password', traits: SECRETS }),
  post('/api/auth/flows/recovery', { flow_id: ID, ...SECRETS, method: 'code' }),
  post('/api/auth/flows/login', { flow_id: canary('flowid'), ...SECRETS }),
  post('/api/auth/flows/login', { ...SECRETS, password: [canary('password')] }),
  post('/api/auth/flows/login', `{"password":"${canary('password')}`),
  post('/api/auth/flows/login', `{"flow_id":"${ID}","__proto__":{"x":"${canary('proto')}"}}`),
  post('/api/auth/flows/login', canary('body'), { 'content-type': 'text/plain' }),
  post('/api/auth/flows/login', { flow_id: ID, ...SECRETS }, { origin: 'https://evil.example' }),
  post('/api/auth/flows/login', JSON.stringify({ password: canary('password').repeat(10_000) })),
  { url: `/${canary('path')}` },
  { url: `/${canary('path')}/%zz` },
  { method: 'DELETE', url: `/api/auth/whoami?${QUERY}` },
]

/** No browser and no session: what Kratos sends, with and without the key. */
const HOOKS: InjectOptions[] = [{ 'x-webhook-key': WEBHOOK_KEY }, { 'x-webhook-key': canary('wrongkey') }, {}].flatMap((
  headers,
) =>
  [
    { identity, request_headers: { cookie: canary('hookcookie') }, [canary('hookfield')]: 1 },
    { identity: { ...identity, id: canary('identityid') } },
    { identity: { ...identity, traits: { email: [canary('mail')] } } },
  ].map((payload): InjectOptions => ({
    method: 'POST',
    url: '/internal/auth/user-created',
    payload,
    headers: { ...headers, 'ory-webhook-trigger-id': canary('trigger'), 'user-agent': canary('agent') },
  })),
)

const kratosError = {
  error: {
    id: canary('errorid'),
    code: 403,
    reason: canary('reason'),
    message: canary('message'),
    debug: canary('debug'),
    details: { hint: canary('details') },
    request: canary('request'),
  },
}
const session = { id: canary('sessionid'), active: true, expires_at: '2099-01-01T00:00:00Z', identity }
const tokenAnswer = {
  session_token: TOKEN,
  session,
  continue_with: [{ action: 'set_ory_session_token', ory_session_token: TOKEN }],
}
const leaky: Array<[string, string]> = [['Set-Cookie', `ory_kratos_session=${SEALED}; Path=/`], [
  'Location',
  `http://x/?token=${canary('location')}`,
], ['X-Kratos-Authenticated-Identity-Id', canary('kratosheader')]]
/** Kratos well, refusing and ill, each with secrets in what it says. */
const REACTIONS: Array<[name: string, reaction: Reaction]> = [
  ['a session and a token', answer(200, { ...tokenAnswer, ...session }, leaky)],
  ['403', answer(403, kratosError, leaky)],
  ['400 that means 500', answer(400, { error: { ...kratosError.error, code: 500 } }, leaky)],
  ['500', answer(500, kratosError, leaky)],
  ['303', answer(303, '', leaky)],
  ['422', answer(422, { ...kratosError, redirect_browser_to: `https://evil.example/?${canary('redirect')}` }, leaky)],
  ['truncated JSON', answer(200, JSON.stringify(tokenAnswer).slice(0, -3), leaky)],
  ['a token where JSON was due', answer(200, TOKEN, leaky)],
  ['two documents', answer(502, JSON.stringify(tokenAnswer).repeat(2))],
  ['HTML', answer(502, `<h1>${canary('html')}</h1>`, [['Content-Type', 'text/html']])],
  ['a header of another kind', (socket) => {
    socket.end(`HTTP/1.1 200 OK\r\n${canary('headerline')}\r\n\r\n`)
  }],
  ['reset', resetInBody],
]

const found = (text: string): string[] => [...new Set(text.match(/CANARY[a-z]+/g) ?? [])]

/**
 * What an answer shows to page scripts and logs of others: its body and its headers but the cookies, which are for
 * secrets.
 */
const shown = ({ body, headers: { 'set-cookie': _, ...headers } }: LightMyRequestResponse): string =>
  JSON.stringify(headers) + body

/**
 * Words of Kratos' flow and session, and of the caller's own data, are for the caller: the rest of the canaries are for
 * nobody.
 */
const FOR_THE_CALLER = [
  'CANARYmail',
  'CANARYusername',
  'CANARYfirstname',
  'CANARYsessionid',
  'CANARYtitle',
  'CANARYcontent',
  'CANARYmetadata',
]

async function setUp (t: Test, reaction: Reaction, env: Record<string, string> = {}) {
  const kratos = await startFaultServer(t, reaction)
  return {
    kratos,
    ...await build(t, {
      KRATOS_PUBLIC_URL: kratos.url,
      WEBHOOK_KEY,
      METRICS_TOKEN: `${canary('metricstoken')}-${'k'.repeat(32)}`,
      WEBHOOK_KEY_PREVIOUS: `${canary('previouskey')}-${'k'.repeat(32)}`,
      LOG_LEVEL: 'trace',
      ...env,
    }),
  }
}

export default async function (t: Test): Promise<void> {
  t.test('secrets stay out of logs and answers, at trace level, whatever happens (H01, H06)', async (t) => {
    const stderr = t.capture(process.stderr, 'write')
    const { app, kratos, logs } = await setUp(t, hang)
    const credentials: Array<Record<string, string>> = [...Object.values(COOKIES).map((cookie) => ({ cookie })), {
      'x-session-token': TOKEN,
      authorization: `Bearer ${TOKEN}`,
    }]
    for (const [turn, [name, reaction]] of REACTIONS.entries()) {
      kratos.react(reaction)
      // In the course of all reactions each request meets each credential.
      const asked = REQUESTS.map((request, index) => ({
        ...request,
        headers: { ...HEADERS, ...request.headers, ...credentials[(turn + index) % credentials.length] },
      }))
      const answers = await Promise.all([...asked, ...HOOKS].map((request) => app.inject(request)))
      const leaks = answers.flatMap((response) =>
        found(shown(response)).filter((word) => !FOR_THE_CALLER.includes(word)).map((word) =>
          `${word} in ${response.statusCode} ${shown(response).slice(0, 300)}`,
        ),
      )
      t.same(leaks, [], `${name}: answers`)
      t.same(found(logs().join('')), [], `${name}: logs`)
    }
    t.same(found(JSON.stringify(stderr.args())), [], 'standard error')
    const arrived = found(kratos.requests.map(({ head, body }) => head + body).join())
    for (
      const secret of [
        'token',
        'sealed',
        'csrfcookie',
        'continuity',
        'password',
        'code',
        'csrftoken',
        'mail',
        'transient',
        'agent',
        'logouttoken',
      ]
    ) t.ok(arrived.includes(canary(secret)), `${secret} was on its way`)
  })

  t.test('every line is JSON with time in UTC and request id, one for each request, by route instead of URL (H06)', async (t) => {
    const { app, logs } = await setUp(t, answer(200, session))
    const start = logs().length
    for (
      const [url, route] of [[`/api/auth/whoami?${QUERY}`, '/api/auth/whoami'], [
        `/api/documents/${ID}?${QUERY}`,
        '/api/documents/:id',
      ], [`/nope?${QUERY}`, null]] as const
    ) {
      const askedAt = Date.now()
      const { headers } = await app.inject({ url, headers: { cookie: COOKIES.token, 'x-request-id': 'my-id.1' } })
      const lines = logs().slice(start).map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) =>
        line['event'] === 'request',
      )
      t.match(lines.at(-1), {
        level: 30,
        time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
        reqId: 'my-id.1',
        method: 'GET',
        route,
        status: Number,
        ms: Number,
      })
      t.equal(headers['x-request-id'], 'my-id.1')
      const time = Date.parse(String(lines.at(-1)?.['time']))
      t.ok(time >= askedAt && time <= Date.now(), 'the time is that of its own line')
    }
    t.equal(logs().slice(start).filter((line) => line.includes('"event":"request"')).length, 3)
    t.ok(logs().every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1), 'one line each')
  })

  t.test('an exception in a handler is a plain 500 (H04)', async (t) => {
    const { app, logs } = await setUp(t, hang)
    app.kratos.whoami = async () => {
      throw new Error(`${canary('exception')} at /srv/app.ts`)
    }
    const response = await app.inject({ url: '/api/auth/whoami', headers: { cookie: COOKIES.token } })
    t.equal(response.statusCode, 500)
    t.same(response.json(), { success: false, error: 'Internal error', code: 'INTERNAL_ERROR' })
    const line = logs().find((text) => text.includes('request_failed')) ?? '{}'
    t.match(
      JSON.parse(line),
      { level: 50, code: 'INTERNAL_ERROR', stack: /logs\.test\.[jt]s/ },
      'the log has what is needed to find it',
    )
  })

  t.test('whoever logs a request, a reply or an error logs nothing of their content (H01)', async (t) => {
    const { app, logs } = await setUp(t, hang)
    const err = Object.assign(new Error(canary('errormessage')), { code: 'SOME_CODE', sql: canary('sql') })
    app.log.warn({
      req: { url: canary('url'), headers: { cookie: canary('cookie') } },
      res: { headers: canary('resheader') },
      err,
    }, 'odd')
    const line = logs().find((text) => text.includes('"msg":"odd"')) ?? ''
    t.same(found(line), [])
    t.match(JSON.parse(line), { err: { type: 'Error', code: 'SOME_CODE' } })
  })

  t.test("a client's words are cut and escaped in the log", async (t) => {
    const { app, logs } = await setUp(t, hang)
    const long = 'x'.repeat(5000)
    await app.inject(
      post('/api/auth/logout', {}, { cookie: COOKIES.token, origin: `https://evil.example/\u001b[31m"${long}` }),
    )
    await app.inject({ url: '/api/auth/whoami', headers: { cookie: COOKIES.pair, host: `a"\u001b[31m.${long}.example` } })
    await app.inject({ url: '/api/auth/flows/logout', headers: { cookie: COOKIES.pair } })
    await app.inject(post('/api/auth/logout', {}, { cookie: COOKIES.pair }))
    const events = logs().map((line) => JSON.parse(line) as Record<string, unknown>)
    t.equal(events.filter(({ event }) => event === 'origin_refused').length, 1)
    t.equal(events.filter(({ event }) => event === 'two_session_cookies').length, 3, 'also where no guard looks (B01)')
    for (const line of logs()) t.ok(line.length < 1000 && !line.includes('\u001b'), line.slice(0, 100))
  })

  t.test('the database password stays out too (H01, H02)', async (t) => {
    const { app, logs } = await setUp(t, answer(200, session), {
      DATABASE_URL: `postgres://${canary('dbuser')}:${canary('dbpassword')}@127.0.0.1:9/${canary('dbname')}`,
    })
    const response = await app.inject({ url: '/api/documents', headers: { cookie: COOKIES.token } })
    t.match(response.json(), { code: 'DATABASE_UNAVAILABLE' })
    t.match((await app.inject('/health/ready')).statusCode, 503)
    t.same(found(logs().join('') + response.body), [])
    t.ok(
      logs().some((line) => line.includes('database_error') || line.includes('request_failed')),
      'although it is logged that there is none',
    )
  })

  t.test('nothing in a log ties two requests of one session together that is or leads back to its token (H07)', async (t) => {
    const { app, logs } = await setUp(t, answer(200, session))
    const token = `ory_st_${'q7W8e9R0'.repeat(4)}`
    for (
      const headers of [{ cookie: `ory_kratos_session=${token}` }, { 'x-session-token': token }, {
        authorization: `Bearer ${token}`,
      }]
    ) {
      for (
        const url of [
          '/api/auth/whoami',
          '/api/documents',
          '/api/auth/sessions',
          '/api/auth/flows/login',
          '/api/auth/flows/logout',
          '/nope',
        ]
      ) await app.inject({ url, headers })
      await app.inject(post('/api/auth/logout', {}, headers))
    }
    const digests = ['sha1', 'sha256', 'sha512', 'md5'].flatMap((name) =>
      (['hex', 'base64', 'base64url'] as const).map((encoding) => createHash(name).update(token).digest(encoding)),
    )
    // Anybody who has a token could find its lines by a plain digest, and by the beginning of one too: a trace has to
    // be keyed.
    const traces = [token.slice(7, 15), ...digests.map((digest) => digest.slice(0, 8))]
    t.same(traces.filter((trace) => logs().join('').includes(trace)), [])
  })
}
