import { type Answer, type AnswerContext, classify, saysNoSession } from './answer.js'
import { type Credential, credentialHeaders } from './credential.js'
import type { CallsOptions } from './flow-calls.js'
import { isIdentityId, isRecord } from './kratos-body.js'
import type { RequestScope } from './request-scope.js'
import type { UpstreamRequest } from './transport.js'
import { upstreamFailure } from './upstream-failure.js'

/** Far more than a person has devices. */
const MAX_SESSIONS = '250'

/** An answer to a login waits for it. */
const MAX_LOOK_UP_MS = 1000

/** By Kratos' own body: the 404 of a proxy or of another server says nothing of an identity. */
const isNotFound = (body: unknown): boolean =>
  isRecord(body) && isRecord(body['error']) && body['error']['code'] === 404

export function createSessionCalls ({ pools, cookieName, isAllowedRedirect, confirm }: CallsOptions) {
  const context = (operation: AnswerContext['operation']): AnswerContext => ({
    operation,
    isAllowedRedirect: (url) => isAllowedRedirect(url, { viaProvider: false }),
  })

  function initLogout (credential: Credential, scope?: RequestScope): Promise<Answer> {
    const headers = credentialHeaders(credential, cookieName)
    return pools.ask({ method: 'GET', path: '/self-service/logout/browser', headers, scope }, context('logout'))
  }

  function completeLogout (token: string, credential: Credential, scope?: RequestScope): Promise<Answer> {
    const headers = credential.kind === 'token'
      ? { authorization: `Bearer ${credential.value}` }
      : credentialHeaders(credential, cookieName)
    const request = { method: 'GET' as const, path: '/self-service/logout', query: { token }, headers, scope }
    return pools.ask(request, context('logout'))
  }

  function revokeToken (token: string, scope?: RequestScope): Promise<Answer> {
    const body = { session_token: token }
    return pools.ask({ method: 'DELETE', path: '/self-service/logout/api', body, scope }, context('logout'))
  }

  function askSessions (
    request: Pick<UpstreamRequest, 'method' | 'path' | 'query'>,
    credential: Credential,
    scope?: RequestScope,
  ): Promise<Answer> {
    const headers = credentialHeaders(credential, cookieName)
    return confirm<Answer>({
      ask: (deadlineMs) => pools.ask({ ...request, headers, scope, deadlineMs }, context('sessions')),
      isClaim: saysNoSession,
      credential,
      scope,
      deadlineMs: pools.timeFor('sessions', scope),
    })
  }

  async function deleteIdentity (id: string, scope?: RequestScope): Promise<Answer> {
    const { admin } = pools
    if (admin === undefined) return upstreamFailure('UPSTREAM_UNAVAILABLE', new Error('no admin URL is configured'))
    const path = `/admin/identities/${encodeURIComponent(id)}`
    const answer = await admin.send({ method: 'DELETE', path, deadlineMs: pools.timeLeft('session', scope) })
    if (answer.kind === 'unavailable') return answer
    if (answer.status === 404 && isNotFound(answer.body)) return { kind: 'ok', next: 'done', body: {}, setCookie: [] }
    return classify(answer, context('identity'))
  }

  async function identityOf (identifier: string, scope?: RequestScope): Promise<string | undefined> {
    const { admin } = pools
    if (admin === undefined || identifier === '') return undefined
    const query = { credentials_identifier: identifier, page_size: '2' }
    const deadlineMs = Math.min(MAX_LOOK_UP_MS, pools.timeLeft('session', scope))
    const answer = await admin.send({ method: 'GET', path: '/admin/identities', query, deadlineMs })
    if (answer.kind === 'unavailable' || answer.status !== 200 || !Array.isArray(answer.body)) return undefined
    const [found, another] = answer.body as unknown[]
    return another === undefined && isRecord(found) && isIdentityId(found['id']) ? found['id'] : undefined
  }

  async function hasIdentity (id: string): Promise<'present' | 'absent' | 'unknown'> {
    const { admin } = pools
    if (admin === undefined) return 'unknown'
    const path = `/admin/identities/${encodeURIComponent(id)}`
    const answer = await admin.send({ method: 'GET', path, deadlineMs: pools.timeLeft('session', undefined) })
    if (answer.kind === 'unavailable') return 'unknown'
    if (answer.status === 404) return isNotFound(answer.body) ? 'absent' : 'unknown'
    return answer.status === 200 ? 'present' : 'unknown'
  }

  return {
    initLogout,
    completeLogout,
    revokeToken,
    listOtherSessions: (credential: Credential, scope?: RequestScope) =>
      askSessions({ method: 'GET', path: '/sessions', query: { page_size: MAX_SESSIONS } }, credential, scope),
    revokeSession: (id: string, credential: Credential, scope?: RequestScope) =>
      askSessions({ method: 'DELETE', path: `/sessions/${encodeURIComponent(id)}` }, credential, scope),
    revokeOtherSessions: (credential: Credential, scope?: RequestScope) =>
      askSessions({ method: 'DELETE', path: '/sessions' }, credential, scope),
    deleteIdentity,
    hasIdentity,
    identityOf,
  }
}
