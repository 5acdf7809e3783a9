import { type Answer, type AnswerContext, saysNoSession } from './answer.js'
import type { Caller, FlowName, FlowType } from './caller.js'
import type { Confirm } from './confirm.js'
import { type Credential, credentialHeaders } from './credential.js'
import { type JsonObject, withNodes, withPublicRequestUrl } from './kratos-body.js'
import {
  DEADLINE_OF_PROXIED,
  mayChange,
  passThroughHeaders,
  type PassThroughRequest,
  POOL_OF_PROXIED,
  proxiedKind,
} from './pass-through.js'
import type { PoolName, Pools, PublicRequest } from './pools.js'
import type { StreamedAnswer } from './streamed-call.js'
import type { UpstreamFailure } from './upstream-failure.js'

export interface InitOptions {
  type: FlowType
  query: Record<string, string | undefined>
}

/** The two halves of the proof that an app and the browser it opened belong together. */
export interface ExchangeCodes {
  initCode: string
  returnToCode: string
}

/** Whether a client may be told to go there (E10). @param rules.viaProvider it may be a social login's page */
export type RedirectRule = (dangerousUrl: string, rules: { viaProvider: boolean }) => boolean

const MAX_USER_AGENT_BYTES = 512

/** Kratos notes them at the session's device, so flow calls name those of the caller, not ours. */
function deviceHeaders ({ address, userAgent }: Caller): Record<string, string> {
  return {
    ...(address !== undefined && { 'true-client-ip': address }),
    ...(userAgent !== undefined && { 'user-agent': userAgent.slice(0, MAX_USER_AGENT_BYTES) }),
  }
}

/** API flows have `csrf_token` empty, browser flows cannot do without. */
export const submitType = (body: JsonObject): FlowType =>
  typeof body['csrf_token'] === 'string' && body['csrf_token'] !== '' ? 'browser' : 'api'

/** Their next page may be a provider's (E10): Kratos goes by any of the three, whatever the method. */
export const usesProvider = ({ method, provider, link }: JsonObject): boolean =>
  method === 'oidc' || method === 'saml' || typeof provider === 'string' || typeof link === 'string'

function publicFlow (answer: Answer): Answer {
  if (answer.kind !== 'ok') return answer
  return { ...answer, body: withNodes(withPublicRequestUrl(answer.body)) }
}

export interface CallsOptions {
  pools: Pools
  cookieName: string
  isAllowedRedirect: RedirectRule
  confirm: Confirm
}

export function createFlowCalls ({ pools, cookieName, isAllowedRedirect, confirm }: CallsOptions) {
  const context = (
    operation: AnswerContext['operation'],
    flow: FlowName,
    viaProvider = false,
  ): AnswerContext => ({ operation, flow, isAllowedRedirect: (url) => isAllowedRedirect(url, { viaProvider }) })

  /** With any cookie an API flow is answered with 400 (docs/kratos-facts.md, section 1 iii). */
  const sentCredential = (type: FlowType, { credential }: Caller): Credential =>
    type === 'api' && credential.kind === 'cookie' ? { kind: 'none' } : credential

  function flowHeaders (type: FlowType, caller: Caller): Record<string, string> {
    const flowCookies = type === 'browser' ? caller.flowCookies : []
    return { ...deviceHeaders(caller), ...credentialHeaders(sentCredential(type, caller), cookieName, flowCookies) }
  }

  /** Confirms an answer that the credential is worth nothing: settings, a second factor. */
  async function ask (
    request: Omit<PublicRequest, 'scope' | 'deadlineMs'>,
    context: AnswerContext,
    credential: Credential,
    { scope }: Caller,
    pool?: PoolName,
  ): Promise<Answer> {
    return publicFlow(
      await confirm<Answer>({
        ask: (deadlineMs) => pools.ask({ ...request, scope, deadlineMs }, context, pool),
        isClaim: saysNoSession,
        credential,
        scope,
        deadlineMs: pools.timeFor(context.operation, scope, pool),
      }),
    )
  }

  async function initFlow (flow: FlowName, { type, query }: InitOptions, caller: Caller): Promise<Answer> {
    const path = `/self-service/${flow}/${type}`
    const request = { method: 'GET' as const, path, query, headers: flowHeaders(type, caller) }
    return await ask(request, context('init', flow), sentCredential(type, caller), caller)
  }

  async function fetchFlow (flow: FlowName, id: string, caller: Caller, pool?: PoolName): Promise<Answer> {
    // The type of the flow is not known here; Kratos tolerates cookies (docs/kratos-facts.md, sections 1 iii and 8).
    const headers = credentialHeaders(caller.credential, cookieName, caller.flowCookies)
    const path = `/self-service/${flow}/flows`
    const request = { method: 'GET' as const, path, query: { id }, headers }
    return await ask(request, context('fetch', flow), caller.credential, caller, pool)
  }

  async function submitFlow (flow: FlowName, id: string, body: JsonObject, caller: Caller): Promise<Answer> {
    const path = `/self-service/${flow}`
    const type = submitType(body)
    const request = { method: 'POST' as const, path, query: { flow: id }, headers: flowHeaders(type, caller), body }
    const pool = flow === 'settings' ? 'settings' : 'submit'
    return await ask(request, context('submit', flow, usesProvider(body)), sentCredential(type, caller), caller, pool)
  }

  function exchangeToken ({ initCode, returnToCode }: ExchangeCodes, caller: Caller): Promise<Answer> {
    const query = { init_code: initCode, return_to_code: returnToCode }
    const request = { method: 'GET' as const, path: '/sessions/token-exchange', query, headers: deviceHeaders(caller) }
    return pools.ask({ ...request, scope: caller.scope }, context('submit', 'login'))
  }

  function passThrough (request: PassThroughRequest): Promise<StreamedAnswer | UpstreamFailure> {
    const { method, path, body, caller } = request
    const headers = { ...passThroughHeaders(request), ...flowHeaders('browser', caller) }
    const kind = proxiedKind(method, path)
    const deadlineMs = pools.timeLeft(DEADLINE_OF_PROXIED[kind], caller.scope)
    const isCancellable = !mayChange(method, path)
    return pools[POOL_OF_PROXIED[kind]].stream({
      method,
      path,
      body,
      headers,
      deadlineMs,
      scope: caller.scope,
      isCancellable,
    })
  }

  return { initFlow, fetchFlow, submitFlow, exchangeToken, passThrough }
}
