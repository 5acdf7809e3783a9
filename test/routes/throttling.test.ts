import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { loginThrottle } from '../../src/http/own-names.js'
import type { Test } from 'tap'
import { build } from '../support/app.js'
import { type FaultServer, replay, startFaultServer } from '../support/fault-server.js'
import { buildWithKratos, get, signUp } from '../support/kratos.js'
import { holdTimers } from '../support/time.js'

const FLOW_ID = '6c2f5b54-6f6f-4f9b-8a55-5b2f3f0c1a11'
const FLOWS = ['login', 'registration', 'recovery', 'verification']
/** An empty variable is one that is not set: the defaults of production, which the other suites raise. */
const DEFAULTS = { LOGIN_LIMIT_PER_ADDRESS: '', LOGIN_LIMIT_PER_IDENTIFIER: '', LOGIN_LIMIT_BURST: '' }
const HERE = '198.51.100.7'
const ELSEWHERE = '203.0.113.9'

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
  logs: () => string[]
}

/** The service in front of a Kratos that finds every password wrong. */
async function setUp (t: Test, env: Record<string, string> = {}): Promise<Setup> {
  const kratos = await startFaultServer(t, replay('10-api-login', 'wrong password'))
  const { app, logs } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, ...DEFAULTS, ...env })
  return { app, kratos, logs }
}

interface Submit {
  url?: string
  from?: string
  body?: object
  text?: string
  headers?: Record<string, string>
}

const submit = (
  app: FastifyInstance,
  { url = '/api/auth/flows/login', from = HERE, body = {}, text, headers = {} }: Submit,
): Promise<LightMyRequestResponse> =>
  app.inject({
    method: 'POST',
    url,
    remoteAddress: from,
    headers: { 'content-type': 'application/json', ...headers },
    payload: text ?? JSON.stringify({ flow_id: FLOW_ID, password: 'x', ...body }),
  })

/** Statuses of so many submits, one after the other. */
async function statuses (
  app: FastifyInstance,
  count: number,
  request: Submit | ((index: number) => Submit),
): Promise<number[]> {
  const answers = []
  for (let index = 0; index < count; index++) { answers.push((await submit(app, typeof request === 'function' ? request(index) : request)).statusCode) }
  return answers
}

const times = (count: number, status: number): number[] => Array<number>(count).fill(status)
const flowNumber = (index: number): string => FLOW_ID.replace(/..$/, String(10 + index))
const someone = (index: number): string => `person-${index}@example.test`

