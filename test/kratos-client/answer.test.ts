import type { Test } from 'tap'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Answer, type AnswerContext, classify, type Operation } from '../../src/kratos-client/answer.js'
import type { UpstreamAnswer } from '../../src/kratos-client/buffered-call.js'
import { recorded } from '../support/fault-server.js'
import { type RecordedResponse, upstreamAnswer } from '../support/recorded-answer.js'

const ALLOWED = ['http://127.0.0.1:4433/', 'http://127.0.0.1:3001/']
const isAllowedRedirect = (url: string): boolean => ALLOWED.some((prefix) => url.startsWith(prefix))
const context = (operation: Operation, flow?: string): AnswerContext => ({ operation, flow, isAllowedRedirect })

const made = (status: number, body: unknown, headers: Array<[string, string]> = []): UpstreamAnswer =>
  upstreamAnswer({ status, headers: [['content-type', 'application/json'], ...headers], body })

type Row = [file: string, step: string, context: AnswerContext, expected: object]
const refused = (code: string, rest: object = {}) => ({ kind: 'refused', code, ...rest })
const ILL = { kind: 'unavailable', code: 'UPSTREAM_ERROR' }
const login = context('submit', 'login')
const registration = context('submit', 'registration')
const recovery = context('submit', 'recovery')
const verification = context('submit', 'verification')
const settings = context('submit', 'settings')
const init = context('init', 'login')
const whoami = context('whoami')
const logout = context('logout')
const uiMessage = (id: number) => ({ members: { id: String, ui: { messages: [{ id }] } } })

