import { OPERATOR_OPERATIONS } from './operator-operations.js'

/** Words and examples of an operation, beside the summary that stands at its route. */
export interface OperationDoc {
  description: string
  body?: unknown
  answer?: unknown
}

const FLOW_ID = '5a1c8d1e-0d6f-4b8a-9f56-0c1f2f6a7e11'
const USER_ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
const TIME = '2026-03-01T09:30:00Z'
const DOCUMENT = { id: FLOW_ID, title: 'Notes', content: 'Hello', created_at: TIME, updated_at: TIME }

const ok = (data: unknown) => ({ success: true, data })

const PASSWORD_NODE = {
  type: 'input',
  group: 'password',
  attributes: { name: 'password', type: 'password', required: true },
  messages: [],
  meta: {},
}
const form = (extra: object = {}) =>
  ok({
    next: 'form',
    id: FLOW_ID,
    ui: { action: 'https://api.example.com/api/auth/flows/login', method: 'POST', nodes: [PASSWORD_NODE] },
    field_errors: {},
    errors: [],
    sent: false,
    ...extra,
  })

const session = { id: USER_ID, active: true, expires_at: TIME }

interface FlowDoc {
  start: string
  step: string
  body: Record<string, unknown>
  answer: unknown
}

const FLOWS: Record<string, FlowDoc> = {
  Registration: {
    start: 'Gives the form of a sign-up. Who is logged in already gets SESSION_ALREADY_AVAILABLE.',
    step: 'Signs up. Flat members (email, first_name, …) are the short form of the password method; `method` and ' +
      '`traits` serve every method that Kratos has.',
    body: { email: 'ada@example.com', password: 'velvet-harbor-42', first_name: 'Ada' },
    answer: ok({ next: 'verify', flow_id: FLOW_ID, session }),
  },
  Login: {
    start: 'Gives the form of a login: with refresh=true for somebody who is logged in, with aal=aal2 for the second ' +
      'factor.',
    step: 'Logs in. The session leaves as an HttpOnly cookie; with transport=token its token is in the body.',
    body: { identifier: 'ada@example.com', password: 'velvet-harbor-42' },
    answer: ok({ next: 'done', session }),
  },
  Recovery: {
    start: 'Gives the form that asks for the address.',
    step: 'First step: the address, to which Kratos mails a code, known or not. Second step: the code.',
    body: { method: 'code', email: 'ada@example.com' },
    answer: form({ sent: true, state: 'sent_email' }),
  },
  Verification: {
    start: 'Gives the form that proves an address.',
    step: 'First step: the address. Second step: the code of the mail.',
    body: { method: 'code', code: '123456' },
    answer: ok({ next: 'done' }),
  },
  Settings: {
    start: 'Gives the forms of the account: profile, password, second factors, linked accounts.',
    step: 'Changes one of them. Some changes want a recent login: then 403 with next `reauthenticate`.',
    body: { method: 'profile', traits: { email: 'ada@example.com', first_name: 'Augusta' } },
    answer: ok({ next: 'done' }),
  },
}

const flowOperations = Object.fromEntries(
  Object.entries(FLOWS).flatMap(([name, { start, step, body, answer }]): Array<[string, OperationDoc]> => [
    [`start${name}Flow`, { description: start, answer: form() }],
    [`get${name}Flow`, {
      description: 'The same form with its messages, for a page that was loaded anew. 410 when its time is over.',
      answer: form(),
    }],
    [`submit${name}Flow`, { description: step, body: { flow_id: FLOW_ID, ...body }, answer }],
  ]),
)

const DEVICE = {
  id: USER_ID,
  current: true,
  authenticated_at: TIME,
  expires_at: TIME,
  aal: 'aal1',
  user_agent: 'Firefox',
  ip_address: '203.0.113.7',
  location: null,
}

const WEBHOOK_BODY = { identity: { id: USER_ID, traits: { email: 'ada@example.com' }, updated_at: TIME } }

