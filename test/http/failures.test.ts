import type { Test } from 'tap'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { build, FRONTEND } from '../support/app.js'
import {
  answer, endBeforeHeaders, type FaultServer, hang, type Reaction, replay,
  startFaultServer,
} from '../support/fault-server.js'
import { failureTables, LATE_ANSWER, readDocument, UNREACHABLE_ANSWER } from '../support/failure-table.js'
import { BROKEN, type Expected, FAULTS, FLOW, type Group, HTML, ID, LATE, OVER, REFUSALS, SESSION } from '../support/faults.js'
import { UNREACHABLE } from '../support/unreachable.js'

const DEADLINE_MS = 300
/** A good answer comes within it on any machine. */
const LATE_DEADLINE_MS = 5000

const unhandled: unknown[] = []

interface Setup {
  app: FastifyInstance
  kratos: FaultServer
  logs: () => string[]
}

/** @param deadlineMs generous where nothing is about time: a busy machine must not turn one fault into another */
function buildBefore (t: Test, kratosUrl: string, deadlineMs = 60_000): ReturnType<typeof build> {
  const deadline = String(deadlineMs)
  return build(t, {
    KRATOS_PUBLIC_URL: kratosUrl,
    WHOAMI_DEADLINE_MS: deadline,
    SUBMIT_DEADLINE_MS: deadline,
    KRATOS_DEADLINE_MS: deadline,
  })
}

async function setUp (t: Test, reaction: Reaction, deadlineMs?: number): Promise<Setup> {
  const kratos = await startFaultServer(t, reaction)
  return { ...await buildBefore(t, kratos.url, deadlineMs), kratos }
}

const REVOKED = `ory_st_${'0'.repeat(32)}`
const CREDENTIALS: Record<string, string> = {
  token: `ory_kratos_session=ory_st_${'a1B2'.repeat(8)}`,
  // Its session is over; only a Kratos that is well can say so.
  revoked: `ory_kratos_session=${REVOKED}`,
  sealed: `ory_kratos_session=MTc5${'Az_-09'.repeat(70)}; csrf_token_${'0f'.repeat(32)}=x`,
}
const post = (url: string, payload: object): InjectOptions => ({
  method: 'POST',
  url,
  payload,
  headers: { origin: FRONTEND },
})
interface Endpoint {
  group: Group
  request: InjectOptions
  needsSession: boolean
}
const endpoint = (group: Group, request: InjectOptions): Endpoint => ({
  group,
  request,
  needsSession: group !== 'flow init' && group !== 'submit',
})
/** Every endpoint that asks Kratos. */
const ENDPOINTS: Endpoint[] = [
  endpoint('whoami', { url: '/api/auth/whoami' }),
  endpoint('whoami', { url: '/api/auth/whoami', method: 'HEAD' }),
  endpoint('documents', { url: '/api/documents' }),
  endpoint('documents', post('/api/documents', { title: 't', content: 'c' })),
  endpoint('flow init', { url: '/api/auth/flows/login' }),
  endpoint('flow init', { url: '/api/auth/flows/registration?type=browser' }),
  endpoint('flow init', { url: `/api/auth/flows/login/${ID}` }),
  endpoint('submit', post('/api/auth/flows/login', { flow_id: ID, identifier: 'a', password: 'b' })),
  endpoint('submit', post('/api/auth/flows/registration', { flow_id: ID, method: 'password', csrf_token: 'c' })),
  endpoint('logout', { url: '/api/auth/flows/logout' }),
  endpoint('logout', { url: '/api/auth/logout?token=ory_lo_x', headers: { accept: 'application/json' } }),
  endpoint('logout', post('/api/auth/logout', {})),
]

interface Asked {
  name: string
  group: Group
  response: LightMyRequestResponse
  isHead: boolean
}

const REQUESTS = ENDPOINTS.flatMap(({ needsSession, ...rest }) =>
  [...needsSession ? [] : [''], ...Object.keys(CREDENTIALS)].map((kind) => ({ ...rest, kind })),
)

/** Asks every endpoint at once, with every kind of session that it takes. */
async function askAll (app: FastifyInstance): Promise<Asked[]> {
  return await Promise.all(REQUESTS.map(async ({ group, request, kind }) => {
    const response = await app.inject({
      ...request,
      headers: { ...request.headers, ...(kind !== '' && { cookie: CREDENTIALS[kind] ?? '' }) },
    })
    return {
      name: `${request.method ?? 'GET'} ${request.url as string} (${kind === '' ? 'no session' : kind})`,
      group,
      response,
      isHead: request.method === 'HEAD',
    }
  }))
}