/** One real answer for each kind that the table of the security model (section 7) knows (J19). */
const ROWS: Row[] = [
  ['10-api-login', 'init', init, { kind: 'ok', next: 'done', body: { type: 'api', ui: {} } }],
  ['10-api-login', 'success', login, { kind: 'ok', next: 'done', body: { session_token: /^ory_st_/ } }],
  ['10-api-login', 'the completed flow fetched', context('fetch', 'login'), { kind: 'ok', next: 'done' }],
  ['34-whoami-aal2-required', 'login (does the answer itself hint at aal2?) - submit', login, {
    kind: 'ok',
    next: 'done',
  }],
  ['04-api-registration-success-no-session-hook', 'submit', registration, {
    kind: 'ok',
    next: 'done',
    body: { identity: {} },
  }],
  ['20-browser-json-registration', 'success', registration, { kind: 'ok', next: 'done' }],
  ['10-api-login', 'wrong password', login, refused('INVALID_CREDENTIALS', uiMessage(4000006))],
  ['10-api-login', 'method unknown', login, refused('FLOW_REJECTED', uiMessage(4010002))],
  ['21-browser-json-login', 'wrong password', login, refused('INVALID_CREDENTIALS', uiMessage(4000006))],
  ['03-api-registration-duplicate', 'same e-mail', registration, refused('IDENTIFIER_TAKEN', uiMessage(4000007))],
  [
    '01-api-registration-init-and-errors',
    'missing required trait email',
    registration,
    refused('FLOW_REJECTED', { text: 'Property email is missing.' }),
  ],
  [
    '01-api-registration-init-and-errors',
    'weak password: too short',
    registration,
    refused('FLOW_REJECTED', { text: /password/i }),
  ],
  ['06-registration-two-step-and-styles', 'profile step valid', registration, {
    kind: 'ok',
    next: 'form',
    body: { ui: {} },
  }],
  ['65-code-registration-and-login-api', 'login: send code (400 is the normal answer)', login, {
    kind: 'ok',
    next: 'form',
  }],
  ['65-code-registration-and-login-api', 'login: wrong code', login, refused('FLOW_REJECTED')],
  ['55-recovery-code-api', 'known e-mail: code is sent', recovery, { kind: 'ok', next: 'done' }],
  ['55-recovery-code-api', 'wrong code', recovery, refused('FLOW_REJECTED', uiMessage(4060006))],
  ['60-verification-code-api', 'wrong code', verification, refused('FLOW_REJECTED', uiMessage(4070006))],
  ['55-recovery-code-api', 'right code', recovery, {
    kind: 'ok',
    next: 'redirect',
    body: { redirect_browser_to: /^http:\/\/127\.0\.0\.1:3001\/settings/ },
  }],
  ['34-whoami-aal2-required', 'setup: browser login (json) - submit', login, {
    kind: 'ok',
    next: 'redirect',
    body: { redirect_browser_to: /aal=aal2/ },
    setCookie: [/^csrf_token_/, /^ory_kratos_session=/],
  }],
  ['68-oidc-browser', 'submit oidc (SPA): 422', login, ILL],
  [
    '11-api-login-refresh-and-already-logged-in',
    'init without refresh while logged in',
    init,
    refused('SESSION_ALREADY_AVAILABLE'),
  ],
  ['21-browser-json-login', 'return_to forbidden (json)', init, refused('RETURN_TO_FORBIDDEN')],
  ['12-api-login-aal2-totp-and-lookup', 'aal=nonsense', init, refused('FLOW_REJECTED')],
  ['12-api-login-aal2-totp-and-lookup', 'aal2 without a session', init, refused('INVALID_SESSION')],
  ['12-api-login-aal2-totp-and-lookup', 'right totp code without the token', login, refused('INVALID_SESSION')],
  ['32-whoami-revoked', 'login of an inactive identity', login, refused('ACCOUNT_DISABLED')],
  ['30-whoami-credentials', 'no credential', whoami, refused('INVALID_SESSION')],
  ['30-whoami-credentials', 'undecodable session cookie only', whoami, refused('INVALID_SESSION')],
  ['32-whoami-revoked', 'whoami with the revoked token', whoami, refused('INVALID_SESSION')],
  ['33-whoami-expired', 'whoami with the expired token', whoami, refused('INVALID_SESSION')],
  [
    '34-whoami-aal2-required',
    'whoami aal1 with a second factor enrolled',
    whoami,
    refused('AAL2_REQUIRED', { members: { redirect_browser_to: /aal=aal2/ } }),
  ],
  ['30-whoami-credentials', 'X-Session-Token valid + undecodable session cookie', whoami, ILL],
  ['31-whoami-methods', 'trailing slash', whoami, ILL],
  ['31-whoami-methods', 'double slash', whoami, ILL],
  [
    '52-settings-privileged-session-required',
    'password change (API)',
    settings,
    refused('SESSION_REFRESH_REQUIRED', { members: { redirect_browser_to: /refresh=true/ } }),
  ],
  [
    '20-browser-json-registration',
    'submit without CSRF cookie',
    registration,
    refused('CSRF_VIOLATION', { members: {} }),
  ],
  [
    '63-fetch-flows',
    'login: browser flow without cookie',
    context('fetch', 'login'),
    refused('CSRF_VIOLATION', { members: {}, setCookie: [/^csrf_token_/] }),
  ],
  ['63-fetch-flows', 'login: not found', context('fetch', 'login'), refused('FLOW_NOT_FOUND')],
  ['14-unknown-and-mixed-up-flow-ids', 'login: unknown flow id', login, refused('FLOW_NOT_FOUND')],
  [
    '13-expired-flows',
    'submit expired login flow',
    login,
    refused('FLOW_EXPIRED', { members: { use_flow_id: String, expired_at: String, since: Number } }),
  ],
  [
    '13-expired-flows',
    'fetch expired login flow',
    context('fetch', 'login'),
    refused('FLOW_EXPIRED', { members: {}, setCookie: [/^csrf_token_/] }),
  ],
  ['13-expired-flows', 'fetch expired verification flow', context('fetch', 'verification'), refused('FLOW_EXPIRED')],
  [
    '13-expired-flows',
    'submit expired recovery flow',
    recovery,
    refused('FLOW_EXPIRED', { members: { use_flow_id: '75a27543-eee0-4b07-b8a1-abee76f69b42' } }),
  ],
  [
    '13-expired-flows',
    'submit expired verification flow',
    verification,
    refused('FLOW_EXPIRED', { members: { use_flow_id: String }, setCookie: [/^csrf_token_/] }),
  ],
  ['13-expired-flows', 'submit expired browser login flow (html)', login, ILL],
  ['55-recovery-code-api', 'wrong code no. 6', recovery, refused('FLOW_EXPIRED', { members: { use_flow_id: String } })],
  [
    '60-verification-code-api',
    'wrong code no. 6',
    verification,
    refused('FLOW_EXPIRED', { members: { use_flow_id: String } }),
  ],
  ['40-logout-browser', 'init with cookie (json)', logout, { kind: 'ok', body: { logout_token: /^ory_lo_/ } }],
  ['40-logout-browser', 'complete with cookie (json)', logout, {
    kind: 'ok',
    setCookie: [/^ory_kratos_session=.*Max-Age=0/, /^csrf_token_/],
  }],
  ['40-logout-browser', 'complete with a wrong token', logout, refused('LOGOUT_TOKEN_INVALID')],
  ['40-logout-browser', 'complete with the token of another session', logout, refused('LOGOUT_TOKEN_INVALID')],
  ['40-logout-browser', 'complete without cookie', logout, refused('INVALID_SESSION')],
  ['40-logout-browser', 'complete with cookie (html)', logout, ILL],
  ['42-logout-api', 'unknown token', logout, refused('LOGOUT_TOKEN_INVALID')],
  ['42-logout-api', 'valid token', logout, { kind: 'ok' }],
  ['72-webhook-blocking', 'hook answers 400', registration, ILL],
  ['72-webhook-blocking', 'hook answers 500 always', registration, ILL],
  ['73-webhook-blocking-connection-refused', 'hook target refuses connections', registration, ILL],
  ['86-oversized-bodies-and-headers', 'login with a body of just over 5 MiB', login, ILL],
  ['86-oversized-bodies-and-headers', 'header of 1.1 MiB', whoami, ILL],
  ['21-browser-json-login', 'init with Accept */*', init, ILL],
]

