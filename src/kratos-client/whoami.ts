import type { AnswerContext } from './answer.js'
import type { UpstreamAnswer } from './buffered-call.js'
import { type Credential, credentialHeaders } from './credential.js'
import type { RedirectRule } from './flow-calls.js'
import { isIdentityId } from './kratos-body.js'
import type { Pools } from './pools.js'
import type { RequestScope } from './request-scope.js'
import { type IdentityOutcome, type SessionOutcome, sessionOutcome } from './session-outcome.js'
import type { UpstreamFailure } from './upstream-failure.js'

const WHOAMI = '/sessions/whoami'
const IDENTITY_HEADER = 'x-kratos-authenticated-identity-id'

/** Asks whose a credential is. */
export function createWhoami (pools: Pools, cookieName: string, isAllowedRedirect: RedirectRule) {
  const context: AnswerContext = {
    operation: 'whoami',
    isAllowedRedirect: (url) => isAllowedRedirect(url, { viaProvider: false }),
  }
  const read = (answer: UpstreamAnswer | UpstreamFailure): SessionOutcome =>
    answer.kind === 'unavailable' ? answer : sessionOutcome(answer, context)

  function ask (method: 'GET' | 'HEAD', credential: Credential, scope: RequestScope | undefined) {
    const headers = credentialHeaders(credential, cookieName)
    return pools.whoami.send({ method, path: WHOAMI, headers, deadlineMs: pools.timeLeft('whoami', scope), scope })
  }

  const whoami = (credential: Credential, scope?: RequestScope): Promise<SessionOutcome> =>
    ask('GET', credential, scope).then(read)

  async function whoamiId (credential: Credential, scope?: RequestScope): Promise<IdentityOutcome> {
    const answer = await ask('HEAD', credential, scope)
    if (answer.kind === 'unavailable') return answer
    const identityId = answer.headers[IDENTITY_HEADER]
    if (answer.status === 200 && isIdentityId(identityId)) {
      return { kind: 'valid', identityId, setCookie: answer.setCookie }
    }
    // Everything else is told by a body, which HEAD does not have.
    const outcome = await whoami(credential, scope)
    if (outcome.kind !== 'valid') return outcome
    return { kind: 'valid', identityId: outcome.session.identity.id, setCookie: outcome.setCookie }
  }

  return { whoami, whoamiId }
}
