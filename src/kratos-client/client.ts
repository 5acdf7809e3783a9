import type { Caller, FlowName, FlowType } from './caller.js'
import { type Answer, type AnswerContext, classify, type Operation } from './answer.js'
import type { UpstreamAnswer } from './call.js'
import { type Credential, credentialHeaders } from './credential.js'
import { type RequestScope, timeLeft } from './request-scope.js'
import { type UpstreamFailure, upstreamFailure } from './upstream-failure.js'
import { isIdentityId, type JsonObject, withPublicRequestUrl } from './kratos-body.js'
import { passThroughHeaders, type PassThroughRequest } from './pass-through.js'
import { type IdentityOutcome, type SessionOutcome, sessionOutcome } from './session-outcome.js'
import { createTransport, type Load, type StreamedAnswer, type Transport, type UpstreamRequest } from './transport.js'

export interface KratosClientOptions {
  /** Kratos' public port, as this process reaches it. */
  publicUrl: string
  /** Kratos' admin port; without it `deleteIdentity` answers that it cannot be reached. */
  adminUrl?: string | undefined
  /** Name of Kratos' session cookie, `session.cookie.name`. */
  cookieName: string
  /**
   * Whether a client may be told to go to an address that Kratos named (E10); `viaProvider`: it may be a social
   * login's.
   */
  isAllowedRedirect: (dangerousUrl: string, rules: { viaProvider: boolean }) => boolean
  deadlines: Deadlines
}

/**
 * Overall limits in milliseconds, waiting for a socket included; the calls of one scope share the longest of theirs.
 */
export interface Deadlines {
  whoamiMs: number
  submitMs: number
  otherMs: number
}

export interface InitOptions {
  type: FlowType
  query: { return_to?: string | undefined, refresh?: string | undefined, aal?: string | undefined }
}

export interface KratosClient {
  /** Who the credential belongs to; asks Kratos each time. `app.sessions` shares answers. */
  whoami: (credential: Credential, scope?: RequestScope) => Promise<SessionOutcome>
  /** Only the identity's id, by HEAD: Kratos says it in a header (recording 31), so nothing has to be read. */
  whoamiId: (credential: Credential, scope?: RequestScope) => Promise<IdentityOutcome>
  initFlow: (flow: FlowName, options: InitOptions, caller: Caller) => Promise<Answer>
  fetchFlow: (flow: FlowName, id: string, caller: Caller) => Promise<Answer>
  submitFlow: (flow: FlowName, id: string, body: JsonObject, caller: Caller) => Promise<Answer>
  /** The logout token that belongs to the caller's session, in `body.logout_token`. */
  initLogout: (credential: Credential, scope?: RequestScope) => Promise<Answer>
  /**
   * Completes a logout with its token; ends token sessions too (recording 41: by Bearer, the one place where that
   * header goes up).
   */
  completeLogout: (token: string, credential: Credential, scope?: RequestScope) => Promise<Answer>
  /** Ends the session of a token in one step (recording 42). */
  revokeToken: (token: string, scope?: RequestScope) => Promise<Answer>
  /**
   * The caller's other active sessions, newest first, in `body.sessions`; the current one is not among them (recording
   * 45).
   */
  listOtherSessions: (credential: Credential, scope?: RequestScope) => Promise<Answer>
  /** Ends one of the caller's other sessions; Kratos says 204 for any id that is not the current one (recording 45). */
  revokeSession: (id: string, credential: Credential, scope?: RequestScope) => Promise<Answer>
  /** Ends all of the caller's other sessions. */
  revokeOtherSessions: (credential: Credential, scope?: RequestScope) => Promise<Answer>
  /**
   * Deletes an identity and with it all its sessions, by the admin port; one that is gone already counts as deleted.
   */
  deleteIdentity: (id: string, scope?: RequestScope) => Promise<Answer>
  /**
   * Kratos' own public API, passed through: for its SDK and its forms. The path is checked, credential and headers are
   * chosen here.
   */
  isAllowedRedirect: KratosClientOptions['isAllowedRedirect']
  passThrough: (request: PassThroughRequest) => Promise<StreamedAnswer | UpstreamFailure>
  isReady: () => Promise<boolean>
  /** Calls under way and calls that wait, by pool. */
  load: () => Record<PoolName, Load>
  close: () => Promise<void>
}

/** Limits of docs/security-model.md, section 6. */
const LIMITS = { connectTimeoutMs: 1000, maxBodyBytes: 1024 * 1024, maxHeaderBytes: 16 * 1024 }

/**
 * Sockets and waiting calls by kind of call, 64 and 256 in all: logins that take seconds of hashing keep no session
 * check waiting, and neither a hung session check nor a flood of new flows keeps anybody from logging out (J26, M07).
 * At more than it can do a session check takes two and a half times as long as otherwise (M02 wants no more than three)
 * and the rest is refused at once; who has typed a password rather waits.
 */
