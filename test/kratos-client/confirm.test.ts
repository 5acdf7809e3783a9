import type { Test } from 'tap'
import type { Answer } from '../../src/kratos-client/answer.js'
import type { Caller } from '../../src/kratos-client/caller.js'
import { createKratosClient, type KratosClient, type KratosClientOptions } from '../../src/kratos-client/client.js'
import { createPool } from '../../src/kratos-client/pool.js'
import type { Credential } from '../../src/kratos-client/credential.js'
import { cancelScope, RequestScope } from '../../src/kratos-client/request-scope.js'
import type { IdentityOutcome, SessionOutcome } from '../../src/kratos-client/session-outcome.js'
import { createFailingCredentials } from '../../src/throttling/failing-credentials.js'
import { answer, type FaultServer, hang, type Reaction, replay, startFaultServer } from '../support/fault-server.js'
import { BROKEN, FLOW, HTML, ID, OVER, SESSION } from '../support/faults.js'
import { until } from '../support/until.js'

const CONFIRMATION = '/self-service/logout/browser'
const token = (letter: string): Credential => ({ kind: 'token', value: `ory_st_${letter.repeat(32)}`, from: 'cookie' })
const TOKEN = token('a')
const SEALED: Credential = { kind: 'cookie', value: `MTc5${'Az_-09'.repeat(70)}`, from: 'cookie' }
const UNUSABLE: Credential[] = [{ kind: 'none' }, { kind: 'conflict' }]
const DEADLINE_MS = 10_000

type Outcome = Answer | SessionOutcome | IdentityOutcome
const callerOf = (credential: Credential): Caller => ({
  credential,
  flowCookies: [],
  address: '127.0.0.1',
  userAgent: undefined,
})

const bodiless401: Reaction = (socket) => {
  socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 157\r\n\r\n')
}
const GONE = replay('32-whoami-revoked', 'whoami with the revoked token')
const NO_LIST = replay('45-sessions-list-and-revoke', 'list without credential')
const settings = { type: 'api' as const, query: {} }

interface Place {
  claim: Reaction
  ask: (kratos: KratosClient, credential: Credential) => Promise<Outcome>
}

/** Everything that asks Kratos with a credential, and how it is told that there is no session. */
const PLACES: Record<string, Place> = {
  whoami: { claim: GONE, ask: (kratos, credential) => kratos.whoami(credential) },
  'whoami by HEAD': { claim: bodiless401, ask: (kratos, credential) => kratos.whoamiId(credential) },
  'proof of a logout': { claim: GONE, ask: (kratos, credential) => kratos.whoamiAfterLogout(credential) },
  'list of sessions': { claim: NO_LIST, ask: (kratos, credential) => kratos.listOtherSessions(credential) },
  'end of all sessions': { claim: NO_LIST, ask: (kratos, credential) => kratos.revokeOtherSessions(credential) },
  'end of a session': { claim: NO_LIST, ask: (kratos, credential) => kratos.revokeSession(ID, credential) },
  'start of settings': {
    claim: replay('50-settings-api', 'init without credential'),
    ask: (kratos, credential) => kratos.initFlow('settings', { ...settings, type: 'browser' }, callerOf(credential)),
  },
  'fetch of settings': {
    claim: replay('50-settings-api', 'fetch the flow without credential'),
    ask: (kratos, credential) => kratos.fetchFlow('settings', ID, callerOf(credential)),
  },
  'submit of settings': {
    claim: replay('50-settings-api', 'profile change without credential'),
    ask: (kratos, credential) =>
      kratos.submitFlow('settings', ID, { method: 'profile', csrf_token: 'x' }, callerOf(credential)),
  },
  'start of a second factor': {
    claim: replay('12-api-login-aal2-totp-and-lookup', 'aal2 without a session'),
    ask: (kratos, credential) =>
      kratos.initFlow('login', { type: 'browser', query: { aal: 'aal2' } }, callerOf(credential)),
  },
}