/** By operationId; a test wants a row for each, and each example to be valid. */
export const OPERATIONS: Record<string, OperationDoc> = {
  ...flowOperations,
  getLogoutUrl: {
    description: 'A URL of this API; whoever opens it with the session is logged out and led to the front end.',
    answer: ok({ logout_url: 'https://api.example.com/api/auth/logout?token=…' }),
  },
  completeLogout: {
    description: 'Ends the session that the token belongs to, and redirects; with `Accept: application/json` it ' +
      'answers instead. A session that is over already counts as logged out.',
    answer: ok({ logged_out: true }),
  },
  logout: {
    description: 'Ends the session and removes its cookie. It answers 200 only when the session has ended.',
    body: {},
    answer: ok({ logged_out: true }),
  },
  exchangeToken: {
    description: 'A native app starts a flow with `type=api` and `return_session_token_exchange_code=true`, opens the ' +
      "provider's page in a browser, and sends the code of the flow and the one that the browser came back with. With " +
      '`transport=token` the session token is in the body, else it is set as the cookie.',
    body: { init_code: 'a1B2c3', return_to_code: 'd4E5f6' },
    answer: ok({ next: 'done', session }),
  },
  whoami: {
    description: 'Who is logged in. 401: nobody. 502, 503, 504: Kratos cannot say, and the session may be as good as ' +
      'before.',
    answer: ok({
      id: USER_ID,
      email: 'ada@example.com',
      first_name: 'Ada',
      last_name: null,
      username: null,
      authenticated: true,
    }),
  },
  listSessions: {
    description: "The user's sessions on all devices, the current one first.",
    answer: ok({ sessions: [DEVICE] }),
  },
  revokeOtherSessions: {
    description: 'Logs out everywhere else; the current session stays.',
    answer: ok({ revoked: 2 }),
  },
  revokeSession: {
    description: 'Logs one device out; the id of the current session is a logout.',
    answer: ok({ id: USER_ID, logged_out: false }),
  },
  deleteAccount: {
    description: 'Deletes the identity at Kratos, then all rows of the user. Wants a login of the last five minutes. ' +
      '503 with `deletion: pending`: the identity is gone, the rows follow.',
    answer: ok({ id: USER_ID }),
  },
  listDocuments: {
    description: "The caller's documents without their content, newest first, a page at a time.",
    answer: ok({
      user_id: USER_ID,
      documents: [{ id: FLOW_ID, title: 'Notes', created_at: TIME, updated_at: TIME }],
      next_cursor: null,
    }),
  },
  createDocument: {
    description: 'Stores a document of the caller.',
    body: { title: 'Notes', content: 'Hello' },
    answer: ok(DOCUMENT),
  },
  getDocument: { description: 'A document of the caller; one of somebody else is 404.', answer: ok(DOCUMENT) },
  changeDocument: {
    description: 'Changes title, content or both.',
    body: { title: 'Notes of March' },
    answer: ok({ ...DOCUMENT, title: 'Notes of March' }),
  },
  deleteDocument: { description: 'Removes a document of the caller.', answer: ok({ id: FLOW_ID }) },
  isAlive: { description: 'The process runs: for restarts, not for traffic.', answer: ok({ status: 'ok' }) },
  isReady: {
    description: 'The service may be given traffic. What is missing but not required is named in `degraded`.',
    answer: ok({ status: 'ok' }),
  },
  receiveUserCreated: {
    description: "Kratos' web hook after a registration. Deliveries may repeat and overtake each other.",
    body: WEBHOOK_BODY,
    answer: { success: true },
  },
  receiveUserUpdated: {
    description: "Kratos' web hook after a change of the settings.",
    body: WEBHOOK_BODY,
    answer: { success: true },
  },
  purgeSessions: {
    description: "Whatever is kept of an identity's sessions is forgotten: Kratos is asked again.",
    body: { identity_id: USER_ID },
    answer: { success: true },
  },
  ...OPERATOR_OPERATIONS,
  getMetrics: { description: "Counters and histograms for Prometheus; no label holds a client's words." },
  getOpenapiDocument: { description: 'Made of the schemas that requests and answers are checked by.' },
}
