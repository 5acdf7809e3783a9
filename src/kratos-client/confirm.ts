import type { UpstreamAnswer } from './buffered-call.js'
import { type Credential, credentialHeaders, isUsable, type UsableCredential } from './credential.js'
import { isRecord, retryAfterSeconds } from './kratos-body.js'
import type { RequestScope } from './request-scope.js'
import { type Asker, createSingleFlight, type LookUp } from './single-flight.js'
import type { Transport } from './transport.js'
import { upstreamFailure, type UpstreamFailure } from './upstream-failure.js'

/** The only path where Kratos tells an ended session from a missing database (docs/kratos-facts.md, section 20). */
const CONFIRMATION_PATH = '/self-service/logout/browser'

export const TOO_MANY_FAILING = new Error('too many credentials without a session from one address')

type Confirmation = { kind: 'over' } | { kind: 'alive' } | UpstreamFailure

/** How many credentials without a session one client may have confirmed: each costs Kratos two look-ups. */
export interface FailingCredentials {
  /** Counts one. @returns seconds to wait when it is one too many */
  spend: (client: string) => number | undefined
  /** Takes one back: there was a session after all, or nobody knows. */
  giveBack: (client: string) => void
}

export interface Question<T> {
  ask: (deadlineMs: number) => Promise<T>
  /** Whether an answer is a 401 that Kratos also gives without its database. */
  isClaim: (answer: T) => boolean
  credential: Credential
  scope: RequestScope | undefined
  /** Milliseconds for question, confirmation and repeated question together. */
  deadlineMs: number
}

export interface ConfirmOptions {
  pool: Transport
  /** Milliseconds that one confirmation may take; who waits for it keeps the deadline of its question. */
  limitMs: number
  cookieName: string
  failing?: FailingCredentials | undefined
}

export type Confirm = <T>(question: Question<T>) => Promise<T | UpstreamFailure>

/** The fresh CSRF cookie that comes with this answer is nobody's (docs/kratos-facts.md, section 4). */
function read (answer: UpstreamAnswer | UpstreamFailure): Confirmation {
  if (answer.kind === 'unavailable') {
    return answer.code === 'UPSTREAM_TIMEOUT' || answer.code === 'OVERLOADED'
      ? answer
      : upstreamFailure('UPSTREAM_UNAVAILABLE', answer.cause)
  }
  const { status, body } = answer
  const retryAfter = retryAfterSeconds(answer.headers['retry-after'])
  if (status === 200) return { kind: 'alive' }
  if (status === 429) return upstreamFailure('RATE_LIMITED', undefined, { retryAfter: retryAfter ?? 1 })
  const error = isRecord(body) ? body['error'] : undefined
  if (status === 401 && isRecord(error) && error['id'] === 'session_inactive') return { kind: 'over' }
  return upstreamFailure('UPSTREAM_UNAVAILABLE', new Error(`401 that is not confirmed: status ${status}`), { retryAfter })
}

/**
 * Without its database, or with its connections used up, Kratos says 401 of every session
 * (docs/decisions/0005-an-outage-is-not-a-logout.md): a 401 is confirmed with the same credential, inside the
 * question's deadline. Where the session is there the question is asked once more; refused again, nothing is known.
 */
export function createConfirm ({ pool, limitMs, cookieName, failing }: ConfirmOptions): Confirm {
  const confirmations = createSingleFlight<Confirmation>(limitMs)

  async function look (credential: UsableCredential, lookUp: LookUp): Promise<Confirmation> {
    const headers = credentialHeaders(credential, cookieName)
    const request = { method: 'GET' as const, path: CONFIRMATION_PATH, headers, deadlineMs: limitMs, scope: lookUp.scope }
    return read(await pool.send(request))
  }

  async function confirm (credential: UsableCredential, asker: Asker): Promise<Confirmation> {
    const client = asker.scope?.client?.ip
    const retryAfter = client === undefined ? undefined : failing?.spend(client)
    if (retryAfter !== undefined) {
      return { ...upstreamFailure('RATE_LIMITED', TOO_MANY_FAILING, { retryAfter }), isAboutClient: true }
    }
    const { outcome } = confirmations.joinAs(asker, credential.value, (lookUp) => look(credential, lookUp))
    const confirmation = await outcome
    if (client !== undefined && confirmation.kind !== 'over') failing?.giveBack(client)
    return confirmation
  }

  return async function askTruly ({ ask, isClaim, credential, scope, deadlineMs }) {
    const dueAt = performance.now() + deadlineMs
    const answer = await ask(deadlineMs)
    if (!isUsable(credential) || !isClaim(answer)) return answer
    const confirmation = await confirm(credential, { scope, dueAt })
    if (confirmation.kind === 'over') return answer
    if (confirmation.kind === 'unavailable') return confirmation
    const again = await ask(dueAt - performance.now())
    return isClaim(again)
      ? upstreamFailure('UPSTREAM_UNAVAILABLE', new Error('401 for a session that is there'))
      : again
  }
}