const POOLS = {
  whoami: { connections: 40, queue: 112, sustainedLimit: 60 },
  submit: { connections: 10, queue: 64 },
  flow: { connections: 8, queue: 56 },
  session: { connections: 6, queue: 24 },
}
export type PoolName = keyof typeof POOLS

const POOL_OF: Record<Operation, PoolName> = {
  whoami: 'whoami',
  submit: 'submit',
  init: 'flow',
  fetch: 'flow',
  logout: 'session',
  sessions: 'session',
  identity: 'session',
}
const WHOAMI = '/sessions/whoami'
const IDENTITY_HEADER = 'x-kratos-authenticated-identity-id'
const MAX_USER_AGENT_BYTES = 512
/** Sessions that one list shows; far more than a person has devices. */
const MAX_SESSIONS = '250'

/** Kratos notes address and browser at the session's device, so flow calls name those of the caller, not ours. */
function deviceHeaders ({ address, userAgent }: Caller): Record<string, string> {
  return {
    'true-client-ip': address,
    ...(userAgent !== undefined && { 'user-agent': userAgent.slice(0, MAX_USER_AGENT_BYTES) }),
  }
}

/**
 * Pool, deadlines and credential rules of one Kratos behind plain functions. None of them throws for what Kratos
 * answers.
 */