/** What no answer may show: addresses, stacks, Kratos' own words about its insides. */
const INTERNAL =
  /127\.0\.0\.1:(?!4433\/x)|169\.254|10\.0\.0\.7|panic|\.go:|nginx|ECONN|UND_ERR|undici|node:|webhook|ory_st_|at \w+ \(/

/** What is wrong with the answers of all endpoints to a fault. */
function faultsOf (asked: Asked[], [status, code]: Expected, retryAfter?: string): string[] {
  return asked.flatMap(({ name, response, isHead }) => {
    const { statusCode, headers, body } = response
    const { success, code: said } = isHead
      ? { success: false, code }
      : response.json<{ success: unknown, code: unknown }>()
    const isRight = statusCode === status && success === false && said === code &&
      headers['cache-control'] === 'no-store' && headers['retry-after'] === retryAfter
    const shows = INTERNAL.test(body) || headers.location !== undefined || headers['set-cookie'] !== undefined
    return isRight && !shows ? [] : [`${name}: ${statusCode} ${JSON.stringify(headers)} ${body.slice(0, 300)}`]
  })
}

const whoami: InjectOptions = { url: '/api/auth/whoami', headers: { cookie: CREDENTIALS['token'] ?? '' } }
const whoamiRevoked: InjectOptions = { ...whoami, headers: { cookie: CREDENTIALS['revoked'] ?? '' } }

/** Kratos in good health, to whom one session is known and one is over. */
const well: Reaction = (socket, request) =>
  (request.header('x-session-token').includes(REVOKED) ? OVER : answer(200, SESSION))(socket, request)

/** One session is known, the other one is over. */
const WELL = [200, 401]

/** The first answers after a fault: nothing of it is left, and only now is a session said to be over. */
const nextStatuses = async (app: FastifyInstance): Promise<number[]> =>
  (await Promise.all([whoami, whoamiRevoked].map((request) => app.inject(request)))).map(({ statusCode }) => statusCode)

async function counts (t: Test, app: FastifyInstance, name: string): Promise<void> {
  t.same(await nextStatuses(app), WELL, `${name}: the next good answers count at once`)
}

async function askLate (t: Test, name: string, reaction: Reaction) {
  const { app, kratos } = await setUp(t, BROKEN, LATE_DEADLINE_MS)
  const { app: patient } = await buildBefore(t, kratos.url)
  // A first call compiles.
  await askAll(app)
  kratos.react(reaction)
  let isWaiting = true
  const asked = patient.inject(whoami).finally(() => {
    isWaiting = false
  })
  const faults = faultsOf(await askAll(app), LATE_ANSWER)
  const isPatient = isWaiting
  kratos.react(well)
  const statuses = await nextStatuses(app)
  await kratos.stop()
  await asked
  return { name, faults, isPatient, statuses }
}

/** Hundreds of calls, each with a session of its own: those that ask for the same one share a call. */
async function askAtOnce (t: Test) {
  const { app, kratos } = await setUp(t, hang, LATE_DEADLINE_MS)
  const codes: unknown[] = []
  const ask = async (session: number) => {
    const response = await app.inject({ ...whoami, headers: { cookie: `${CREDENTIALS['token']}x${session}` } })
    const { code } = response.json<{ code?: string }>()
    codes.push(code)
    return { status: response.statusCode, code, retryAfter: response.headers['retry-after'] }
  }
  const results = await Promise.all(Array.from({ length: 400 }, (_, session) => ask(session)))
  kratos.react(answer(200, SESSION))
  return { results, codes, next: (await ask(400)).status }
}

export default async function (t: Test): Promise<void> {
  process.on('unhandledRejection', (reason) => unhandled.push(reason))

  t.test('a fault of Kratos has one answer on every endpoint, and never logs anybody out (J06, J08, J11, J12, J17, J18, J20)', async (t) => {
    const { app, kratos } = await setUp(t, hang)
    const healthy = async (name: string): Promise<void> => {
      kratos.react(well)
      await counts(t, app, name)
    }
    for (const [name, reaction, expected, retryAfter] of FAULTS) {
      kratos.react(reaction)
      t.same(faultsOf(await askAll(app), expected, retryAfter), [], `${name}: ${expected.join(' ')}`)
      await healthy(name)
    }
    await kratos.stop()
    // The sockets that were just reset are noticed here; a POST that meets one is a broken answer, not a refused
    // connection.
    await askAll(app)
    t.same(faultsOf(await askAll(app), UNREACHABLE_ANSWER, '1'), [], 'connection refused (J01): 503')
    t.ok(Object.values(app.kratos.load()).every(({ inside, waiting }) => inside + waiting === 0), 'at once: nothing waits')
    await kratos.start()
    await healthy('connection refused')
  })

  t.test('a Kratos that cannot be reached has one answer on every endpoint, and never logs anybody out (J01, J21)', async (t) => {
    for (const [name, kratosUrl] of UNREACHABLE) {
      const { app, logs } = await buildBefore(t, await kratosUrl(t))
      t.same(faultsOf(await askAll(app), UNREACHABLE_ANSWER, '1'), [], `${name}: 503`)
      t.ok(
        logs().some((line) => line.includes('"code":"UPSTREAM_UNAVAILABLE"') && /"cause":"[^"]+/.test(line)),
        `${name}: the log has the cause`,
      )
    }
  })

  t.test('what Kratos says about a session counts only where it was asked (J19)', async (t) => {
    const { app, kratos } = await setUp(t, hang)
    for (const [name, reaction, expected] of REFUSALS) {
      kratos.react(reaction)
      const wrong = (await askAll(app)).filter(({ group, response, isHead }) => {
        const [status, code] = expected[group]
        return response.statusCode !== status || (!isHead && response.json<{ code: string }>().code !== code)
      })
      t.same(
        wrong.map(({ name, response }) => `${name}: ${response.statusCode} ${response.body.slice(0, 200)}`),
        [],
        name,
      )
      kratos.react(well)
      await counts(t, app, name)
    }
  })

  t.test('docs/failures.md has every fault with the answers that were just given', async (t) => {
    t.equal(readDocument().tables, failureTables(), 'node --import tsx test/support/failure-table.ts writes them anew')
  })

  t.test('who has no session gets 401 without a call, however ill Kratos is', async (t) => {
    const { app, kratos } = await setUp(t, hang)
    for (const { request, needsSession } of ENDPOINTS) {
      if (!needsSession) continue
      t.equal((await app.inject(request)).statusCode, 401, `${request.method ?? 'GET'} ${request.url as string}`)
    }
    t.equal((await app.inject('/api/auth/logout?token=ory_lo_x')).statusCode, 302, 'a visit of the link goes home')
    t.equal(kratos.requests.length, 0)
  })

  t.test("Kratos' refusals keep their meaning through the whole service (J19, J20)", async (t) => {
    const { app, kratos } = await setUp(t, hang)
    const submit = (flow: string): InjectOptions => post(`/api/auth/flows/${flow}`, { flow_id: ID, method: 'password' })
    const cases: Array<[request: InjectOptions, file: string, step: string, status: number, body: object]> = [
      [submit('login'), '10-api-login', 'wrong password', 400, {
        code: 'INVALID_CREDENTIALS',
        error: /credentials are invalid/,
        id: String,
        ui: { messages: [{ id: 4000006 }] },
      }],
      [submit('registration'), '03-api-registration-duplicate', 'same e-mail', 400, {
        code: 'IDENTIFIER_TAKEN',
        ui: { messages: [{ id: 4000007 }] },
      }],
      [submit('registration'), '01-api-registration-init-and-errors', 'weak password: too short', 400, {
        code: 'FLOW_REJECTED',
        error: /password/,
        id: String,
        ui: {},
      }],
      [submit('registration'), '06-registration-two-step-and-styles', 'profile step valid', 200, {
        success: true,
        data: { ui: {} },
      }],
      [submit('login'), '32-whoami-revoked', 'login of an inactive identity', 401, { code: 'ACCOUNT_DISABLED' }],
      [submit('login'), '13-expired-flows', 'submit expired login flow', 410, {
        code: 'FLOW_EXPIRED',
        use_flow_id: String,
        expired_at: String,
        since: Number,
      }],
      [submit('recovery'), '13-expired-flows', 'submit expired recovery flow', 410, {
        code: 'FLOW_EXPIRED',
        use_flow_id: '75a27543-eee0-4b07-b8a1-abee76f69b42',
      }],
      [submit('login'), '14-unknown-and-mixed-up-flow-ids', 'login: unknown flow id', 404, { code: 'FLOW_NOT_FOUND' }],
      [submit('login'), '21-browser-json-login', 'submit without CSRF cookie', 403, { code: 'CSRF_VIOLATION' }],
      [submit('recovery'), '55-recovery-code-api', 'wrong code', 400, {
        code: 'FLOW_REJECTED',
        ui: { messages: [{ id: 4060006 }] },
      }],
      [
        { url: '/api/auth/flows/login' },
        '11-api-login-refresh-and-already-logged-in',
        'init without refresh while logged in',
        400,
        { code: 'SESSION_ALREADY_AVAILABLE' },
      ],
      [{ url: '/api/auth/flows/login' }, '21-browser-json-login', 'return_to forbidden (json)', 400, {
        code: 'RETURN_TO_FORBIDDEN',
      }],
      [whoami, '30-whoami-credentials', 'no credential', 401, { code: 'INVALID_SESSION', error: 'Invalid session' }],
      [whoami, '32-whoami-revoked', 'whoami with the revoked token', 401, {
        code: 'INVALID_SESSION',
        error: 'Invalid session',
      }],
      [whoami, '33-whoami-expired', 'whoami with the expired token', 401, {
        code: 'INVALID_SESSION',
        error: 'Invalid session',
      }],
      [
        { ...whoami, url: '/api/documents' },
        '34-whoami-aal2-required',
        'whoami aal1 with a second factor enrolled',
        403,
        { code: 'AAL2_REQUIRED' },
      ],
    ]
    for (const [request, file, step, status, body] of cases) {
      // Only the call itself is answered from the recording; a flow that the service starts by itself afterwards fails.
      kratos.requests.length = 0
      kratos.react((socket, sent) => {
        const isConfirmation = status === 401 && sent.target === '/self-service/logout/browser'
        const reaction = isConfirmation ? OVER : kratos.requests.length === 1 ? replay(file, step) : answer(500, {})
        reaction(socket, sent)
      })
      const response = await app.inject(request)
      t.equal(response.statusCode, status, `${file}: ${step}`)
      t.match(response.json(), body, `${file}: ${step}`)
      t.notMatch(response.body, /"(?:reason|details|debug|status|request)":/, "nothing of Kratos' error object (H09)")
    }
  })

  t.test('an idle connection that Kratos gave up costs no request (J06)', async (t) => {
    const { app, kratos } = await setUp(
      t,
      (socket, request) => (request.nthOnSocket === 0 ? answer(200, SESSION) : endBeforeHeaders)(socket, request),
    )
    for (let round = 0; round < 5; round++) {
      t.equal((await app.inject(whoami)).statusCode, 200)
      await new Promise((resolve) => setImmediate(resolve))
    }
    t.ok(kratos.requests.some(({ nthOnSocket }) => nthOnSocket > 0), 'a socket was reused and given up')
  })

  t.test('a Kratos that says nothing until the deadline', async (t) => {
    // They wait together.
    const late = Promise.all(LATE.map(([name, reaction]) => askLate(t, name, reaction)))
    const crowd = askAtOnce(t)

    t.test('has one answer on every endpoint, in time (J04, J10)', async (t) => {
      for (const { name, faults, isPatient, statuses } of await late) {
        t.same(faults, [], `${name}: 504`)
        t.ok(isPatient, `${name}: a service whose deadline is longer waits on, until Kratos is gone`)
        t.same(statuses, WELL, `${name}: the next good answers count at once`)
      }
    })

    t.test('more calls than sockets and queue take are refused at once, the others on time (J23)', async (t) => {
      const { results, codes, next } = await crowd
      const shed = results.filter(({ code }) => code === 'OVERLOADED')
      // On a busy machine the queue is no burst any more, and the last arrive when the first are already out again.
      t.ok(shed.length > 0 && shed.length <= 400 - 32 - 48, `${shed.length} over the limit`)
      t.ok(shed.every(({ status, retryAfter }) => status === 503 && retryAfter === '1'), 'is told when to come back')
      t.ok(results.every(({ status, code }) => status === 504 || code === 'OVERLOADED'), 'all others are too late')
      t.equal(codes[0], 'OVERLOADED', 'who is refused is told first')
      t.equal(next, 200, 'and then all is well')
    })
  })

  t.test('a Kratos that flaps: every answer is that of its own call, and a fault of the past refuses nobody (J22)', async (t) => {
    const { app, kratos } = await setUp(t, hang)
    const turns: Array<[reaction: Reaction, status: number]> = [
      [answer(200, SESSION), 200],
      [BROKEN, 502],
      [answer(200, SESSION), 200],
      [HTML, 502],
      [answer(429, {}), 429],
      [answer(200, SESSION), 200],
    ]
    for (let round = 0; round < 20; round++) {
      for (const [reaction, status] of turns) {
        kratos.react(reaction)
        const answers = await Promise.all(Array.from({ length: 3 }, () => app.inject(whoami)))
        t.same(answers.map(({ statusCode }) => statusCode), Array(3).fill(status))
      }
    }
  })

  t.test('logins that hang keep no session check, no start of a flow and no logout waiting (J26)', async (t) => {
    const isLogin = (target: string): boolean => target.startsWith('/self-service/login?')
    const { app, kratos } = await setUp(t, (socket, request) => {
      const { target } = request
      if (target.startsWith('/self-service/logout')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
      else if (!isLogin(target)) answer(200, target.startsWith('/sessions') ? SESSION : FLOW)(socket, request)
    })
    const logins = Array.from(
      { length: 100 },
      () => app.inject(post('/api/auth/flows/login', { flow_id: ID, identifier: 'a', password: 'b' })),
    )
    while (kratos.requests.filter(({ target }) => isLogin(target)).length < 10) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    t.equal((await app.inject(whoami)).statusCode, 200)
    t.equal((await app.inject('/api/auth/flows/login')).statusCode, 200)
    t.equal(
      (await app.inject({ ...post('/api/auth/logout', {}), headers: { ...whoami.headers, origin: FRONTEND } }))
        .statusCode,
      502,
      'answered: here the session outlives its logout',
    )
    await kratos.stop()
    const codes = (await Promise.all(logins)).map((response) => response.json<{ code: string }>().code)
    t.equal(
      codes.filter((code) => code === 'OVERLOADED').length,
      100 - 10 - 64,
      'the lane of the submits is bounded by itself',
    )
  })

  t.test('"logged out" is said only when the session is over (I08)', async (t) => {
    const patient = await setUp(t, hang)
    const hasty = await setUp(t, hang, DEADLINE_MS)
    const done: Reaction = (socket) => {
      socket.write('HTTP/1.1 204 No Content\r\n\r\n')
    }
    /** Kratos knows the session until its logout is completed. */
    const after = (proof: Reaction): Reaction => {
      let isEnded = false
      return (socket, request) => {
        const { target } = request
        if (target === '/sessions/whoami') return proof(socket, request)
        const isInit = target === '/self-service/logout/browser'
        const reaction = !isInit ? done : isEnded ? proof : answer(200, { logout_token: 'ory_lo_x' })
        isEnded = !isInit
        reaction(socket, request)
      }
    }
    const overUnconfirmed: Reaction = (socket, request) =>
      (request.target === '/sessions/whoami' ? OVER : BROKEN)(socket, request)
    const cases: Array<[name: string, whoami: Reaction, status: number]> = [
      ['it lives on', answer(200, SESSION), 502],
      [
        'it lives on and wants a second factor',
        replay('34-whoami-aal2-required', 'whoami aal1 with a second factor enrolled'),
        502,
      ],
      ['nobody can say', hang, 504],
      ['Kratos is ill', answer(500, {}), 502],
      ['it is over', OVER, 200],
      ['it says so without its database', overUnconfirmed, 503],
    ]
    for (const [name, proof, status] of cases) {
      const { app, kratos } = proof === hang ? hasty : patient
      for (const cookie of Object.values(CREDENTIALS)) {
        const headers = { cookie, origin: FRONTEND, accept: 'application/json' }
        const posted: InjectOptions = { method: 'POST', url: '/api/auth/logout', payload: {}, headers }
        for (const request of [posted, { url: '/api/auth/logout?token=ory_lo_x', headers }]) {
          kratos.react(after(proof))
          t.equal((await app.inject(request)).statusCode, status, `${request === posted ? 'POST' : 'GET'}: ${name}`)
        }
      }
    }
  })

  for (const [index, reaction] of [hang, answer(503, {}), HTML].entries()) {
    t.test(`a dead Kratos is told by /health/ready, and the service stays ready and alive (${index})`, async (t) => {
      const { app } = await setUp(t, reaction, DEADLINE_MS)
      const ready = await app.inject('/health/ready')
      t.same([ready.statusCode, ready.json().data], [200, { status: 'ok', degraded: ['kratos'] }])
      t.notMatch(ready.body, /127\.0/i)
      t.equal((await app.inject('/health/alive')).statusCode, 200)
    })
  }

  t.test('no promise was left alone', async (t) => {
    await new Promise((resolve) => setImmediate(resolve))
    t.same(unhandled, [])
  })
}
