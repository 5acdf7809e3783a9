import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { type AnswerContext, classify, type Operation } from '../../src/kratos-client/answer.js'
import { chooseCredential, credentialHeaders } from '../../src/kratos-client/credential.js'
import { flowCookies } from '../../src/kratos-client/cookies.js'
import { isRecord } from '../../src/kratos-client/kratos-body.js'
import { readSession } from '../../src/kratos-client/read-session.js'
import { withoutSessionToken } from '../../src/kratos-client/session-token.js'
import { build, FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import { damaged } from '../support/damage.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { ID } from '../support/faults.js'
import { fuzz, isLongFuzz } from '../support/fuzz.js'
/** An input that goes through the service takes a hundred times as long as one that is only read. */
const HTTP_SHARE = 0.01

interface Recorded {
  status: number
  body: unknown
}

const folder = join(import.meta.dirname, '../recordings')
/** Every recorded answer with a JSON body of its own. */
const RECORDED = [...new Map(
  readdirSync(folder).flatMap((file) => {
    const { exchanges = [] } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      exchanges?: Array<{ response: Recorded }>
    }
    return exchanges.map(({ response: { status, body } }) => ({ status, body })).filter(({ status, body }) =>
      status > 0 && isRecord(body),
    )
  }).map((
    response,
  ) => [
    JSON.stringify(response).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z|ory_\w\w_\w+/g, ''),
    response,
  ]),
).values()]

const odd = fc.oneof(
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    '',
    'x',
    [],
    {},
    [null],
    '__proto__',
    'https://evil.example/',
    ID,
    '2099-01-01T00:00:00Z',
  ),
  fc.jsonValue({ maxDepth: 2 }),
)

const damagedAnswer = fc.record({
  recorded: fc.constantFrom(...RECORDED),
  path: fc.array(fc.nat(40), { maxLength: 6 }),
  replacement: fc.option(odd, { nil: undefined, freq: 4 }),
  status: fc.option(fc.constantFrom(200, 204, 302, 400, 401, 403, 404, 409, 410, 422, 429, 500, 502), {
    nil: undefined,
    freq: 4,
  }),
}).map(({ recorded, path, replacement, status }): Recorded => ({
  status: status ?? recorded.status,
  body: damaged(recorded.body, path, replacement),
}))

/** All paths into a value, as `damaged` takes them. */
const paths = (value: unknown): number[][] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.values(value).flatMap((member, index) => [[index], ...paths(member).map((path) => [index, ...path])])

