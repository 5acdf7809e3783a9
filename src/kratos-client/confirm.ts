import type { UpstreamAnswer } from './buffered-call.js'
import { type Credential, credentialHeaders, isUsable, type UsableCredential } from './credential.js'
import { isRecord, retryAfterSeconds } from './kratos-body.js'
import type { RequestScope } from './request-scope.js'
import { type Asker, createSingleFlight, type LookUp } from './single-flight.js'
import type { Transport } from './transport.js'
import { upstreamFailure, type UpstreamFailure } from './upstream-failure.js'

/** The one place where Kratos tells a session that is over from a database that is away (docs/kratos-facts.md, 20). */
const TRUTHFUL_PATH = '/self-service/logout/browser'

/** Why a failing credential was not asked about any more. */
export const TOO_MANY_FAILING = new Error('too many credentials without a session from one address')

type Confirmation = { kind: 'over' } | { kind: 'alive' } | UpstreamFailure

/**
 * How many credentials without a session one client may have confirmed: each costs Kratos two look-ups, and anybody can
 * make them up. A session that is there costs nothing.
 */
export interface FailingCredentials {
  /** Counts one. @returns seconds to wait when it is one too many, else undefined */
  spend: (client: string) => number | undefined
  /** Takes one back: there was a session after all. */
  giveBack: (client: string) => void
}

/** A question about a credential of ours whose "no" is confirmed before anybody hears of it. */
export interface Question<T> {
  /** Asks Kratos, within so many milliseconds. */
  ask: (deadlineMs: number) => Promise<T>
  /** Whether an answer is a 401 that Kratos also gives without its database. */
  isClaim: (answer: T) => boolean
  credential: Credential
  scope: RequestScope | undefined
  /** What question, confirmation and the question once more may take together, in milliseconds. */
  deadlineMs: number
}

export interface ConfirmOptions {
  /** Where confirmations are asked for. */
  pool: Transport
  /** What one may take at most; who waits for it has the deadline of the question. */
  limitMs: number
  cookieName: string
  /** Undefined: failing credentials are not counted. */
  failing?: FailingCredentials | undefined
}

/** Makes a question, and confirms its refusal. */
export type Confirm = <T>(question: Question<T>) => Promise<T | UpstreamFailure>

/** What the truthful answer means; the fresh CSRF cookie that comes with it is nobody's (facts 4). */
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
 * A 401 of Kratos is a claim: without its database, or with its connections used up, it says so of every session
 * (docs/decisions/0005-an-outage-is-not-a-logout.md). So a 401 for a credential of ours is confirmed with the same
 * credential, inside the deadline of the question. A session that is there has the question asked once more; refused
 * again, nothing is known.
 */
export function createConfirm ({ pool, limitMs, cookieName, failing }: ConfirmOptions): Confirm {
  const confirmations = createSingleFlight<Confirmation>(limitMs)

  async function look (credential: UsableCredential, lookUp: LookUp): Promise<Confirmation> {
    const headers = credentialHeaders(credential, cookieName)
    const request = { method: 'GET' as const, path: TRUTHFUL_PATH, headers, deadlineMs: limitMs, scope: lookUp.scope }
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
    if (client !== undefined && confirmation.kind === 'alive') failing?.giveBack(client)
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
