import {
  answer,
  drip,
  endBeforeHeaders,
  flood,
  hang,
  type Reaction,
  replay,
  resetAfterHeaders,
  resetBeforeHeaders,
  resetInBody,
  slowHeaders,
  truncate,
} from './fault-server.js'

const MIB = 1024 * 1024
export const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
/** A whoami answer that counts. */
export const SESSION = {
  id: 's',
  active: true,
  expires_at: '2099-01-01T00:00:00Z',
  identity: { id: ID, traits: { email: 'a@example.test' } },
}
export const FLOW = { id: ID, type: 'api', ui: { action: 'http://127.0.0.1:4433/x', method: 'POST', nodes: [] } }

/** Kratos in good health, to whom every session is good. */
export const WELL: Reaction = (socket, request) => {
  const { target } = request
  const session = { ...SESSION, authenticated_at: new Date().toISOString() }
  const logout = { logout_token: 'ory_lo_x' }
  const body = target === '/sessions/whoami'
    ? session
    : target.startsWith('/sessions') ? [] : target.startsWith('/self-service/logout') ? logout : FLOW
  answer(200, body)(socket, request)
}

const error = (code: number, rest: object = {}): object => ({
  error: { code, status: 's', message: 'panic: runtime error at /go/src/kratos.go:12', ...rest },
})
const html = (status: number): Reaction =>
  answer(status, '<!doctype html><h1>nginx at 10.0.0.7:4433</h1>', [['Content-Type', 'text/html']])
/** What Kratos says of a session that is over: to the question, and to the one that confirms it. */
export const OVER: Reaction = (socket, request) =>
  (request.target === '/self-service/logout/browser'
    ? replay('40-logout-browser', 'init without credential (json)')
    : replay('32-whoami-revoked', 'whoami with the revoked token'))(socket, request)
/** One and the same answer to whoever has no session (G04). */
export const NO_SESSION_BODY = {
  success: false,
  error: 'Invalid session',
  code: 'INVALID_SESSION',
  next: 'reauthenticate',
  start: '/api/auth/flows/login?refresh=true',
}
/** Kratos' own failure, with what it may say about its insides. */
export const BROKEN = answer(500, error(500))
/** A proxy's failure. */
export const HTML = html(502)
const UPSTREAM_ERROR = [502, 'UPSTREAM_ERROR'] as const

export type Expected = readonly [status: number, code: string]

/** The endpoints that ask Kratos, as docs/failures.md groups them. */
export const GROUPS = ['whoami', 'documents', 'flow init', 'submit', 'logout'] as const
export type Group = typeof GROUPS[number]

/** Kratos too late in every way. */
export const LATE: Array<[name: string, reaction: Reaction]> = [
  ['never answers (J04)', hang],
  ['half a head (J04)', slowHeaders],
  ['a body byte by byte (J10)', drip],
]