export function createKratosClient (options: KratosClientOptions): KratosClient {
  const { cookieName, deadlines, isAllowedRedirect } = options
  const createPool = (name: PoolName): Transport =>
    createTransport({ url: options.publicUrl, ...LIMITS, ...POOLS[name] })
  const pools: Record<PoolName, Transport> = {
    whoami: createPool('whoami'),
    submit: createPool('submit'),
    flow: createPool('flow'),
    session: createPool('session'),
  }
  const limits: Record<PoolName, number> = {
    whoami: deadlines.whoamiMs,
    submit: deadlines.submitMs,
    flow: deadlines.otherMs,
    session: deadlines.otherMs,
  }
  const admin = options.adminUrl === undefined
    ? undefined
    : createTransport({ url: options.adminUrl, ...LIMITS, ...POOLS.session })

  const whoamiContext: AnswerContext = {
    operation: 'whoami',
    isAllowedRedirect: (url) => isAllowedRedirect(url, { viaProvider: false }),
  }

  async function ask (
    request: Omit<UpstreamRequest, 'deadlineMs'>,
    operation: Operation,
    flow?: FlowName,
    viaProvider = false,
  ): Promise<Answer> {
    const context: AnswerContext = {
      operation,
      flow,
      isAllowedRedirect: (url) => isAllowedRedirect(url, { viaProvider }),
    }
    const name = POOL_OF[operation]
    const answer = await pools[name].send({ deadlineMs: timeLeft(limits[name], request.scope), ...request })
    return answer.kind === 'unavailable' ? answer : classify(answer, context)
  }

  /** API flows are sent without any cookie: with one Kratos answers 400 (docs/kratos-facts.md, section 1 iii). */
  function flowHeaders (type: FlowType, caller: Caller): Record<string, string> {
    const { credential } = caller
    const usable: Credential = type === 'api' && credential.kind === 'cookie' ? { kind: 'none' } : credential
    return {
      ...deviceHeaders(caller),
      ...credentialHeaders(usable, cookieName, type === 'browser' ? caller.flowCookies : []),
    }
  }

  const readWhoami = (answer: UpstreamAnswer | UpstreamFailure): SessionOutcome =>
    answer.kind === 'unavailable' ? answer : sessionOutcome(answer, whoamiContext)

  function askWhoami (
    method: 'GET' | 'HEAD',
    credential: Credential,
    scope: RequestScope | undefined,
  ): Promise<UpstreamAnswer | UpstreamFailure> {
    const deadlineMs = timeLeft(limits.whoami, scope)
    return pools.whoami.send({
      method,
      path: WHOAMI,
      headers: credentialHeaders(credential, cookieName),
      deadlineMs,
      scope,
    })
  }

  const whoami = (credential: Credential, scope?: RequestScope): Promise<SessionOutcome> =>
    askWhoami('GET', credential, scope).then(readWhoami)

  async function whoamiId (credential: Credential, scope?: RequestScope): Promise<IdentityOutcome> {
    const answer = await askWhoami('HEAD', credential, scope)
    if (answer.kind === 'unavailable') return answer
    const identityId = answer.headers[IDENTITY_HEADER]
    if (answer.status === 200 && isIdentityId(identityId)) { return { kind: 'valid', identityId, setCookie: answer.setCookie } }
    // Everything else is told by a body, which HEAD does not have.
    const outcome = await whoami(credential, scope)
    return outcome.kind === 'valid'
      ? { kind: 'valid', identityId: outcome.session.identity.id, setCookie: outcome.setCookie }
      : outcome
  }

  async function initFlow (flow: FlowName, { type, query }: InitOptions, caller: Caller): Promise<Answer> {
    const path = `/self-service/${flow}/${type}`
    return publicFlow(
      await ask({ method: 'GET', path, query, headers: flowHeaders(type, caller), scope: caller.scope }, 'init', flow),
    )
  }

  async function fetchFlow (flow: FlowName, id: string, caller: Caller): Promise<Answer> {
    // Which type the flow has is not known here; Kratos tolerates cookies on a fetch of either (docs/kratos-facts.md,
    // section 1 iii, 8).
    const headers = credentialHeaders(caller.credential, cookieName, caller.flowCookies)
    return publicFlow(
      await ask(
        { method: 'GET', path: `/self-service/${flow}/flows`, query: { id }, headers, scope: caller.scope },
        'fetch',
        flow,
      ),
    )
  }

  async function submitFlow (flow: FlowName, id: string, body: JsonObject, caller: Caller): Promise<Answer> {
    const headers = flowHeaders(submitType(body), caller)
    return publicFlow(
      await ask(
        { method: 'POST', path: `/self-service/${flow}`, query: { flow: id }, headers, body, scope: caller.scope },
        'submit',
        flow,
        usesProvider(body),
      ),
    )
  }

  function initLogout (credential: Credential, scope?: RequestScope): Promise<Answer> {
    const headers = credentialHeaders(credential, cookieName)
    return ask({ method: 'GET', path: '/self-service/logout/browser', headers, scope }, 'logout')
  }

  function completeLogout (token: string, credential: Credential, scope?: RequestScope): Promise<Answer> {
    const headers = credential.kind === 'token'
      ? { authorization: `Bearer ${credential.value}` }
      : credentialHeaders(credential, cookieName)
    return ask({ method: 'GET', path: '/self-service/logout', query: { token }, headers, scope }, 'logout')
  }

  function revokeToken (token: string, scope?: RequestScope): Promise<Answer> {
    return ask({ method: 'DELETE', path: '/self-service/logout/api', body: { session_token: token }, scope }, 'logout')
  }

  function askSessions (
    request: Pick<UpstreamRequest, 'method' | 'path' | 'query'>,
    credential: Credential,
    scope?: RequestScope,
  ): Promise<Answer> {
    return ask({ ...request, headers: credentialHeaders(credential, cookieName), scope }, 'sessions')
  }

  async function deleteIdentity (id: string, scope?: RequestScope): Promise<Answer> {
    if (admin === undefined) return upstreamFailure('UPSTREAM_UNAVAILABLE', new Error('no admin URL is configured'))
    const answer = await admin.send({
      method: 'DELETE',
      path: `/admin/identities/${encodeURIComponent(id)}`,
      deadlineMs: timeLeft(limits.session, scope),
    })
    if (answer.kind === 'unavailable') return answer
    return answer.status === 404
      ? { kind: 'ok', next: 'done', body: {}, setCookie: [] }
      : classify(answer, { operation: 'identity', isAllowedRedirect: () => false })
  }

  async function isReady (): Promise<boolean> {
    const answer = await pools.session.send({ method: 'GET', path: '/health/ready', deadlineMs: limits.whoami })
    return answer.kind === 'answer' && answer.status === 200
  }

  return {
    whoami,
    whoamiId,
    initFlow,
    fetchFlow,
    submitFlow,
    initLogout,
    completeLogout,
    revokeToken,
    listOtherSessions: (credential, scope) =>
      askSessions({ method: 'GET', path: '/sessions', query: { page_size: MAX_SESSIONS } }, credential, scope),
    revokeSession: (id, credential, scope) =>
      askSessions({ method: 'DELETE', path: `/sessions/${encodeURIComponent(id)}` }, credential, scope),
    revokeOtherSessions: (credential, scope) => askSessions({ method: 'DELETE', path: '/sessions' }, credential, scope),
    deleteIdentity,
    isAllowedRedirect,
    passThrough: (request) => {
      const { method, path, body, caller } = request
      return pools.submit.stream({
        method,
        path,
        body,
        headers: { ...passThroughHeaders(request), ...flowHeaders('browser', caller) },
        deadlineMs: limits.submit,
      })
    },
    isReady,
    load: () => ({
      whoami: pools.whoami.load(),
      submit: pools.submit.load(),
      flow: pools.flow.load(),
      session: pools.session.load(),
    }),
    close: async () => {
      await Promise.all(
        [...Object.values(pools), ...(admin === undefined ? [] : [admin])].map((transport) => transport.close()),
      )
    },
  }
}

/**
 * A submit is browser-type exactly when its body has a non-empty `csrf_token`: API flows have it empty, browser flows
 * cannot do without.
 */
export const submitType = (body: JsonObject): FlowType =>
  typeof body['csrf_token'] === 'string' && body['csrf_token'] !== '' ? 'browser' : 'api'

/** Methods whose next page is a provider's (E10). */
const usesProvider = ({ method }: JsonObject): boolean => method === 'oidc' || method === 'saml'

/** Flows leave here with the public form of `request_url`, also inside refusals. */
function publicFlow (answer: Answer): Answer {
  if (answer.kind !== 'ok') return answer
  const { kind, next, body, setCookie } = answer
  return { kind, next, body: withPublicRequestUrl(body), setCookie }
}