const FLOW = {
  id: '77d1b512-3207-4f23-81ed-7fd35915a4f0',
  type: 'api',
  ui: { action: 'http://127.0.0.1:4433/x', method: 'POST', nodes: [] },
}
const error = (code: number, rest: object = {}, beside: object = {}) => ({
  error: { code, message: 'm', reason: 'r', debug: 'd', ...rest },
  ...beside,
})

/** Which call of ours, if any, an exchange of the recordings would be. */
function operationOf ({ method, url }: { method: string, url: string }): AnswerContext | undefined {
  const path = url.replace('public:', '').split('?')[0] ?? ''
  const [, flow, rest] = /^\/self-service\/(login|registration|recovery|verification|settings)(.*)$/.exec(path) ?? []
  if (path === '/sessions/whoami') return whoami
  if (path.startsWith('/self-service/logout')) return logout
  if (flow === undefined) return undefined
  if (method === 'POST') return context('submit', flow)
  return rest === '/flows' ? context('fetch', flow) : context('init', flow)
}

const folder = join(import.meta.dirname, '../recordings')
const everything = readdirSync(folder).flatMap((file) => {
  const { exchanges = [] } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    exchanges?: Array<
      {
        step: string
        request: { method: string, url: string, headers: Array<[string, string]> }
        response: RecordedResponse
      }
    >
  }
  return exchanges.map((exchange) => ({ file, ...exchange }))
})

