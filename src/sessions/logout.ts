import type { Answer } from '../kratos-client/answer.js'
import type { KratosClient } from '../kratos-client/client.js'
import type { Credential } from '../kratos-client/credential.js'
import type { Errand } from '../kratos-client/errand.js'
import { fault } from '../kratos-client/fault.js'
import { isUsable, type SessionResolver, type UsableCredential } from './resolver.js'

/** Who logs out, and what it is done with. */
export interface Leaving { kratos: KratosClient, sessions: SessionResolver, credential: Credential, errand?: Errand | undefined }

const NO_SESSION: Answer = { kind: 'refused', code: 'INVALID_SESSION', members: {}, setCookie: [] }

/**
 * Ends a session and says so only when whoami would now be 401: Kratos can answer 204 and leave the session alive (rec 41, I08).
 * Whatever comes of it, what was known of the session is forgotten before anybody hears of it (I06).
 */
async function leave ({ kratos, sessions, errand }: Leaving, credential: UsableCredential, end: () => Promise<Answer>): Promise<Answer> {
  const identityId = await sessions.ownerOf(credential, errand)
  const answer = await end()
  sessions.forget({ credential, identityId })
  if (answer.kind !== 'ok') return answer
  const outcome = await kratos.whoami(credential, errand)
  if (outcome.kind === 'none') return answer
  return outcome.kind === 'ill' ? outcome : fault('UPSTREAM_ERROR', new Error('the session outlived its logout'))
}

/** Completes a logout with the token of its logout URL, which Kratos checks against the session. */
export async function completeLogout (leaving: Leaving, token: string): Promise<Answer> {
  const { kratos, credential, errand } = leaving
  return isUsable(credential) ? leave(leaving, credential, () => kratos.completeLogout(token, credential, errand)) : NO_SESSION
}

/** The way that fits the credential (facts 11). */
async function revoke ({ kratos, errand }: Leaving, credential: UsableCredential): Promise<Answer> {
  if (credential.kind === 'token') {
    const answer = await kratos.revokeToken(credential.value, errand)
    // An unknown token is 403 here and 401 everywhere else (rec 42).
    return answer.kind === 'refused' && answer.code === 'LOGOUT_TOKEN_INVALID' ? NO_SESSION : answer
  }
  const init = await kratos.initLogout(credential, errand)
  if (init.kind !== 'ok') return init
  const token = init.body['logout_token']
  return typeof token === 'string' ? kratos.completeLogout(token, credential, errand) : fault('UPSTREAM_ERROR', new Error('no logout token'))
}

/** Logout in one step. */
export async function logout (leaving: Leaving): Promise<Answer> {
  const { credential } = leaving
  return isUsable(credential) ? leave(leaving, credential, () => revoke(leaving, credential)) : NO_SESSION
}
