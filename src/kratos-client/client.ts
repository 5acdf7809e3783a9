import type { Caller, FlowName, FlowType } from './caller.js'
import { type Answer, type AnswerContext, classify, type Operation } from './answer.js'
import { type Credential, credentialHeaders } from './credential.js'
import { type Fault, fault } from './fault.js'
import { type JsonObject, withPublicRequestUrl } from './kratos-body.js'
import { readSession } from './read-session.js'
import type { KratosSession } from './session.js'
import { passThroughHeaders, type PassThroughRequest } from './pass-through.js'
import { createTransport, type StreamedAnswer, type UpstreamRequest } from './transport.js'

/** What whoami says: valid, none, denied (the session exists and is not enough), or Kratos is ill. */
export type SessionOutcome =
  | { kind: 'valid', session: KratosSession, setCookie: string[] }
  | { kind: 'none', setCookie: string[] }
  | { kind: 'denied', answer: Extract<Answer, { kind: 'refused' }> }
  | Fault

export interface KratosClientOptions {
  /** Kratos' public port, as this process reaches it. */
  publicUrl: string
  /** Kratos' admin port; without it `deleteIdentity` answers that it cannot be reached. */
  adminUrl?: string | undefined
  /** Name of Kratos' session cookie, `session.cookie.name`. */
  cookieName: string
  /** Whether a client may be told to go to an address that Kratos named (E10); `viaProvider`: it may be a social login's. */
  isAllowedRedirect: (dangerousUrl: string, rules: { viaProvider: boolean }) => boolean
  deadlines: Deadlines
}

/** Overall limits in milliseconds, waiting for a socket included. */
export interface Deadlines { whoamiMs: number, submitMs: number, otherMs: number }

export interface InitOptions { type: FlowType, query: { return_to?: string | undefined, refresh?: string | undefined, aal?: string | undefined } }

export interface KratosClient {
  whoami: (credential: Credential) => Promise<SessionOutcome>
  initFlow: (flow: FlowName, options: InitOptions, caller: Caller) => Promise<Answer>
  fetchFlow: (flow: FlowName, id: string, caller: Caller) => Promise<Answer>
  submitFlow: (flow: FlowName, id: string, body: JsonObject, caller: Caller) => Promise<Answer>
  /** The logout token that belongs to the caller's session, in `body.logout_token`. */
  initLogout: (credential: Credential) => Promise<Answer>
  /** Completes a logout with its token; ends token sessions too (rec 41: by Bearer, the one place where that header goes up). */
  completeLogout: (token: string, credential: Credential) => Promise<Answer>
  /** Ends the session of a token in one step (rec 42). */
  revokeToken: (token: string) => Promise<Answer>
  /** The caller's other active sessions, newest first, in `body.sessions`; the current one is not among them (rec 45). */
  listOtherSessions: (credential: Credential) => Promise<Answer>
  /** Ends one of the caller's other sessions; Kratos says 204 for any id that is not the current one (rec 45). */
  revokeSession: (id: string, credential: Credential) => Promise<Answer>
  /** Ends all of the caller's other sessions. */
  revokeOtherSessions: (credential: Credential) => Promise<Answer>
  /** Deletes an identity and with it all its sessions, by the admin port; one that is gone already counts as deleted. */
  deleteIdentity: (id: string) => Promise<Answer>
  /** Kratos' own public API, passed through: for its SDK and its forms. The path is checked, credential and headers are chosen here. */
  isAllowedRedirect: KratosClientOptions['isAllowedRedirect']
  passThrough: (request: PassThroughRequest) => Promise<StreamedAnswer | Fault>
  isReady: () => Promise<boolean>
  close: () => Promise<void>
}

/** Limits of security model, section 6. */
const LIMITS = { connections: 64, queue: 256, connectTimeoutMs: 1000, maxBodyBytes: 1024 * 1024, maxHeaderBytes: 16 * 1024 }
const MAX_USER_AGENT_BYTES = 512
/** Sessions that one list shows; far more than a person has devices. */
const MAX_SESSIONS = '250'