export default async function (t: Test): Promise<void> {
  t.test('classify a recorded answer', async (t) => {
    for (const [file, step, context, expected] of ROWS) {
      t.match(classify(upstreamAnswer(recorded(file, step)), context), expected, `${file.slice(0, 2)}: ${step} (J19)`)
    }
  })

  t.test('classify an answer that no recording has', async (t) => {
    const rows: Array<[name: string, answer: UpstreamAnswer, context: AnswerContext, expected: object]> = [
      [
        '403 whose body says 400 (recording 62)',
        made(
          403,
          error(400, {
            id: 'session_verified_address_required',
            details: { continue_with: [{ action: 'show_verification_ui' }] },
          }),
        ),
        login,
        refused('ADDRESS_NOT_VERIFIED', { members: { continue_with: [{}] } }),
      ],
      ['any other 403', made(403, error(403)), init, refused('FORBIDDEN', { members: {} })],
      ['an error id that every object has', made(403, error(403, { id: '__proto__' })), login, refused('FORBIDDEN')],
      ['another', made(403, error(403, { id: 'constructor' })), login, refused('FORBIDDEN')],
      [
        'replaced flow',
        made(410, error(410, { id: 'self_service_flow_replaced' }, { use_flow_id: FLOW.id })),
        verification,
        refused('FLOW_EXPIRED', { members: { use_flow_id: FLOW.id } }),
      ],
      ['401 of the admin port', made(401, error(401)), context('identity'), ILL],
      ['403 of the admin port', made(403, error(403)), context('identity'), ILL],
      ['410 of a logout', made(410, error(410)), logout, ILL],
      ['404 of a session list', made(404, error(404)), context('sessions'), ILL],
      ['401 of a session list', made(401, error(401)), context('sessions'), refused('INVALID_SESSION')],
      ['CSRF refusal of a whoami', made(403, error(403, { id: 'security_csrf_violation' })), whoami, ILL],
      ['401 of a registration', made(401, error(401)), registration, refused('INVALID_SESSION')],
      ['429 (J18)', made(429, error(429), [['retry-after', '7']]), login, {
        kind: 'unavailable',
        code: 'RATE_LIMITED',
        retryAfter: 7,
      }],
      ['429 of plain text (J18)', { ...made(429, undefined), body: undefined }, login, {
        kind: 'unavailable',
        code: 'RATE_LIMITED',
        retryAfter: 1,
      }],
      ['503 with Retry-After (J17)', made(503, error(503), [['retry-after', '9999']]), whoami, {
        ...ILL,
        retryAfter: 300,
      }],
      ['400 of a hook that failed (J17)', made(400, error(500, {}, { id: 'x' })), login, ILL],
      ['418', made(418, error(418)), login, ILL],
      ['422 without a target', made(422, error(422)), login, ILL],
      [
        '422 to a foreign address (E10)',
        made(422, error(422, {}, { redirect_browser_to: 'https://evil.example/' })),
        login,
        ILL,
      ],
      [
        '400 with code 500 for a value of another type',
        made(400, error(500, { message: 'json: cannot unmarshal string into Go struct field X.totp_unlink of type bool' })),
        settings,
        refused('FLOW_REJECTED'),
      ],
      [
        '500 for an identifier of blanks',
        made(500, error(500, { reason: 'Unable to create identity credentials with missing or empty identifier.' })),
        registration,
        refused('FLOW_REJECTED'),
      ],
      [
        '502 for an id_token that the provider does not take',
        made(502, error(502, { reason: 'The provider generic does not support id_token verification' })),
        login,
        refused('FLOW_REJECTED'),
      ],
      [
        '400 with code 500 for an answer of a hook that is no JSON',
        made(400, error(500, {
          message: "webhook response could not be unmarshalled properly from JSON: invalid character 'o' in literal null",
        })),
        registration,
        ILL,
      ],
      [
        '303 to the page of a new recovery, for a wrong token of a link',
        made(303, undefined, [['location', `http://127.0.0.1:3001/recovery?flow=${FLOW.id}`], ['set-cookie', 'csrf_token_1=x']]),
        recovery,
        refused('FLOW_EXPIRED', { members: {} }),
      ],
      [
        '303 to the settings with a session, for the right one',
        made(303, undefined, [
          ['location', `http://127.0.0.1:3001/settings?flow=${FLOW.id}`],
          ['set-cookie', 'csrf_token_1=x'],
          ['set-cookie', 'ory_kratos_session=y'],
        ]),
        recovery,
        { kind: 'ok', next: 'redirect', body: { redirect_browser_to: `http://127.0.0.1:3001/settings?flow=${FLOW.id}` } },
      ],
      [
        '303 to a page elsewhere (E10)',
        made(303, undefined, [['location', `https://evil.example/recovery?flow=${FLOW.id}`]]),
        recovery,
        ILL,
      ],
      ['204 where a body is due (J20)', { ...made(204, undefined), body: undefined }, whoami, ILL],
      ['204 after a submit (J20)', { ...made(204, undefined), body: undefined }, login, ILL],
      ['301 (D05)', made(301, {}, [['location', 'http://169.254.169.254/']]), init, ILL],
      [
        '303 to a flow at whoami (J20)',
        made(303, undefined, [['location', `http://k/self-service/recovery/flows?id=${FLOW.id}`]]),
        whoami,
        ILL,
      ],
      [
        '303 elsewhere after a submit (J20)',
        made(303, undefined, [['location', 'http://127.0.0.1:3001/error?id=1']]),
        recovery,
        ILL,
      ],
      [
        '303 to a recovery flow after a login (J20)',
        made(303, undefined, [['location', `http://k/self-service/recovery/flows?id=${FLOW.id}`]]),
        login,
        ILL,
      ],
      [
        '303 to a verification flow after a recovery (J20)',
        made(303, undefined, [['location', `http://k/self-service/verification/flows?id=${FLOW.id}`]]),
        recovery,
        ILL,
      ],
    ]
    for (const [name, answer, context, expected] of rows) t.match(classify(answer, context), expected, name)
  })

  t.test('classify a 200 or 400 of another shape as a fault, never as a success (J11)', async (t) => {
    const { id, ui } = FLOW
    const shapes = [
      undefined,
      null,
      [],
      'text',
      1,
      true,
      {},
      { error: 'text' },
      { ui },
      { id },
      { id, ui: null },
      { id, ui: [] },
      { id, ui: {} },
      { id: 1, ui },
      { session: 'x', identity: 1 },
      { session: {}, identity: { id: '00000000-0000-0000-0000-000000000000' } },
    ]
    for (const status of [200, 400]) {
      for (const shape of shapes) {
        for (const context of [init, login, registration, recovery]) {
          t.equal(
            classify({ ...made(status, shape), body: shape }, context).kind,
            'unavailable',
            `${context.operation} ${status} ${JSON.stringify(shape)}`,
          )
        }
      }
    }
    t.equal(classify(made(200, FLOW), init).kind, 'ok', 'a flow is one')
    t.equal(classify(made(200, { session: { id: FLOW.id } }), login).kind, 'ok', 'a session is one')
  })

  t.test('a refusal keeps only what helps the client on (H09)', async (t) => {
    const details = {
      redirect_browser_to: 'http://127.0.0.1:4433/self-service/login/browser?aal=aal2',
      reject_reason: 'secret reason',
    }
    const body = error(403, { id: 'session_aal2_required', details }, { request: 'r', traits: {} })
    t.same(classify(made(403, body), whoami), {
      kind: 'refused',
      code: 'AAL2_REQUIRED',
      members: { redirect_browser_to: details.redirect_browser_to },
      setCookie: [],
    })
    const foreign = error(403, { id: 'session_aal2_required', details: { redirect_browser_to: 'https://evil.example/' } })
    t.notMatch(JSON.stringify(classify(made(403, foreign), whoami)), 'evil', 'and no foreign address (E10)')
    const step = { action: 'set_ory_session_token', ory_session_token: 'ory_st_x' }
    const leaky = made(403, error(403, {}, { continue_with: [step, { action: 'show_settings_ui' }] }))
    t.same(classify(leaky, login), {
      kind: 'refused',
      code: 'FORBIDDEN',
      members: { continue_with: [{ action: 'show_settings_ui' }] },
      setCookie: [],
    }, 'and no session token (B26)')
    t.same(
      classify(
        made(400, {
          ...FLOW,
          ui: { ...FLOW.ui, messages: [{ id: 1, type: 'error', text: 't' }] },
          session_token: 'ory_st_x',
          continue_with: [step],
        }),
        login,
      ),
      {
        kind: 'refused',
        code: 'FLOW_REJECTED',
        text: 't',
        members: { id: FLOW.id, ui: { ...FLOW.ui, messages: [{ id: 1, type: 'error', text: 't' }] } },
        setCookie: [],
      },
    )
  })

  t.test('the text of a refused flow is its first error message, its own before those of its nodes', async (t) => {
    const message = (type: string, text: string, id = 4000002) => ({ type, text, id })
    const flow = (messages: unknown, ...nodes: unknown[]) =>
      made(400, { ...FLOW, ui: { ...FLOW.ui, nodes: nodes.map((list) => ({ messages: list })), messages } })
    const node = message('error', 'node')
    t.match(
      classify(flow([message('info', 'i'), message('error', 'own')], [node]), login),
      refused('FLOW_REJECTED', { text: 'own' }),
    )
    t.match(
      classify(flow([message('info', 'i')], [], [message('info', 'i'), node]), login),
      refused('FLOW_REJECTED', { text: 'node' }),
    )
    t.match(
      classify(flow(undefined, [message('error', 'wrong', 4000006)]), login),
      refused('INVALID_CREDENTIALS', { text: 'wrong' }),
    )
    t.match(
      classify(flow([message('info', 'i'), message('success', 's')]), login),
      { kind: 'ok', next: 'form' },
      'no error message: the next page',
    )
  })

  t.test('classify every recorded answer: a success stays one, a fault or redirect never becomes one or a 401', async (t) => {
    let seen = 0
    for (const { file, step, request, response } of everything) {
      const context = operationOf(request)
      if (context === undefined || response.status === 0 || request.method === 'HEAD') continue
      const result: Answer = classify(upstreamAnswer(response), context)
      const name = `${file.slice(0, 2)}: ${step} (${response.status})`
      if (response.status === 200 && result.kind === 'unavailable') t.fail(`${name} is no fault`)
      if (response.status >= 500 && result.kind !== 'unavailable') t.fail(`${name} is a fault`)
      // A recovery by link has no other answer, and leads to the settings with a session.
      const isRecovered = context.flow === 'recovery' && result.kind === 'ok' && result.next === 'redirect' &&
        result.setCookie.some((line) => line.startsWith('ory_kratos_session='))
      if (response.status >= 300 && response.status < 400 && result.kind === 'ok' && !isRecovered) t.fail(`${name} is no success`)
      if (result.kind === 'refused' && result.code === 'INVALID_SESSION' && response.status !== 401) { t.fail(`${name} does not say that there is no session`) }
      if (result.kind === 'refused' && JSON.stringify(result.members).includes('ory_st_')) t.fail(`${name} leaks a token`)
      seen++
    }
    t.ok(seen > 600, `${seen} answers`)
  })
}