export default async function (t: Test): Promise<void> {
  t.test('POST /api/auth/flows/{login,registration,recovery,verification}', async (t) => {
    for (const flow of FLOWS) {
      t.test(`${flow}: ten submits with one identifier from one address, then 429 without Kratos (G05)`, async (t) => {
        const { app, kratos } = await setUp(t)
        const request = {
          url: `/api/auth/flows/${flow}`,
          body: flow === 'login' ? { identifier: someone(1) } : { email: someone(1) },
        }
        t.same(await statuses(app, 10, request), times(10, 400))
        t.equal(kratos.requests.length, 10)
        const refused = await submit(app, request)
        t.equal(refused.statusCode, 429)
        t.strictSame(refused.json(), {
          success: false,
          error: 'Too many requests',
          code: 'RATE_LIMITED',
          next: 'form',
          field_errors: {},
          errors: [],
          sent: false,
        })
        t.match(refused.headers['retry-after'], /^(?:[1-9]|[1-5]\d|60)$/, 'within the minute')
        t.equal(refused.headers['cache-control'], 'no-store')
        t.same(Object.keys(refused.headers).filter((name) => name.includes('ratelimit')), [], 'no count that tells more')
        t.equal(kratos.requests.length, 10, 'Kratos was not called')
      })
    }

    t.test('thirty submits from one address, whatever they are, then 429 (G05)', async (t) => {
      const { app, kratos } = await setUp(t)
      t.same(
        await statuses(
          app,
          30,
          (index) => ({ url: `/api/auth/flows/${FLOWS[index % 4]}`, body: { email: someone(index) } }),
        ),
        times(30, 400),
      )
      for (
        const request of [{ body: { email: someone(99) } }, { text: '{not json' }, { text: '' }, {
          url: '/api/auth/flows/recovery',
        }]
      ) {
        t.match((await submit(app, request)).json(), { code: 'RATE_LIMITED' }, 'before the body is read')
      }
      t.equal(kratos.requests.length, 30)
      t.same(
        await statuses(app, 1, { from: ELSEWHERE, body: { email: someone(0) } }),
        [400],
        'another address has its own',
      )
      t.equal(kratos.requests.length, 31)
    })

    t.test('parallel submits get the budget and no more (G05)', async (t) => {
      const { app, kratos } = await setUp(t)
      const answers = await Promise.all(
        Array.from({ length: 25 }, () => submit(app, { body: { identifier: someone(1) } })),
      )
      t.equal(answers.filter(({ statusCode }) => statusCode === 400).length, 10)
      t.equal(kratos.requests.length, 10)
    })

    t.test('what we refuse ourselves counts for the address alone (G05)', async (t) => {
      const { app, kratos } = await setUp(t)
      t.same(await statuses(app, 12, { body: { identifier: someone(1), password: 7 } }), times(12, 400))
      t.equal(kratos.requests.length, 0)
      t.same(await statuses(app, 11, { body: { identifier: someone(1) } }), [...times(10, 400), 429])
      t.same(
        await statuses(app, 8, { body: { identifier: someone(2) } }),
        [...times(7, 400), 429],
        '12 + 11 + 7 = 30 from this address',
      )
    })

    t.test('a step without identifier counts for the address', async (t) => {
      const { app } = await setUp(t)
      const step = (index: number): Submit => ({
        url: '/api/auth/flows/recovery',
        body: { method: 'code', code: '123456', flow_id: flowNumber(index) },
      })
      t.same(await statuses(app, 31, step), [...times(30, 400), 429])
    })

    t.test('ten codes for one flow, from whatever addresses (G14)', async (t) => {
      const { app, kratos } = await setUp(t)
      const step = (index: number): Submit => ({
        url: '/api/auth/flows/verification',
        from: `198.51.100.${index}`,
        body: { method: 'code', code: `12345${index % 10}`, flow_id: FLOW_ID },
      })
      t.same(await statuses(app, 12, step), [...times(10, 400), 429, 429])
      t.equal(kratos.requests.length, 10)
      t.same(await statuses(app, 1, { ...step(1), body: { method: 'code', code: '1', flow_id: flowNumber(2) } }), [400])
    })

    t.test('a code is one in whatever letters its name is: Kratos takes all of them', async (t) => {
      const { app, kratos } = await setUp(t)
      const step = (index: number): Submit => ({
        url: '/api/auth/flows/recovery',
        from: `198.51.100.${index}`,
        body: { method: 'code', [['code', 'Code', 'CODE', 'cOde'][index % 4] ?? '']: '123456', flow_id: FLOW_ID },
      })
      t.same(await statuses(app, 12, step), [...times(10, 400), 429, 429])
      t.equal(kratos.requests.length, 10)
    })

    t.test('a foreign page is refused before it costs its visitor anything (C02)', async (t) => {
      const { app } = await setUp(t)
      t.same(await statuses(app, 31, { headers: { origin: 'https://evil.example' } }), times(31, 403))
      t.same(await statuses(app, 1, { body: { identifier: someone(1) } }), [400])
    })

    t.test('nobody can lock somebody else out: the victim logs in from another address (G10)', async (t) => {
      const { app, kratos } = await buildWithKratos(t, { env: DEFAULTS })
      const victim = await signUp(app)
      for (let index = 0; index < 40; index++) { await submit(app, { from: index < 20 ? ELSEWHERE : '203.0.113.10', body: { identifier: victim.email } }) }
      t.match((await submit(app, { from: ELSEWHERE, body: { identifier: victim.email } })).json(), {
        code: 'RATE_LIMITED',
      })
      const init = await app.inject({ url: '/api/auth/flows/login', remoteAddress: HERE })
      const { data } = init.json<{ data: { id: string } }>()
      t.equal(
        (await submit(app, { body: { flow_id: data.id, identifier: victim.email, password: 'wrong-password' } }))
          .statusCode,
        400,
        'not 429',
      )
      t.equal(
        (await get(app, '/api/auth/whoami', { cookie: victim.cookie })).statusCode,
        200,
        'and a session is none of its business',
      )
      t.ok(kratos.publicUrl)
    })

    t.test('a known and an unknown identifier get the same answer, headers and all (G01)', async (t) => {
      const { app } = await buildWithKratos(t, {
        env: { ...DEFAULTS, LOGIN_LIMIT_PER_IDENTIFIER: '1', LOGIN_LIMIT_BURST: '1' },
      })
      const { email } = await signUp(app)
      const answers = []
      for (const identifier of [email, 'nobody-at-all@example.test']) {
        await submit(app, { body: { identifier } })
        const { statusCode, body, headers: { date: _, 'x-request-id': __, 'retry-after': seconds, ...headers } } =
          await submit(app, { body: { identifier } })
        t.ok(Number(seconds) > 0)
        answers.push({ statusCode, body, headers })
      }
      t.equal(answers[0]?.statusCode, 429)
      t.strictSame(answers[0], answers[1])
    })
  })

  t.test('variants share one budget (G07)', async (t) => {
    const rejected = async (t: Test, requests: Submit[], allowed: number): Promise<void> => {
      const { app, kratos } = await setUp(t, {
        LOGIN_LIMIT_PER_IDENTIFIER: String(allowed),
        LOGIN_LIMIT_BURST: String(allowed),
      })
      const answers = await statuses(app, requests.length, (index) => requests[index] ?? {})
      t.same(answers, [...times(allowed, 400), ...times(requests.length - allowed, 429)])
      t.equal(kratos.requests.length, allowed)
    }

    t.test('letter case, blanks and compatible characters of an identifier', (t) =>
      rejected(
        t,
        [
          'ada@example.test',
          'ADA@Example.Test',
          '  ada@example.test',
          'ada@example.test\t\n',
          '\u0085ada@example.test\u00a0',
          '\ufeffada@example.test',
          'ａｄａ＠ｅｘａｍｐｌｅ．ｔｅｓｔ',
        ].map((identifier) => ({ body: { identifier } })),
        1,
      ))

    t.test('letters whose case is a matter of taste', async (t) => {
      const { app } = await setUp(t, { LOGIN_LIMIT_PER_IDENTIFIER: '1', LOGIN_LIMIT_BURST: '1' })
      for (
        const [one = '', other = ''] of [['σίσυφος', 'ΣΊΣΥΦΟΣ'], ['\u212aelvin', 'kelvin'], ['e\u0301ve', '\u00c9VE'], [
          'İda',
          'ida',
        ], ['ﬁona', 'FIONA']]
      ) {
        const submit = (index: number) => ({ body: { identifier: index === 0 ? one : other } })
        t.same(await statuses(app, 2, submit), [400, 429], one)
      }
    })

    t.test('numbers as numbers', (t) =>
      rejected(
        t,
        [8812345678, '8812345678', ' 8812345678 '].map((name) => ({
          body: { method: 'password', password_identifier: name },
        })),
        1,
      ))

    t.test('notations of a phone number that Kratos reads as one', (t) =>
      rejected(
        t,
        [
          '+4915212345678',
          '+491 5212345678',
          '+49 (152) 123-45.678',
          '+49/152/12345678',
          '\uff0b\uff14\uff19 152 12345678',
          '+\u0664\u0669 152 12345678',
          '+49\u200b152\u201012345678',
          'tel:+4915212345678',
          'call +4915212345678',
          '+49 (0)152 12345678',
          '+49 152 12345678 ext. 5',
          '+4915212345678x77',
          '+4915212345678;ext=9',
          '+49152x12345678',
          '15212345678;phone-context=+49',
        ].map((identifier) => ({ body: { method: 'code', identifier } })),
        1,
      ))

    t.test('but a name that only holds a number is a name', async (t) => {
      const { app } = await setUp(t, { LOGIN_LIMIT_PER_IDENTIFIER: '1', LOGIN_LIMIT_BURST: '1' })
      const names = ['ada4915212345678', 'bob4915212345678', '4915212345678@example.test', '123456', '1-23456']
      t.same(await statuses(app, 5, (index) => ({ body: { identifier: names[index] } })), times(5, 400))
    })

    t.test("the places where Kratos' methods have it", (t) =>
      rejected(t, [
        { body: { identifier: 'ada@example.test' } },
        { body: { method: 'password', password_identifier: 'ada@example.test' } },
        { body: { method: 'code', identifier: 'somebody@example.test', address: 'Ada@example.test' } },
        { url: '/api/auth/flows/registration', body: { email: 'ada@example.test' } },
        {
          url: '/api/auth/flows/registration',
          body: { method: 'password', traits: { email: 'ada@example.test', username: 'other' } },
        },
        {
          url: '/api/auth/flows/registration',
          body: { method: 'password', traits: { email: 'ada@example.test', username: 'another' } },
        },
        { url: '/api/auth/flows/registration', body: { method: 'password', 'traits.email': 'ada@example.test' } },
        { url: '/api/auth/flows/recovery', body: { method: 'code', email: 'ada@example.test' } },
        { url: '/api/auth/flows/recovery', body: { method: 'code', recovery_address: 'ada@example.test' } },
        { url: '/api/auth/flows/verification', body: { method: 'link', email: 'ada@example.test' } },
      ], 1))

    t.test('another member beside the identifier does not hide it', (t) =>
      rejected(
        t,
        ['a', 'b', 'c'].map((decoy) => ({
          body: {
            method: 'password',
            identifier: 'ada@example.test',
            email: `${decoy}@example.test`,
            traits: { email: `${decoy}2@example.test`, phone: 7 },
          },
        })),
        1,
      ))

    t.test('more of them than an account has are refused, and none of them is counted', async (t) => {
      const { app, kratos } = await setUp(t, { KRATOS_PROXY: 'true', LOGIN_LIMIT_PER_IDENTIFIER: '1', LOGIN_LIMIT_BURST: '1' })
      const many = (count: number) => ({ method: 'password', traits: { email: Array.from({ length: count }, (_, index) => someone(index)) } })
      const own = { url: '/api/auth/flows/registration', body: many(21) }
      const proxied = { url: `/kratos/self-service/registration?flow=${FLOW_ID}`, text: JSON.stringify(many(21)) }
      for (const request of [own, proxied]) {
        t.match((await submit(app, request)).json(), { code: 'VALIDATION_ERROR', fields: [{ message: /20 identifiers/ }] })
      }
      t.equal(kratos.requests.length, 0)
      t.equal((await submit(app, { ...own, body: many(20) })).statusCode, 400)
      t.equal(kratos.requests.length, 1, 'as many as that are for Kratos to judge')
      t.equal((await submit(app, { ...own, body: many(1) })).statusCode, 429)
    })

    t.test('one identifier in two places of a body is counted once', (t) =>
      rejected(
        t,
        ['a', 'A ', 'a', 'a'].map((name) => ({
          url: '/api/auth/flows/registration',
          body: {
            method: 'password',
            email: `${name.trim()}@example.test`,
            traits: { email: `${name}@example.test`.trim().toUpperCase() },
          },
        })),
        3,
      ))

    t.test('spellings of the path and noise in the query', (t) =>
      rejected(
        t,
        [
          '/api/auth/flows/login',
          '/api/auth/flows/%6cogin',
          '/api/auth/%66lows/log%69n',
          '/%61pi/auth/flows/login?x=1',
          '/api/auth/flows/login?a=b&transport=cookie',
          `/api/auth/flows/login?flow=${FLOW_ID}`,
          '/api/auth/flows/login?;',
        ].map((url) => ({ url, body: { identifier: 'ada@example.test' } })),
        1,
      ))

    t.test('odd bodies neither fail nor hide', async (t) => {
      const { app } = await setUp(t)
      for (
        const body of [
          { traits: {} },
          { method: 'x', identifier: '' },
          { identifier: ' '.repeat(300) },
          { method: 'x', phone: null },
          { method: 'x', phone: { email: 1 } },
          { method: 'x', traits: { email: ['a'] } },
          { identifier: '\u0000' },
        ]
      ) {
        t.equal((await submit(app, { body })).statusCode, 400, JSON.stringify(body))
      }
    })
  })

  t.test('the address of a submit', async (t) => {
    const forged = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'true-client-ip', 'x-client-ip', 'cf-connecting-ip']
    const counted = async (t: Test, env: Record<string, string>, requests: Submit[]): Promise<number[]> => {
      const { app } = await setUp(t, { LOGIN_LIMIT_PER_ADDRESS: '1', ...env })
      return statuses(app, requests.length, (index) => requests[index] ?? {})
    }

    t.test("is the socket's, whatever an untrusted peer writes (B19)", async (t) => {
      t.same(
        await counted(t, {}, [
          {},
          ...forged.map((name, index) => ({
            headers: { [name]: name === 'forwarded' ? `for=192.0.2.${index}` : `192.0.2.${index}` },
          })),
        ]),
        [400, ...times(forged.length, 429)],
      )
    })

    t.test('is the rightmost untrusted one behind a trusted proxy (B20)', async (t) => {
      const via = (chain: string): Submit => ({ from: '10.0.0.1', headers: { 'x-forwarded-for': chain } })
      const trusting = { TRUST_PROXY: '10.0.0.0/8' }
      t.same(
        await counted(t, trusting, [
          via(HERE),
          via(`192.0.2.1, ${HERE}`),
          via(`192.0.2.2, ${HERE}, 10.0.0.2`),
          via(`${HERE}, 192.0.2.3`),
          via('192.0.2.3'),
        ]),
        [400, 429, 429, 400, 429],
      )
      t.same(
        await counted(t, trusting, [{ from: ELSEWHERE }, { from: ELSEWHERE, headers: { 'x-forwarded-for': HERE } }]),
        [400, 429],
        'a peer that is no proxy names nobody',
      )
      t.same(
        await counted(t, trusting, [via('unknown'), via('word'), via('x'.repeat(5000))]),
        [400, 429, 429],
        'what is no address is one client',
      )
    })

    t.test('is the same whatever port a proxy writes beside it, its own included', async (t) => {
      const via = (chain: string): Submit => ({ from: '10.0.0.1', headers: { 'x-forwarded-for': chain } })
      const trusting = { TRUST_PROXY: '10.0.0.0/8' }
      t.same(
        await counted(t, trusting, [
          via(`${HERE}:20001`),
          via(`${HERE}:20002`),
          via(HERE),
          via(`${HERE}:1, 10.0.0.2:443`),
          via('[2001:db8::7]:1'),
          via('[2001:db8::7]'),
          via('2001:db8::8'),
        ]),
        [400, 429, 429, 429, 400, 429, 429],
      )
      const { app, kratos } = await setUp(t, trusting)
      await submit(app, via(`${HERE}:20001`))
      await submit(app, via('word'))
      t.same(kratos.requests.map(({ header }) => header('true-client-ip')), [[HERE], []], 'as Kratos is told')
    })

    t.test('counts for its /48 too, which has eight times the budget of a /64', async (t) => {
      const { app } = await setUp(t, { LOGIN_LIMIT_PER_ADDRESS: '2' })
      const from = (network: number): Submit => ({ from: `2001:db8:7:${network.toString(16)}::1` })
      t.same(await statuses(app, 18, from), [...times(16, 400), 429, 429], 'networks of one site')
      t.same(await statuses(app, 1, { from: '2001:db8:8::1' }), [400], 'another site')
    })

    t.test('is the same for IPv4 in IPv6, and for a whole /64', async (t) => {
      t.same(await counted(t, {}, [{ from: HERE }, { from: `::ffff:${HERE}` }, { from: '::FFFF:c633:6407' }]), [
        400,
        429,
        429,
      ])
      t.same(
        await counted(
          t,
          {},
          [
            '2001:db8:0:1::1',
            '2001:db8:0:1::2',
            '2001:DB8:0:1:ffff:ffff:ffff:ffff',
            '2001:db8:0:2::1',
            'fe80::1%eth0',
            'fe80::2%eth1',
          ].map((from) => ({ from })),
        ),
        [400, 429, 429, 400, 400, 429],
      )
    })
  })

  t.test('a client that has gone has no address any more, and that is no failure of ours', async (t) => {
    const { app } = await setUp(t)
    const { byAddress } = app[loginThrottle]
    await t.resolves(byAddress({ ip: undefined, headers: {}, routeOptions: { config: {} } } as never))
  })

  t.test('GET /api/auth/flows/{flow}: sixty starts a minute from one address, whatever they are', async (t) => {
    const { app, kratos } = await setUp(t)
    const start = async (index: number, from = HERE): Promise<number> =>
      (await app.inject({ url: `/api/auth/flows/${[...FLOWS, 'settings'][index % 5]}`, remoteAddress: from })).statusCode
    const answers = []
    for (let index = 0; index < 62; index++) answers.push(await start(index))
    t.equal(answers.filter((status) => status === 429).length, 2)
    t.same(answers.slice(60), [429, 429])
    t.equal(kratos.requests.length, 60)
    t.not(await start(0, ELSEWHERE), 429)
  })

  t.test('what has no budget', async (t) => {
    const { app } = await setUp(t, { LOGIN_LIMIT_PER_ADDRESS: '1' })
    t.same(await statuses(app, 2, {}), [400, 429], 'the address is past its budget')
    t.same(
      await statuses(app, 12, {
        url: '/api/auth/flows/settings',
        headers: { 'x-session-token': `ory_st_${'a1B2'.repeat(8)}` },
        body: { method: 'profile', traits: { email: someone(1) } },
      }),
      times(12, 400),
      'settings need a session',
    )
    for (
      const url of ['/api/auth/flows/login', `/api/auth/flows/login/${FLOW_ID}`, '/api/auth/whoami', '/health/alive']
    ) {
      t.not((await app.inject({ url, remoteAddress: HERE })).statusCode, 429, url)
    }
    t.not((await submit(app, { url: '/api/auth/logout', text: '{}' })).statusCode, 429)
  })

  t.test('POST /kratos/self-service/{login,registration,recovery,verification}', async (t) => {
    t.test('is no way around the budget of the address (G05)', async (t) => {
      const { app, kratos } = await setUp(t, { KRATOS_PROXY: 'true' })
      const urls = [
        ...FLOWS.map((flow) => `/kratos/self-service/${flow}?flow=${FLOW_ID}`),
        '/kratos/self-service/%6cogin',
        '/%6bratos/self-service%2Flogin',
      ]
      t.same(await statuses(app, 24, (index) => ({ url: urls[index % 6] ?? '' })), times(24, 400))
      t.same(
        await statuses(app, 7, (index) => ({ body: { email: someone(index) } })),
        [...times(6, 400), 429],
        'one budget for both doors',
      )
      for (const url of urls) {
        const refused = await submit(app, { url })
        t.match(refused.json(), { success: false, code: 'RATE_LIMITED' }, url)
        t.match(refused.headers, { 'retry-after': /^\d+$/, 'cache-control': 'no-store' })
      }
      t.equal(kratos.requests.length, 30)
      for (
        const url of [
          '/kratos/self-service/login/api',
          `/kratos/self-service/login/flows?id=${FLOW_ID}`,
          '/kratos/sessions/whoami',
        ]
      ) {
        t.not((await app.inject({ url, remoteAddress: HERE })).statusCode, 429, url)
      }
      t.not((await submit(app, { url: `/kratos/self-service/settings?flow=${FLOW_ID}` })).statusCode, 429)
    })

    t.test('counts identifiers, in JSON and in forms, whatever their type says', async (t) => {
      const { app, kratos } = await setUp(t, { KRATOS_PROXY: 'true' })
      const url = `/kratos/self-service/login?flow=${FLOW_ID}`
      const form = { url, headers: { 'content-type': 'application/x-www-form-urlencoded' } }
      const texts: Submit[] = [
        { ...form, text: 'method=code&identifier=%2B4915212345678' },
        { ...form, text: 'identifier=other%40example.test&identifier=%2B49+152+12345678' },
        { url, text: '{"identifier":"+49-15212345678"}' },
        { url, text: '{"traits.phone":"+49 (0)152 12345678"}' },
        { ...form, text: '{"identifier":"+4915212345678"}' },
      ]
      t.same(await statuses(app, 12, (index) => texts[index % 5] ?? {}), [...times(10, 400), 429, 429])
      t.equal(kratos.requests.length, 10)
      t.match((await submit(app, { url, text: `{"identifier":"${' '.repeat(60_000)}"}` })).json(), {
        code: 'VALIDATION_ERROR',
      }, 'within the bounds of our own routes')
    })

    t.test('counts what Kratos reads in a form that is JSON too, and refuses JSON with rubbish behind it', async (t) => {
      const { app, kratos } = await setUp(t, { KRATOS_PROXY: 'true' })
      const url = `/kratos/self-service/login?flow=${FLOW_ID}`
      const form = 'application/x-www-form-urlencoded'
      const twofold = (index: number): Submit => ({
        url,
        from: `198.51.100.${index}`,
        headers: { 'content-type': form },
        text: '{"a":"&identifier=victim%40example.test&method=password&password=x&b="}',
      })
      for (let index = 0; index < 12; index++) await submit(app, twofold(1))
      t.equal(kratos.requests.length, 10, 'the eleventh is past the budget of the identifier')
      const rest = '{"identifier":"other@example.test"}'
      for (const [type, text] of [
        ['application/json', `${rest} x`],
        ['Application/JSON; charset=utf-8', `${rest}${rest}`],
        ['application/json; a=x-www-form-urlencoded', rest],
      ] as const) {
        const answer = await submit(app, { url, from: ELSEWHERE, headers: { 'content-type': type }, text })
        t.equal(answer.json().code, 'VALIDATION_ERROR', `${type} ${text}`)
      }
      t.equal(kratos.requests.length, 10)
    })

    t.test('counts what stands in the query, which Kratos reads as well', async (t) => {
      const { app, kratos } = await setUp(t, { KRATOS_PROXY: 'true' })
      const places: Submit[] = [
        { url: `/kratos/self-service/recovery?flow=${FLOW_ID}&email=victim%40example.test`, text: '{"method":"code"}' },
        { url: `/kratos/self-service/recovery?flow=${FLOW_ID}&email=Victim%40example.test`, text: '{"email":""}' },
        { url: `/kratos/self-service/recovery?flow=${FLOW_ID}`, text: '{"email":"victim@example.test"}' },
        { url: `/kratos/self-service/recovery?flow=${FLOW_ID}&email=victim@example.test`, text: '{"email":"o@example.test"}' },
      ]
      t.same(await statuses(app, 12, (index) => places[index % 4] ?? {}), [...times(10, 400), 429, 429])
      const code = (index: number): Submit => ({
        url: `/kratos/self-service/verification?flow=${flowNumber(1)}&${index % 2 === 0 ? 'code' : 'x=1&code'}=123456`,
        from: `198.51.100.${index}`,
        text: '{"method":"code"}',
      })
      t.same(await statuses(app, 12, code), [...times(10, 400), 429, 429])
      t.equal(kratos.requests.length, 20)
    })

    t.test('counts what stands behind another question mark, which means nothing in a query', async (t) => {
      const { app, kratos } = await setUp(t, { KRATOS_PROXY: 'true' })
      const url = `/kratos/self-service/recovery?flow=${FLOW_ID}&x=?&email=victim@example.test`
      const from = (index: number): Submit => ({ url, from: `198.51.100.${index}`, text: '{"method":"code"}' })
      t.same(await statuses(app, 11, () => from(1)), [...times(10, 400), 429])
      t.equal(kratos.requests.length, 10)
    })

    t.test('counts the other ends of a login too, as our own routes do', async (t) => {
      const { app } = await setUp(t, { KRATOS_PROXY: 'true', LOGIN_LIMIT_PER_ADDRESS: '1' })
      const requests: Array<[url: string, method: 'GET' | 'POST']> = [
        ['/kratos/sessions/token-exchange?init_code=a&return_to_code=b', 'GET'],
        ['/kratos/self-service/fed-cm/token', 'POST'],
        ['/kratos/self-service/methods/oidc/callback/x?code=1', 'GET'],
      ]
      for (const [index, [url, method]] of requests.entries()) {
        const statuses = []
        for (let n = 0; n < 2; n++) statuses.push((await app.inject({ url, method, remoteAddress: `198.51.100.${index}` })).statusCode)
        t.same(statuses, [400, 429], url)
      }
    })

    t.test('counts codes for a flow, in whatever way its id is written', async (t) => {
      const { app, kratos } = await setUp(t, { KRATOS_PROXY: 'true' })
      const plain = FLOW_ID.replaceAll('-', '')
      const flows = [
        `flow=${FLOW_ID}`,
        `flow=${FLOW_ID.toUpperCase()}`,
        `flow=${plain}`,
        `flow={${FLOW_ID}}`,
        `flow=urn:uuid:${plain}`,
        `flow=x;y&flow=${FLOW_ID}`,
        `flow=%zz&flow=${FLOW_ID}`,
        `flow=%7B${plain}%7d&flow=x`,
      ]
      const code = (index: number): Submit => ({
        url: `/kratos/self-service/recovery?${flows[index % flows.length]}`,
        from: `198.51.100.${index}`,
        text: '{"method":"code","code":"123456"}',
      })
      t.same(await statuses(app, 12, code), [...times(10, 400), 429, 429])
      const own = { flow_id: FLOW_ID, method: 'code', code: '123456' }
      t.equal((await submit(app, { url: '/api/auth/flows/recovery', from: ELSEWHERE, body: own })).statusCode, 429, 'one budget for both doors')
      t.equal(kratos.requests.length, 10)
    })

    t.test('counts a link of a mail as the submit that it is', async (t) => {
      const { app } = await setUp(t, { KRATOS_PROXY: 'true', LOGIN_LIMIT_PER_ADDRESS: '1' })
      const open = async (): Promise<number> =>
        (await app.inject({ url: `/kratos/self-service/recovery?flow=${FLOW_ID}&token=x`, remoteAddress: HERE }))
          .statusCode
      t.same([await open(), await open()], [400, 429])
    })
  })

  t.test('the log says which budget was passed, where and in which request, and not by whom (H08)', async (t) => {
    const { app, logs } = await setUp(t, {
      LOGIN_LIMIT_PER_ADDRESS: '3',
      LOGIN_LIMIT_PER_IDENTIFIER: '1',
      LOGIN_LIMIT_BURST: '1',
    })
    holdTimers(t)
    const answers: LightMyRequestResponse[] = []
    for (let index = 0; index < 4; index++) { answers.push(await submit(app, { body: { identifier: 'canary@example.test' } })) }
    const events = logs().map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ event }) =>
      event === 'rate_limited',
    )
    t.match(
      events,
      [['identifier', 1] as const, ['address', 3] as const].map(([budget, index]) => ({
        level: 40,
        budget,
        route: '/api/auth/flows/login',
        reqId: answers[index]?.headers['x-request-id'],
      })),
      'the first of each kind in a second',
    )
    t.strictSame(Object.keys(events[0] ?? {}).sort(), [
      'budget',
      'event',
      'hostname',
      'level',
      'msg',
      'pid',
      'reqId',
      'route',
      'time',
    ])
    t.notMatch(logs().join(), /canary/)
  })
}