/** Kratos notes address and browser at the session's device, so flow calls name those of the caller, not ours. */
function deviceHeaders ({ address, userAgent }: Caller): Record<string, string> {
  return { 'true-client-ip': address, ...(userAgent !== undefined && { 'user-agent': userAgent.slice(0, MAX_USER_AGENT_BYTES) }) }
}

/** Pool, deadlines and credential rules of one Kratos behind plain functions. None of them throws for what Kratos answers. */
export function createKratosClient (options: KratosClientOptions): KratosClient {
  const { cookieName, deadlines, isAllowedRedirect } = options
  const pub = createTransport({ url: options.publicUrl, ...LIMITS })
  const admin = options.adminUrl === undefined ? undefined : createTransport({ url: options.adminUrl, ...LIMITS })

  async function ask (request: UpstreamRequest, operation: Operation, flow?: FlowName, viaProvider = false): Promise<Answer> {
    const context: AnswerContext = { operation, flow, isAllowedRedirect: (url) => isAllowedRedirect(url, { viaProvider }) }
    const answer = await pub.send(request)
    return answer.kind === 'ill' ? answer : classify(answer, context)
  }

  /** API flows are sent without any cookie: with one Kratos answers 400 (facts 1 iii). */
  function flowHeaders (type: FlowType, caller: Caller): Record<string, string> {
    const { credential } = caller
    const usable: Credential = type === 'api' && credential.kind === 'cookie' ? { kind: 'none' } : credential
    return { ...deviceHeaders(caller), ...credentialHeaders(usable, cookieName, type === 'browser' ? caller.flowCookies : []) }
  }

  async function whoami (credential: Credential): Promise<SessionOutcome> {
    const headers = credentialHeaders(credential, cookieName)
    const answer = await ask({ method: 'GET', path: '/sessions/whoami', headers, deadlineMs: deadlines.whoamiMs }, 'whoami')
    if (answer.kind === 'ill') return answer
    if (answer.kind === 'refused') {
      return answer.code === 'INVALID_SESSION' ? { kind: 'none', setCookie: answer.setCookie } : refusedSession(answer)
    }
    const reading = readSession(answer.body)
    if (reading.kind === 'active') return { kind: 'valid', session: reading.session, setCookie: answer.setCookie }
    return reading.kind === 'inactive' ? { kind: 'none', setCookie: answer.setCookie } : fault('UPSTREAM_ERROR', new Error('whoami answered another shape'))
  }

  async function initFlow (flow: FlowName, { type, query }: InitOptions, caller: Caller): Promise<Answer> {
    const path = `/self-service/${flow}/${type}`
    return publicFlow(await ask({ method: 'GET', path, query, headers: flowHeaders(type, caller), deadlineMs: deadlines.otherMs }, 'init', flow))
  }

  async function fetchFlow (flow: FlowName, id: string, caller: Caller): Promise<Answer> {
    // Which type the flow has is not known here; Kratos tolerates cookies on a fetch of either (facts 1 iii, 8).
    const headers = credentialHeaders(caller.credential, cookieName, caller.flowCookies)
    return publicFlow(await ask({ method: 'GET', path: `/self-service/${flow}/flows`, query: { id }, headers, deadlineMs: deadlines.otherMs }, 'fetch', flow))
  }

  async function submitFlow (flow: FlowName, id: string, body: JsonObject, caller: Caller): Promise<Answer> {
    const headers = flowHeaders(submitType(body), caller)
    return publicFlow(await ask({ method: 'POST', path: `/self-service/${flow}`, query: { flow: id }, headers, body, deadlineMs: deadlines.submitMs }, 'submit', flow, usesProvider(body)))
  }

  function initLogout (credential: Credential): Promise<Answer> {
    const headers = credentialHeaders(credential, cookieName)
    return ask({ method: 'GET', path: '/self-service/logout/browser', headers, deadlineMs: deadlines.otherMs }, 'logout')
  }

  function completeLogout (token: string, credential: Credential): Promise<Answer> {
    const headers = credential.kind === 'token' ? { authorization: `Bearer ${credential.value}` } : credentialHeaders(credential, cookieName)
    return ask({ method: 'GET', path: '/self-service/logout', query: { token }, headers, deadlineMs: deadlines.otherMs }, 'logout')
  }

  function revokeToken (token: string): Promise<Answer> {
    return ask({ method: 'DELETE', path: '/self-service/logout/api', body: { session_token: token }, deadlineMs: deadlines.otherMs }, 'logout')
  }

  function askSessions (method: 'GET' | 'DELETE', path: string, credential: Credential, query?: UpstreamRequest['query']): Promise<Answer> {
    return ask({ method, path, query, headers: credentialHeaders(credential, cookieName), deadlineMs: deadlines.otherMs }, 'sessions')
  }

  async function deleteIdentity (id: string): Promise<Answer> {
    if (admin === undefined) return fault('UPSTREAM_UNAVAILABLE', new Error('no admin URL is configured'))
    const answer = await admin.send({ method: 'DELETE', path: `/admin/identities/${encodeURIComponent(id)}`, deadlineMs: deadlines.otherMs })
    if (answer.kind === 'ill') return answer
    return answer.status === 404 ? { kind: 'ok', next: 'done', body: {}, setCookie: [] } : classify(answer, { operation: 'identity', isAllowedRedirect: () => false })
  }

  async function isReady (): Promise<boolean> {
    const answer = await pub.send({ method: 'GET', path: '/health/ready', deadlineMs: deadlines.whoamiMs })
    return answer.kind === 'answer' && answer.status === 200
  }

  return {
    whoami,
    initFlow,
    fetchFlow,
    submitFlow,
    initLogout,
    completeLogout,
    revokeToken,
    listOtherSessions: (credential) => askSessions('GET', '/sessions', credential, { page_size: MAX_SESSIONS }),
    revokeSession: (id, credential) => askSessions('DELETE', `/sessions/${encodeURIComponent(id)}`, credential),
    revokeOtherSessions: (credential) => askSessions('DELETE', '/sessions', credential),
    deleteIdentity,
    isAllowedRedirect,
    passThrough: (request) => {
      const { method, path, body, caller } = request
      return pub.stream({ method, path, body, headers: { ...passThroughHeaders(request), ...flowHeaders('browser', caller) }, deadlineMs: deadlines.submitMs })
    },
    isReady,
    close: async () => {
      await Promise.all([pub.close(), admin?.close()])
    },
  }
}

/** A submit is browser-type exactly when its body has a non-empty `csrf_token`: API flows have it empty, browser flows cannot do without. */
export const submitType = (body: JsonObject): FlowType =>
  typeof body['csrf_token'] === 'string' && body['csrf_token'] !== '' ? 'browser' : 'api'

/** Methods whose next page is a provider's (E10). */
const usesProvider = ({ method }: JsonObject): boolean => method === 'oidc' || method === 'saml'

/** whoami refuses with 403 only for reasons that a login can mend; anything else of it is no answer to go by. */
function refusedSession (answer: Extract<Answer, { kind: 'refused' }>): SessionOutcome {
  return ['AAL2_REQUIRED', 'SESSION_REFRESH_REQUIRED', 'ADDRESS_NOT_VERIFIED', 'FORBIDDEN'].includes(answer.code)
    ? { kind: 'denied', answer }
    : fault('UPSTREAM_ERROR', new Error(`whoami answered ${answer.code}`))
}

/** Flows leave here with the public form of `request_url`, also inside refusals. */
function publicFlow (answer: Answer): Answer {
  return answer.kind === 'ok' ? { ...answer, body: withPublicRequestUrl(answer.body) } : answer
}