/** A fault and the one answer that every endpoint gives to it. */
export const FAULTS: Array<[name: string, reaction: Reaction, expected: Expected, retryAfter?: string]> = [
  ['reset before the head (J06)', resetBeforeHeaders, UPSTREAM_ERROR],
  ['end before the head (J06)', endBeforeHeaders, UPSTREAM_ERROR],
  ['reset after the head (J08)', resetAfterHeaders, UPSTREAM_ERROR],
  ['reset in the body (J08)', resetInBody, UPSTREAM_ERROR],
  ['a session shorter than announced (J08)', truncate(SESSION), UPSTREAM_ERROR],
  ['HTML (J11)', html(200), UPSTREAM_ERROR],
  ['JSON declared as HTML (J11)', answer(200, SESSION, [['Content-Type', 'text/html']]), UPSTREAM_ERROR],
  ['empty (J11)', answer(200, undefined), UPSTREAM_ERROR],
  ['empty JSON (J11)', answer(200, ''), UPSTREAM_ERROR],
  ['truncated JSON (J11)', answer(200, JSON.stringify(SESSION).slice(0, -1)), UPSTREAM_ERROR],
  ...[
    {},
    null,
    [],
    [SESSION],
    'text',
    1,
    true,
    { active: true },
    { ...SESSION, identity: {} },
    { ...SESSION, identity: { id: '00000000-0000-0000-0000-000000000000', traits: {} } },
    { id: 1, ui: [] },
    { session: {} },
    { identity: null },
    { logout_token: 7 },
  ]
    .map((
      body,
    ): [string, Reaction, typeof UPSTREAM_ERROR] => [
      `${JSON.stringify(body).slice(0, 60)} (J11, A38)`,
      answer(200, JSON.stringify(body)),
      UPSTREAM_ERROR,
    ]),
  ['5 MiB announced (J12)', flood(5 * MIB, { chunked: false }), UPSTREAM_ERROR],
  ['5 MiB chunked (J12)', flood(5 * MIB, { chunked: true }), UPSTREAM_ERROR],
  ['500 with a stack (J17)', answer(500, error(500)), UPSTREAM_ERROR],
  ['502 of a proxy (J17)', html(502), UPSTREAM_ERROR],
  ['503 with Retry-After (J17)', answer(503, error(503), [['Retry-After', '7']]), UPSTREAM_ERROR, '7'],
  ['two JSON documents (J17)', answer(502, `${JSON.stringify(error(502))}\n${JSON.stringify(FLOW)}`), UPSTREAM_ERROR],
  ['400 that means 500 (J17)', answer(400, error(500)), UPSTREAM_ERROR],
  ['a hook that failed, recorded (J17)', replay('72-webhook-blocking', 'hook answers 500 always'), UPSTREAM_ERROR],
  ['429 (J18)', answer(429, error(429), [['Retry-After', '9']]), [429, 'RATE_LIMITED'], '9'],
  ['429 of a proxy (J18)', html(429), [429, 'RATE_LIMITED'], '1'],
  ...[301, 302, 303, 307, 308].map((
    status,
  ): [string, Reaction, typeof UPSTREAM_ERROR] => [
    `${status} (J20, D05)`,
    answer(status, error(status), [['Location', 'http://169.254.169.254/latest']]),
    UPSTREAM_ERROR,
  ]),
  ['204 (J20)', (socket) => {
    socket.write('HTTP/1.1 204 No Content\r\n\r\n')
  }, UPSTREAM_ERROR],
  ['101 (J20)', (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')
  }, UPSTREAM_ERROR],
  ['401 in HTML', html(401), UPSTREAM_ERROR],
  ['401 without an error', answer(401, {}), UPSTREAM_ERROR],
  ['404 in plain text', answer(404, '404 page not found', [['Content-Type', 'text/plain']]), UPSTREAM_ERROR],
  ['418', answer(418, error(418)), UPSTREAM_ERROR],
]

const NO_SESSION = [401, 'INVALID_SESSION'] as const
const refusal = (status: number, id?: string): Reaction => answer(status, error(status, { id }))
const everywhere = (expected: Expected): Record<Group, Expected> =>
  Object.fromEntries(GROUPS.map((group) => [group, expected])) as Record<Group, Expected>

/**
 * What Kratos says while it is well and the session is not: an answer, which means what it says only where it was asked
 * for.
 */
export const REFUSALS: Array<[name: string, reaction: Reaction, expected: Record<Group, Expected>]> = [
  ['401 session_inactive (J19)', refusal(401, 'session_inactive'), everywhere(NO_SESSION)],
  ['403 session_aal2_required (J19)', refusal(403, 'session_aal2_required'), everywhere([403, 'AAL2_REQUIRED'])],
  ['403 security_csrf_violation (J19)', refusal(403, 'security_csrf_violation'), {
    ...everywhere(UPSTREAM_ERROR),
    'flow init': [403, 'CSRF_VIOLATION'],
    submit: [403, 'CSRF_VIOLATION'],
  }],
  ['404 (J19)', refusal(404), {
    ...everywhere(UPSTREAM_ERROR),
    'flow init': [404, 'FLOW_NOT_FOUND'],
    submit: [404, 'FLOW_NOT_FOUND'],
  }],
  ['410 self_service_flow_expired (J19)', refusal(410, 'self_service_flow_expired'), {
    ...everywhere(UPSTREAM_ERROR),
    'flow init': [410, 'FLOW_EXPIRED'],
    submit: [410, 'FLOW_EXPIRED'],
  }],
]