export default async function (t: Test): Promise<void> {
  if (isLongFuzz) t.setTimeout(0)

  t.test('whatever Kratos answers, reading it never throws and never makes a session of it (O02, J11)', async (t) => {
    t.ok(RECORDED.length > 300, `${RECORDED.length} kinds of answers to damage`)
    const operation = fc.constantFrom<Operation>('init', 'fetch', 'submit', 'whoami', 'logout')
    const flow = fc.constantFrom('login', 'registration', 'recovery', 'verification', 'settings', undefined)
    fc.assert(
      fc.property(
        fc.oneof(damagedAnswer, fc.record({ status: fc.integer({ min: 100, max: 599 }), body: odd })),
        operation,
        flow,
        ({ status, body }, operation, flow) => {
          const context: AnswerContext = {
            operation,
            flow,
            isAllowedRedirect: (url) => url.startsWith('http://127.0.0.1'),
          }
          const result = classify({ kind: 'answer', status, headers: {}, setCookie: [], body }, context)
          if (result.kind === 'refused' && JSON.stringify(result.members).includes('ory_st_')) return false
          if (result.kind === 'refused' && result.code === 'INVALID_SESSION') return status >= 400 && status < 500
          return result.kind !== 'ok' || operation !== 'whoami' || readSession(result.body).kind !== 'active' ||
            status === 200
        },
      ),
      fuzz(6000),
    )
    t.pass()
  })

  t.test('a token answer with any one member missing or odd still gives its token to nobody (B26, O02)', async (t) => {
    const leaking = RECORDED.filter(({ body }) => JSON.stringify(body).includes('ory_st_')).flatMap(({ body }) =>
      paths(body).flatMap((path) => [undefined, null, 'x', {}, []].map((replacement) => damaged(body, path, replacement))),
    )
    t.ok(leaking.length > 1000, `${leaking.length} answers`)
    const leaks = leaking.filter((body) =>
      isRecord(body) && JSON.stringify(withoutSessionToken(body)).includes('ory_st_'),
    )
    t.same(leaks.slice(0, 3), [])
  })

  t.test('whatever a client sends as credential, what goes up is safe to write on the wire (O02)', async (t) => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(
        'ory_st_',
        `ory_st_${'a'.repeat(32)}`,
        'ory_kratos_session=',
        '; ',
        '"',
        '%0d%0a',
        `csrf_token_${'0'.repeat(64)}=`,
        '\r\n',
        'Bearer ',
      ),
    )
    const header = fc.array(text, { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(
        fc.record({ cookie: header, 'x-session-token': header, authorization: header }, { requiredKeys: [] }),
        (headers) => {
          const sent = credentialHeaders(
            chooseCredential(headers, 'ory_kratos_session'),
            'ory_kratos_session',
            flowCookies(headers.cookie),
          )
          return Object.values(sent).every((value) => /^[\x20-\x7e]*$/.test(value))
        },
      ),
      fuzz(6000),
    )
    t.pass()
  })

  t.test('whatever Kratos answers and a client sends, the service gives no 500 and no token (figure 9, O02)', async (t) => {
    const kratos = await startFaultServer(t)
    const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, LOG_LEVEL: 'error' })
    const cookie = `ory_kratos_session=ory_st_${'a1B2'.repeat(8)}`
    const post = (url: string, payload: unknown, headers: Record<string, string> = {}): InjectOptions => ({
      method: 'POST',
      url,
      payload: JSON.stringify(payload),
      headers: { 'content-type': 'application/json', ...headers },
    })
    const body = fc.oneof(
      odd,
      fc.record({
        flow_id: fc.oneof(fc.constant(ID), odd),
        method: odd,
        csrf_token: odd,
        password: odd,
        identifier: fc.string({ unit: 'binary' }),
        traits: odd,
      }, { requiredKeys: [] }),
    )
    const flow = fc.constantFrom('login', 'registration', 'recovery', 'verification', 'settings')
    const request = fc.oneof(
      fc.constantFrom<InjectOptions>(
        { url: '/api/auth/whoami?full=true' },
        { url: '/api/documents' },
        { url: '/api/auth/flows/logout' },
        { url: '/api/auth/logout?token=x' },
        post('/api/auth/logout', {}),
        { url: '/api/auth/sessions' },
        { url: '/health/ready' },
      ),
      flow.map((name): InjectOptions => ({ url: `/api/auth/flows/${name}` })),
      flow.map((name): InjectOptions => ({ url: `/api/auth/flows/${name}/${ID}` })),
      fc.tuple(flow, body).map(([name, payload]) => post(`/api/auth/flows/${name}`, payload)),
      fc.string({ unit: 'binary', maxLength: 40 }).map((text): InjectOptions => ({
        url: `/api/auth/flows/login?return_to=${
          encodeURIComponent(new TextDecoder().decode(new TextEncoder().encode(text)))
        }`,
      })),
      fc.record({
        identity: fc.oneof(
          odd,
          fc.record({
            id: fc.oneof(fc.constant(ID), odd),
            traits: fc.oneof(odd, fc.record({ email: fc.oneof(odd, fc.string({ unit: 'binary' })) })),
            updated_at: odd,
          }),
        ),
      }).map((payload) => post('/internal/auth/user-created', payload, { 'x-webhook-key': WEBHOOK_KEY })),
    )
    await fc.assert(
      fc.asyncProperty(request, fc.boolean(), damagedAnswer, async (options, hasSession, { status, body }) => {
        kratos.react(answer(status, status === 204 ? undefined : JSON.stringify(body ?? null)))
        const isHook = (options.url as string).startsWith('/internal')
        const response = await app.inject({
          ...options,
          headers: { ...!isHook && { origin: FRONTEND }, ...hasSession && !isHook && { cookie }, ...options.headers },
        })
        const isOurFault = response.statusCode === 500 || (isHook && response.statusCode > 500)
        if (isOurFault || response.body.includes('ory_st_')) {
          throw new Error(
            `${response.statusCode} ${response.body.slice(0, 300)} for ${status} ${JSON.stringify(body).slice(0, 2000)}`,
          )
        }
      }),
      fuzz(800, HTTP_SHARE),
    )
    t.pass()
  })
}
