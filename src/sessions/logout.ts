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
  /** Whether to find out whose session it is, which costs a question to Kratos where nothing is kept. */
  wantsOwner?: boolean | undefined
}

/** Whose session it was, as far as that is known. */
export interface EndedSession {
  answer: Answer
  identityId?: string | undefined
  sessionId?: string | undefined
}

const NO_SESSION: Answer = { kind: 'refused', code: 'INVALID_SESSION', members: {}, setCookie: [] }

/** Before the session ends: nobody can say so afterwards. */
export async function findOwner (
  { kratos, sessions, scope, wantsOwner = false }: Omit<LogoutRequest, 'credential'>,
  credential: Credential,
): Promise<Omit<EndedSession, 'answer'>> {
  if (!wantsOwner || !isUsable(credential)) return { identityId: await sessions.ownerOf(credential, scope) }
  const kept = sessions.kept(credential)
  if (kept !== undefined) return { identityId: kept.identity.id, sessionId: kept.id }
  const outcome = await kratos.whoamiBeforeLogout(credential, scope)
  return outcome.kind === 'valid' ? { identityId: outcome.session.identity.id, sessionId: outcome.session.id } : {}
}

// Kratos can answer 204 and leave the session alive (recording 41, I08): so it is asked once more. What was kept of the
// session is forgotten in any case, before anybody hears of it (I06).
async function endSession (
  logoutRequest: LogoutRequest,
  credential: UsableCredential,
  end: () => Promise<Answer>,
): Promise<EndedSession> {
  const { kratos, sessions, scope } = logoutRequest
  const owner = await findOwner(logoutRequest, credential)
  const answer = await end()
  sessions.invalidate({ credential, identityId: owner.identityId })
  if (answer.kind !== 'ok') return { answer }
  const outcome = await kratos.whoamiAfterLogout(credential, scope)
  if (outcome.kind === 'none') return { answer, ...owner }
  return {
    answer: outcome.kind === 'unavailable'
      ? outcome
      : upstreamFailure('UPSTREAM_ERROR', new Error('the session outlived its logout')),
  }
}

/** Kratos checks the token against the session. */
export async function completeLogout (logoutRequest: LogoutRequest, token: string): Promise<EndedSession> {
  const { kratos, credential, scope } = logoutRequest
  return isUsable(credential)
    ? endSession(logoutRequest, credential, () => kratos.completeLogout(token, credential, scope))
    : { answer: NO_SESSION }
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

export async function logout (logoutRequest: LogoutRequest): Promise<EndedSession> {
  const { credential } = logoutRequest
  return isUsable(credential)
    ? endSession(logoutRequest, credential, () => revoke(logoutRequest, credential))
    : { answer: NO_SESSION }
}
