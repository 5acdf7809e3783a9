import { Type } from '@sinclair/typebox'
import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from '../../src/http/compilers.js'
import { build, FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import { answer, type FaultServer, type Reaction, startFaultServer } from '../support/fault-server.js'
import { plain, refused, SECURITY_HEADERS } from '../support/raw-http.js'

const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
const LOGIN = '/api/auth/flows/login'
const FLOW = { id: ID, type: 'api', ui: { action: 'http://127.0.0.1:4433/x', method: 'POST', nodes: [] } }

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
}

async function setUp (
  t: Test,
  reaction: Reaction = answer(200, FLOW),
  env: Record<string, string> = {},
): Promise<Setup> {
  const kratos = await startFaultServer(t, reaction)
  const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, ...env })
  return { app, kratos }
}

const post = (app: FastifyInstance, url: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json', ...headers } })

export default async function (t: Test): Promise<void> {
  t.test('bodies of a flow submit', async (t) => {
    const { app, kratos } = await setUp(t)
    const bad: Array<[name: string, body: string]> = [
      ['empty (A01)', ''],
      ['blank', ' '],
      ['array (A03)', '[]'],
      ['null (A03)', 'null'],
      ['string (A03)', '"x"'],
      ['number (A03)', '1'],
      ['true (A03)', 'true'],
      ['malformed', '{"flow_id":'],
      ['two documents', '{}{}'],
      ['method of another type (A04)', `{"flow_id":"${ID}","method":1}`],
      ['password of another type (A04)', `{"flow_id":"${ID}","password":12345678}`],
      ['csrf_token null (A04)', `{"flow_id":"${ID}","csrf_token":null}`],
      ['csrf_token of another type (A04)', `{"flow_id":"${ID}","csrf_token":["x"]}`],
      ['__proto__ (A07)', `{"flow_id":"${ID}","method":"password","__proto__":{"x":1}}`],
      ['constructor.prototype (A07)', `{"flow_id":"${ID}","constructor":{"prototype":{"x":1}}}`],
      ['__proto__ further down (A07)', `{"flow_id":"${ID}","transient_payload":{"a":{"__proto__":{}}}}`],
      ['no flow_id (A19)', '{"identifier":"a","password":"b"}'],
      ['flow_id in a list (A23)', `{"flow_id":["${ID}"]}`],
      ['password too long (A34)', JSON.stringify({ flow_id: ID, password: 'x'.repeat(1025) })],
      [
        'nested deeper than any form',
        `{"flow_id":"${ID}","method":"password","x":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      ],
      [
        'transient_payload nested deeper',
        `{"flow_id":"${ID}","transient_payload":{"x":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}}`,
      ],
    ]
    for (const [name, body] of bad) {
      for (const url of [LOGIN, '/api/auth/flows/registration']) { refused(t, plain(await post(app, url, body)), 400, 'VALIDATION_ERROR', `${name} at ${url}`) }
    }
    const { fields } = (await post(app, LOGIN, '{"password":12345678,"method":1}')).json<{ fields: unknown }>()
    t.match(
      fields,
      [{ path: '/flow_id', message: String }, { path: '/method' }, { path: '/password' }],
      'fields are named',
    )
    t.notMatch(JSON.stringify(fields), '12345678', 'and no value is echoed')

    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'application/json-patch+json',
      'application/jsonp',
      'text/json',
      'application/problem+json',
    ]
    for (const type of types) {
      refused(
        t,
        plain(await post(app, LOGIN, `{"flow_id":"${ID}"}`, { 'content-type': type, origin: FRONTEND })),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
        `${type} (A13, A14)`,
      )
    }
    refused(
      t,
      plain(await app.inject({ method: 'POST', url: LOGIN, payload: '{}', headers: { origin: FRONTEND } })),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      'no type (A14)',
    )
    refused(
      t,
      plain(await app.inject({ method: 'POST', url: LOGIN, headers: { origin: FRONTEND } })),
      400,
      'VALIDATION_ERROR',
      'no body and no type',
    )
    t.equal(kratos.requests.length, 0, 'Kratos is not called')
  })

  t.test('size of a body (A11)', async (t) => {
    const { app, kratos } = await setUp(t)
    const sized = (size: number): string => {
      const frame = `{"flow_id":"${ID}","method":"x"}`
      return frame + ' '.repeat(size - frame.length)
    }
    t.equal((await post(app, LOGIN, sized(64 * 1024))).statusCode, 200, '64 KiB')
    refused(t, plain(await post(app, LOGIN, sized(64 * 1024 + 1))), 413, 'PAYLOAD_TOO_LARGE', 'one byte more')
    refused(
      t,
      plain(await post(app, '/internal/auth/user-created', sized(64 * 1024 + 1), { 'x-webhook-key': WEBHOOK_KEY })),
      413,
      'PAYLOAD_TOO_LARGE',
      'the webhook',
    )
    t.equal(kratos.requests.length, 1)
  })

  t.test('flow ids and flow names', async (t) => {
    const { app, kratos } = await setUp(t)
    const bad = [
      '..%2f..%2fadmin%2fidentities',
      'x%3fy',
      'x%23y',
      'x'.repeat(10_000),
      `${ID}x`,
      `${ID}%0a`,
      ` ${ID}`,
      `${ID}%20`,
      ID.replaceAll('-', ''),
      `{${ID}}`,
      `urn:uuid:${ID}`,
      '%00',
      '%27%3b--',
      ID.replace('7', '\uff17'),
    ]
    for (const id of bad) {
      refused(
        t,
        plain(await app.inject(`${LOGIN}/${id}`)),
        400,
        'VALIDATION_ERROR',
        `in the path: ${id.slice(0, 40)} (A20, A37)`,
      )
    }
    for (const id of [...bad.map(decodeURIComponent), '../..', 'a?b', 'a#b', '']) {
      refused(
        t,
        plain(await post(app, LOGIN, JSON.stringify({ flow_id: id }))),
        400,
        'VALIDATION_ERROR',
        `in the body: ${id.slice(0, 40)} (A20)`,
      )
      refused(
        t,
        plain(await post(app, `${LOGIN}?flow=${encodeURIComponent(id)}`, JSON.stringify({ flow_id: ID }))),
        400,
        'VALIDATION_ERROR',
        `in the query: ${id.slice(0, 40)} (A20)`,
      )
    }
    const other = ID.replace('7', '8')
    for (const query of [`flow=${other}`, `flow_id=${other}`, `flow=${ID}&flow=${ID}`, `flow=${ID}&flow_id=${other}`]) {
      refused(
        t,
        plain(await post(app, `${LOGIN}?${query}`, JSON.stringify({ flow_id: ID }))),
        400,
        'VALIDATION_ERROR',
        `${query} (A23)`,
      )
    }
    for (
      const name of [
        'admin',
        'error',
        'login%2f..%2fadmin',
        'LOGIN',
        '..',
        'settings%00',
        'login%20',
        'loginx',
        'loginx/api',
      ]
    ) {
      refused(t, plain(await app.inject(`/api/auth/flows/${name}`)), 404, 'NOT_FOUND', `flow ${name} (D03)`)
    }
    t.equal(kratos.requests.length, 0, 'Kratos is not called')

    await app.inject(`${LOGIN}/${ID.toUpperCase()}`)
    await post(app, `${LOGIN}?flow=${ID.toUpperCase()}`, JSON.stringify({ flow_id: ID.toUpperCase() }))
    await app.inject('/api/auth/flows/%6cogin')
    t.same(kratos.requests.map(({ method, target }) => `${method} ${target}`), [
      `GET /self-service/login/flows?id=${ID}`,
      `POST /self-service/login?flow=${ID}`,
      'GET /self-service/login/api',
    ], 'in lower case upstream (A22), the name decoded once (D03)')
  })

  t.test('queries of a flow init', async (t) => {
    const { app, kratos } = await setUp(t)
    const bad = [
      'type=',
      'type=x',
      'type=api&type=api',
      'refresh=1',
      'aal=aal9',
      'return_to=/a&return_to=/b',
      `return_to=/${'x'.repeat(10_000)}`,
    ]
    for (const query of bad) { refused(t, plain(await app.inject(`${LOGIN}?${query}`)), 400, 'VALIDATION_ERROR', `${query.slice(0, 40)} (E07)`) }
    for (const target of ['//evil', '/\\evil', 'https://evil.example', '7', '[]', '%00', 'http://localhost:3001@evil']) {
      refused(
        t,
        plain(await app.inject(`${LOGIN}?return_to=${encodeURIComponent(target)}`)),
        400,
        'RETURN_TO_FORBIDDEN',
        `${target} (E02)`,
      )
    }
    t.equal(kratos.requests.length, 0, 'Kratos is not called')
    await app.inject(
      `${LOGIN}?type=browser&refresh=true&aal=aal1&return_to=${
        encodeURIComponent(`${FRONTEND}/x?a=1&admin=1;b#c`)
      }&identity_schema=1&via=1&tokenize_as=1&return_to[]=x`,
    )
    const { target } = kratos.requests[0] ?? { target: '' }
    t.same([...new URLSearchParams(target.split('?')[1])], [['return_to', `${FRONTEND}/x?a=1&admin=1;b#c`], [
      'refresh',
      'true',
    ], ['aal', 'aal1'], ['via', '1'], ['identity_schema', '1']], 'only documented ones go up, encoded (D04, E09)')
  })

  t.test('paths and methods', async (t) => {
    const { app, kratos } = await setUp(t, answer(401, { error: { code: 401 } }))
    for (
      const url of [
        '/',
        '/nope',
        '/api',
        '/api/auth',
        '/api/auth/whoami/x',
        '/api/documents/x/y',
        '/internal',
        '/internal/auth/nope',
        '/favicon.ico',
        '/API/auth/whoami',
        '//api/auth/whoami',
        '/nope?token=secret',
      ]
    ) {
      const response = await app.inject(url)
      refused(t, plain(response), 404, 'NOT_FOUND', `${url} (A27)`)
      t.notMatch(response.body, /nope|secret/, 'the path is not echoed')
    }
    const wrong: Array<[method: 'DELETE' | 'PUT' | 'PATCH' | 'POST' | 'GET' | 'HEAD', url: string, allow: string]> = [
      ['DELETE', '/api/auth/whoami', 'GET, HEAD'],
      ['POST', '/api/auth/whoami?x=1', 'GET, HEAD'],
      ['PUT', LOGIN, 'GET, HEAD, POST'],
      ['DELETE', `${LOGIN}/${ID}`, 'GET, HEAD'],
      ['PUT', '/api/documents', 'GET, HEAD, POST'],
      ['POST', `/api/documents/${ID}`, 'DELETE, GET, HEAD, PATCH'],
      ['GET', '/internal/auth/user-created', 'POST'],
      ['PATCH', '/health/alive', 'GET, HEAD'],
      ['HEAD', '/api/auth/logout', 'GET, POST'],
      ['DELETE', '/api/auth/logout', 'GET, POST'],
    ]
    for (const [method, url, allow] of wrong) {
      for (const headers of [{}, { 'content-type': 'text/plain' }]) {
        const response = await app.inject({
          method,
          url,
          headers,
          ...(method === 'GET' || method === 'HEAD' ? {} : { payload: 'x' }),
        })
        if (method !== 'HEAD') refused(t, plain(response), 405, 'METHOD_NOT_ALLOWED', `${method} ${url} (A30)`)
        t.equal(response.statusCode, 405)
        t.equal(response.headers.allow, allow, `${method} ${url}: Allow`)
      }
    }
    for (const url of ['/api/auth/%zz', '/api/auth/flows/login/%', '/%c0%af', '/api/auth/whoami%']) { refused(t, plain(await app.inject(url)), 400, 'VALIDATION_ERROR', `${url}: bad percent-encoding`) }
    for (const url of ['/api/auth/whoami', '/api/documents', `/api/documents/${ID}`]) {
      const response = await app.inject({ method: 'HEAD', url })
      t.equal(response.statusCode, 401, `HEAD ${url} (A32)`)
      t.equal(response.body, '', 'without body')
    }
    t.equal(kratos.requests.length, 0)
    await app.inject({ method: 'HEAD', url: '/api/auth/whoami', headers: { 'x-session-token': TOKEN } })
    t.same(
      kratos.requests.map(({ target }) => target),
      ['/sessions/whoami', '/self-service/logout/browser'],
      'HEAD asks Kratos as GET does (A32)',
    )
  })

  t.test('headers of every answer (C16)', async (t) => {
    const { app } = await setUp(t)
    const { app: secure } = await setUp(t, undefined, { PUBLIC_URL: 'https://api.example.com' })
    const urls = [
      '/health/alive',
      LOGIN,
      '/nope',
      '/api/auth/whoami',
      '/api/auth/%zz',
      '/api/auth/logout',
      '/api/documents/x',
    ]
    for (const url of urls) {
      const { headers } = await app.inject(url)
      t.match(headers, SECURITY_HEADERS, url)
      t.notMatch(Object.keys(headers).join(), /server|x-powered-by|strict-transport/)
      t.match(
        (await secure.inject(url)).headers['strict-transport-security'],
        /^max-age=(31536000|[4-9]\d{7})/,
        `${url}: HSTS under https`,
      )
    }
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: LOGIN,
      headers: { origin: FRONTEND, 'access-control-request-method': 'POST' },
    })
    t.match(preflight.headers, SECURITY_HEADERS, 'preflight')
  })

  t.test('the request id (B34)', async (t) => {
    const { app } = await setUp(t)
    const ownId = async (given: string | undefined): Promise<unknown> =>
      (await app.inject({ url: '/health/alive', headers: given === undefined ? {} : { 'x-request-id': given } }))
        .headers['x-request-id']
    for (const good of ['abc', 'A-1_b.c', 'x'.repeat(64)]) t.equal(await ownId(good), good)
    for (
      const bad of [
        undefined,
        '',
        'x'.repeat(65),
        'x'.repeat(4096),
        'a b',
        '"a"',
        '{"a":1}',
        '\u001b[31m',
        'a,b',
        'é',
        '../x',
      ]
    ) t.match(await ownId(bad), /^[0-9a-f-]{36}$/, String(bad).slice(0, 20))
  })

  t.test('schemas', async (t) => {
    const schema = Type.Object({ count: Type.Number() })
    const twin = Type.Object({ count: Type.Number() })
    const route = { method: 'POST', url: '/' }
    t.equal(
      serializerCompiler({ ...route, schema }),
      serializerCompiler({ method: 'GET', url: '/other', schema }),
      'one that several routes have is compiled once',
    )
    t.not(
      serializerCompiler({ ...route, schema }),
      serializerCompiler({ ...route, schema: twin }),
      'what looks alike need not be the same',
    )
    const accepts = (httpPart: string, value: unknown): unknown =>
      validatorCompiler({ ...route, schema, httpPart })(value)
    t.equal(accepts('body', { count: '1' }), false, 'a body is taken as it is (A04)')
    t.equal(accepts('querystring', { count: '1' }), true, 'a query is text')
    t.equal(accepts('body', { count: '1' }), false, 'also after the same schema was compiled for a query')
  })
}
