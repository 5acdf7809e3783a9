import type { Answer } from '../kratos-client/answer.js'
import type { KratosClient } from '../kratos-client/client.js'
import type { Credential } from '../kratos-client/credential.js'
import type { RequestScope } from '../kratos-client/request-scope.js'
import { upstreamFailure } from '../kratos-client/upstream-failure.js'
import { isUsable, type SessionResolver, type UsableCredential } from './resolver.js'

export interface LogoutRequest {
  kratos: KratosClient
  sessions: SessionResolver
  credential: Credential
  scope?: RequestScope | undefined
}

const NO_SESSION: Answer = { kind: 'refused', code: 'INVALID_SESSION', members: {}, setCookie: [] }

// Kratos can answer 204 and leave the session alive (recording 41, I08): so it is asked once more. What was kept of the
// session is forgotten in any case, before anybody hears of it (I06).
async function endSession (
  { kratos, sessions, scope }: LogoutRequest,
  credential: UsableCredential,
  end: () => Promise<Answer>,
): Promise<Answer> {
  const identityId = await sessions.ownerOf(credential, scope)
  const answer = await end()
  sessions.invalidate({ credential, identityId })
  if (answer.kind !== 'ok') return answer
  const outcome = await kratos.whoamiAfterLogout(credential, scope)
  if (outcome.kind === 'none') return answer
  return outcome.kind === 'unavailable'
    ? outcome
    : upstreamFailure('UPSTREAM_ERROR', new Error('the session outlived its logout'))
}

/** Kratos checks the token against the session. */
export async function completeLogout (logoutRequest: LogoutRequest, token: string): Promise<Answer> {
  const { kratos, credential, scope } = logoutRequest
  return isUsable(credential)
    ? endSession(logoutRequest, credential, () => kratos.completeLogout(token, credential, scope))
    : NO_SESSION
}

/** By the credential's kind (docs/kratos-facts.md, section 11). */
async function revoke ({ kratos, scope }: LogoutRequest, credential: UsableCredential): Promise<Answer> {
  if (credential.kind === 'token') {
    const answer = await kratos.revokeToken(credential.value, scope)
    // An unknown token is 403 here and 401 everywhere else (recording 42).
    return answer.kind === 'refused' && answer.code === 'LOGOUT_TOKEN_INVALID' ? NO_SESSION : answer
  }
  const init = await kratos.initLogout(credential, scope)
  if (init.kind !== 'ok') return init
  const token = init.body['logout_token']
  return typeof token === 'string'
    ? kratos.completeLogout(token, credential, scope)
    : upstreamFailure('UPSTREAM_ERROR', new Error('no logout token'))
}

export async function logout (logoutRequest: LogoutRequest): Promise<Answer> {
  const { credential } = logoutRequest
  return isUsable(credential)
    ? endSession(logoutRequest, credential, () => revoke(logoutRequest, credential))
    : NO_SESSION
}
