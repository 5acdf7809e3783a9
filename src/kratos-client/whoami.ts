import type { AnswerContext } from './answer.js'
import type { UpstreamAnswer } from './buffered-call.js'
import type { Confirm } from './confirm.js'
import { type Credential, credentialHeaders } from './credential.js'
import type { RedirectRule } from './flow-calls.js'
import { isIdentityId } from './kratos-body.js'
import type { PoolName, Pools } from './pools.js'
import type { RequestScope } from './request-scope.js'
import { type IdentityOutcome, type SessionOutcome, sessionOutcome } from './session-outcome.js'
import type { UpstreamFailure } from './upstream-failure.js'

const WHOAMI = '/sessions/whoami'
const IDENTITY_HEADER = 'x-kratos-authenticated-identity-id'
/** With it a 401 is a fact: nothing could be read, so no database was asked (docs/kratos-facts.md, section 16). */
const CACHE_HEADER = 'ory-session-cache-for'
const SECONDS = /^\d+$/

/** A logout does not wait longer to know whose it is. */
const OWNER_MS = 1000

type Received = UpstreamAnswer | UpstreamFailure
type Method = 'GET' | 'HEAD'

export interface WhoamiOptions {
  pools: Pools
  cookieName: string
  isAllowedRedirect: RedirectRule
  confirm: Confirm
  /** For a session that has just been ended: in the pool of logouts, and not counted. */
  confirmEnd: Confirm
}

export function createWhoami ({ pools, cookieName, isAllowedRedirect, confirm, confirmEnd }: WhoamiOptions) {
  const context: AnswerContext = {
    operation: 'whoami',
    isAllowedRedirect: (url) => isAllowedRedirect(url, { viaProvider: false }),
  }
  const read = (answer: Received): SessionOutcome =>
    answer.kind === 'unavailable' ? answer : sessionOutcome(answer, context)

  /** A HEAD has no body that could tell whose 401 it is: the confirmation does. */
  const isClaim = (method: Method, answer: Received): boolean =>
    answer.kind === 'answer' && answer.status === 401 && !SECONDS.test(String(answer.headers[CACHE_HEADER])) &&
    (method === 'HEAD' || read(answer).kind === 'none')

  function ask (
    method: Method,
    pool: PoolName,
    askTruly: Confirm,
    credential: Credential,
    scope: RequestScope | undefined,
  ): Promise<Received> {
    const headers = credentialHeaders(credential, cookieName)
    return askTruly({
      ask: (deadlineMs) => pools[pool].send({ method, path: WHOAMI, headers, deadlineMs, scope }),
      isClaim: (answer) => isClaim(method, answer),
      credential,
      scope,
      deadlineMs: pools.timeLeft(pool, scope),
    })
  }

  const whoami = async (credential: Credential, scope?: RequestScope): Promise<SessionOutcome> =>
    read(await ask('GET', 'whoami', confirm, credential, scope))

  const whoamiAfterLogout = async (credential: Credential, scope?: RequestScope): Promise<SessionOutcome> =>
    read(await ask('GET', 'session', confirmEnd, credential, scope))

  // A 401 is not confirmed: nothing is concluded from it.
  const whoamiBeforeLogout = async (credential: Credential, scope?: RequestScope): Promise<SessionOutcome> => {
    const deadlineMs = Math.min(OWNER_MS, pools.timeLeft('session', scope))
    const headers = credentialHeaders(credential, cookieName)
    return read(await pools.session.send({ method: 'GET', path: WHOAMI, headers, deadlineMs, scope }))
  }

  async function whoamiId (credential: Credential, scope?: RequestScope): Promise<IdentityOutcome> {
    const answer = await ask('HEAD', 'whoami', confirm, credential, scope)
    if (answer.kind === 'unavailable') return answer
    const { status, headers, setCookie } = answer
    const identityId = headers[IDENTITY_HEADER]
    if (status === 200 && isIdentityId(identityId)) return { kind: 'valid', identityId, setCookie }
    if (status === 401) return { kind: 'none', setCookie, cacheFor: headers[CACHE_HEADER] }
    // Everything else is told by a body, which HEAD does not have.
    const outcome = await whoami(credential, scope)
    if (outcome.kind !== 'valid') return outcome
    return { kind: 'valid', identityId: outcome.session.identity.id, setCookie: outcome.setCookie }
  }

  return { whoami, whoamiId, whoamiBeforeLogout, whoamiAfterLogout }
}