/** Good answers to every question, for a session that is there after all. */
const good: Reaction = (socket, request) => {
  const { target, method } = request
  if (method === 'HEAD') {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX-Kratos-Authenticated-Identity-Id: ${ID}\r\n\r\n`)
  } else if (target === '/sessions/whoami') answer(200, SESSION)(socket, request)
  else if (target.startsWith('/sessions')) answer(200, method === 'GET' ? [] : { count: 1 })(socket, request)
  else answer(200, FLOW)(socket, request)
}

async function setUp (t: Test, options: Partial<KratosClientOptions> = {}) {
  const server = await startFaultServer(t, hang)
  const deadlines = { whoamiMs: DEADLINE_MS, submitMs: DEADLINE_MS, otherMs: DEADLINE_MS }
  const kratos = createKratosClient({
    dispatcher: createPool,
    publicUrl: server.url,
    cookieName: 'ory_kratos_session',
    deadlines,
    isAllowedRedirect: () => false,
    ...options,
  })
  t.teardown(() => kratos.close())
  return { kratos, server }
}

/** Asks a Kratos that answers the confirmation so, and the question in turn so. */
async function outcomeOf (
  { kratos, server }: Awaited<ReturnType<typeof setUp>>,
  { ask }: Place,
  confirmation: Reaction,
  answers: Reaction[],
  credential: Credential = TOKEN,
): Promise<{ outcome: Outcome, questions: number, confirmations: number }> {
  let [questions, confirmations] = [0, 0]
  server.react((socket, request) => {
    if (request.target === CONFIRMATION) {
      confirmations++
      return confirmation(socket, request)
    }
    const reaction = answers[questions++] ?? hang
    reaction(socket, request)
  })
  return { outcome: await ask(kratos, credential), questions, confirmations }
}

/** What came of a question in one word. */
const said = (outcome: Outcome): string =>
  outcome.kind === 'unavailable' || outcome.kind === 'refused' ? outcome.code : outcome.kind
const NO_SESSION = ['none', 'INVALID_SESSION']
const SESSION_THERE = ['valid', 'ok']

const seen = ({ requests }: FaultServer, path: string): number =>
  requests.filter(({ target }) => target === path).length

export default async function (t: Test): Promise<void> {
  t.test('a 401 is confirmed at every place that hears one', async (t) => {
    const setup = await setUp(t)
    for (const [name, place] of Object.entries(PLACES)) {
      for (const credential of [TOKEN, SEALED]) {
        const { claim } = place
        const over = await outcomeOf(setup, place, OVER, [claim], credential)
        t.ok(NO_SESSION.includes(said(over.outcome)), `${name}: over`)
        t.same([over.questions, over.confirmations], [1, 1])
        const alive = await outcomeOf(setup, place, answer(200, { logout_token: 'x' }), [claim, good], credential)
        t.ok(SESSION_THERE.includes(said(alive.outcome)), `${name}: there after all (${said(alive.outcome)})`)
        t.same([alive.questions, alive.confirmations], [2, 1])
        const twice = await outcomeOf(setup, place, answer(200, { logout_token: 'x' }), [claim, claim], credential)
        t.equal(said(twice.outcome), 'UPSTREAM_UNAVAILABLE', `${name}: refused twice, and there`)
        t.same([twice.questions, twice.confirmations], [2, 1], 'no third question')
        const away = await outcomeOf(setup, place, BROKEN, [claim], credential)
        t.equal(said(away.outcome), 'UPSTREAM_UNAVAILABLE', `${name}: its database is away`)
        t.same([away.questions, away.confirmations], [1, 1])
      }
    }
  })

  t.test('what the confirmation says decides', async (t) => {
    const setup = await setUp(t)
    const rows: Array<[name: string, confirmation: Reaction, expected: string, retryAfter?: number]> = [
      ['429', answer(429, {}, [['Retry-After', '7']]), 'RATE_LIMITED', 7],
      ['429 without a time', answer(429, {}), 'RATE_LIMITED', 1],
      ['another 401', answer(401, { error: { id: 'session_aal1_required', code: 401 } }), 'UPSTREAM_UNAVAILABLE'],
      ['a 401 without an id', answer(401, { error: { code: 401 } }), 'UPSTREAM_UNAVAILABLE'],
      ['a 401 of a proxy', answer(401, '<html>', [['Content-Type', 'text/html']]), 'UPSTREAM_UNAVAILABLE'],
      ['403', answer(403, { error: { id: 'session_inactive', code: 403 } }), 'UPSTREAM_UNAVAILABLE'],
      ['404', answer(404, {}), 'UPSTREAM_UNAVAILABLE'],
      ['303', answer(303, '', [['Location', '/']]), 'UPSTREAM_UNAVAILABLE'],
      ['a page of a proxy', HTML, 'UPSTREAM_UNAVAILABLE'],
      ['a reset', (socket) => socket.resetAndDestroy(), 'UPSTREAM_UNAVAILABLE'],
    ]
    for (const [name, confirmation, expected, retryAfter] of rows) {
      const { outcome } = await outcomeOf(setup, PLACES['whoami'] as Place, confirmation, [GONE])
      t.match(outcome, { kind: 'unavailable', code: expected, setCookie: [] }, name)
      if (retryAfter !== undefined) t.match(outcome, { retryAfter })
    }
  })

  t.test('a 401 with an Ory-Session-Cache-For that no Kratos writes is a claim like others', async (t) => {
    const setup = await setUp(t)
    for (const value of ['', 'soon', '-1', '60, 60']) {
      const claim = answer(401, { error: { code: 401, id: 'session_inactive' } }, [['Ory-Session-Cache-For', value]])
      const { outcome, confirmations } = await outcomeOf(setup, PLACES['whoami'] as Place, BROKEN, [claim])
      t.same([said(outcome), confirmations], ['UPSTREAM_UNAVAILABLE', 1], value)
    }
  })

  t.test('its fresh CSRF cookie goes to nobody', async (t) => {
    const setup = await setUp(t)
    const csrf: Reaction = replay('40-logout-browser', 'init without credential (json)')
    const { outcome } = await outcomeOf(setup, PLACES['whoami'] as Place, csrf, [GONE])
    t.match(outcome, { kind: 'none' })
    t.notMatch(JSON.stringify(outcome), /csrf_token_/)
  })

  t.test('needs no confirmation', async (t) => {
    const setup = await setUp(t)
    const { kratos, server } = setup
    server.react(GONE)
    for (const credential of UNUSABLE) t.match(await kratos.whoami(credential), { kind: 'none' })
    t.match(await kratos.initFlow('settings', settings, callerOf(SEALED)), {}, 'an API flow takes no sealed cookie along')
    const recorded = replay('36-whoami-cacheable-sessions', 'undecodable cookie')
    t.match((await outcomeOf(setup, PLACES['whoami'] as Place, hang, [recorded])).outcome, { kind: 'none', cacheFor: '60' })
    server.react(answer(200, { ...SESSION, active: false }))
    t.match(await kratos.whoami(TOKEN), { kind: 'none' }, 'a 200 is no claim')
    t.equal(seen(server, CONFIRMATION), 0)
  })

  t.test('simultaneous confirmations of one credential are one call', async (t) => {
    const { kratos, server } = await setUp(t)
    const held: Array<() => void> = []
    server.react((socket, request) => {
      if (request.target === CONFIRMATION) held.push(() => OVER(socket, request))
      else GONE(socket, request)
    })
    const { whoami, 'list of sessions': list, 'fetch of settings': fetch } = PLACES as Record<string, Place>
    const asked = Promise.all([
      ...[whoami, list, fetch, whoami].map((place) => place?.ask(kratos, TOKEN)),
      whoami?.ask(kratos, token('b')),
    ])
    await until(() => held.length === 2 && server.requests.length === 7)
    for (const release of held) release()
    t.ok((await asked).every((outcome) => outcome !== undefined && NO_SESSION.includes(said(outcome))))
    t.equal(seen(server, CONFIRMATION), 2, 'one for each credential')
  })

  t.test('ends with the deadline of the question: 504', async (t) => {
    const deadlines = { whoamiMs: 60, submitMs: DEADLINE_MS, otherMs: DEADLINE_MS }
    const { kratos, server } = await setUp(t, { deadlines })
    server.react((socket, request) => (request.target === CONFIRMATION ? hang : GONE)(socket, request))
    t.match(await kratos.whoami(TOKEN), { kind: 'unavailable', code: 'UPSTREAM_TIMEOUT' })
    t.match(await kratos.whoamiId(TOKEN, new RequestScope()), { kind: 'unavailable', code: 'UPSTREAM_TIMEOUT' })
    await until(() => Object.values(kratos.load()).every(({ inside }) => inside === 0))
    t.pass('and no socket is held')
  })

  t.test('is given up with the client that wanted it', async (t) => {
    const { kratos, server } = await setUp(t)
    server.react((socket, request) => (request.target === CONFIRMATION ? hang : GONE)(socket, request))
    const scope = new RequestScope()
    const asked = kratos.whoami(TOKEN, scope)
    await until(() => seen(server, CONFIRMATION) === 1)
    cancelScope(scope)
    t.match(await asked, { kind: 'unavailable' })
    await until(() => kratos.load().confirm.inside === 0)
  })

  t.test('has sockets of its own, and past them it is refused at once: 503 OVERLOADED', async (t) => {
    const { kratos, server } = await setUp(t)
    server.react((socket, request) => (request.target === CONFIRMATION ? hang : GONE)(socket, request))
    const scopes = Array.from({ length: 8 + 32 }, () => new RequestScope())
    const waiting = scopes.map((scope, number) => kratos.whoami(token(String(number)), scope))
    await until(() => kratos.load().confirm.waiting === 32)
    t.equal(kratos.load().confirm.inside, 8)
    t.match(await kratos.whoami(token('z')), { kind: 'unavailable', code: 'OVERLOADED' })
    server.react((socket, request) => (request.target === CONFIRMATION ? OVER : GONE)(socket, request))
    t.match(await kratos.whoamiAfterLogout(token('y')), { kind: 'none' }, 'the proof of a logout does not stand there')
    for (const scope of scopes) cancelScope(scope)
    await Promise.all(waiting)
  })

  t.test('failing credentials of one address have a budget', async (t) => {
    let now = 0
    const failing = createFailingCredentials(3, (address) => [{ name: address, share: 1 }], () => now)
    const { kratos, server } = await setUp(t, { failing })
    const from = (ip: string): RequestScope => new RequestScope(performance.now(), { ip })
    const ask = async (ip: string): Promise<string> => said(await kratos.whoami(TOKEN, from(ip)))
    server.react(OVER)
    t.same([await ask('1'), await ask('1'), await ask('1')], ['none', 'none', 'none'])
    const before = seen(server, CONFIRMATION)
    t.match(await kratos.whoami(TOKEN, from('1')), { kind: 'unavailable', code: 'RATE_LIMITED', retryAfter: 60 })
    t.equal(seen(server, CONFIRMATION), before, 'refused before it is confirmed')
    t.equal(await ask('2'), 'none', 'another address has its own')
    t.match(await kratos.whoamiAfterLogout(TOKEN, from('1')), { kind: 'none' }, 'a logout is no failing credential')
    server.react(good)
    t.equal(await ask('1'), 'valid', 'a session that is there is not refused')
    now = 60_000
    for (let turn = 0; turn < 10; turn++) {
      let claims = 0
      server.react((socket, request) =>
        (request.target === CONFIRMATION ? answer(200, {}) : claims++ === 0 ? GONE : good)(socket, request))
      t.equal(await ask('1'), 'valid', 'nor counted when Kratos was wrong about it')
    }
    for (let turn = 0; turn < 10; turn++) {
      server.react((socket, request) => (request.target === CONFIRMATION ? answer(500, {}) : GONE)(socket, request))
      t.equal(await ask('1'), 'UPSTREAM_UNAVAILABLE', 'nor where nobody knows')
    }
    server.react(OVER)
    t.same([await ask('1'), await ask('1'), await ask('1'), await ask('1')], ['none', 'none', 'none', 'RATE_LIMITED'])
  })
}
