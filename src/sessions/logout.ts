import type { Answer } from '../kratos-client/answer.js'
import type { KratosClient } from '../kratos-client/client.js'
import type { Credential } from '../kratos-client/credential.js'
import { fault } from '../kratos-client/fault.js'

type Usable = Extract<Credential, { kind: 'token' | 'cookie' }>

const NO_SESSION: Answer = { kind: 'refused', code: 'INVALID_SESSION', members: {}, setCookie: [] }

/**
 * "Logged out" is said only when whoami would now be 401: Kratos can answer 204 and leave the session alive (rec 41, I08).
 */
async function confirmed (kratos: KratosClient, credential: Usable, answer: Answer): Promise<Answer> {
  if (answer.kind !== 'ok') return answer
  const outcome = await kratos.whoami(credential)
  if (outcome.kind === 'none') return answer
  return outcome.kind === 'ill' ? outcome : fault('UPSTREAM_ERROR', new Error('the session outlived its logout'))
}

/** Completes a logout with the token of its logout URL, which Kratos checks against the session. */
export async function completeLogout (kratos: KratosClient, token: string, credential: Credential): Promise<Answer> {
  if (credential.kind !== 'token' && credential.kind !== 'cookie') return NO_SESSION
  return confirmed(kratos, credential, await kratos.completeLogout(token, credential))
}

/** Logout in one step, by the way that fits the credential (facts 11). */
export async function logout (kratos: KratosClient, credential: Credential): Promise<Answer> {
  if (credential.kind === 'token') {
    const answer = await kratos.revokeToken(credential.value)
    // An unknown token is 403 here and 401 everywhere else (rec 42).
    const unknown = answer.kind === 'refused' && answer.code === 'LOGOUT_TOKEN_INVALID'
    return unknown ? NO_SESSION : confirmed(kratos, credential, answer)
  }
  if (credential.kind !== 'cookie') return NO_SESSION
  const init = await kratos.initLogout(credential)
  if (init.kind !== 'ok') return init
  const token = init.body['logout_token']
  return typeof token === 'string' ? completeLogout(kratos, token, credential) : fault('UPSTREAM_ERROR', new Error('no logout token'))
}
