import { type Cancellable, cancelScope, RequestScope, timeLeft } from './request-scope.js'
import { type UpstreamFailure, upstreamFailure } from './upstream-failure.js'

/** A shorter time is not enough to ask, and no difference between two deadlines. */
const SLACK_MS = 20

export interface Asker {
  scope: RequestScope | undefined
  /** In milliseconds of `performance.now()`. */
  dueAt: number
}

/**
 * By key, without a prototype. No Map: V8 links each table that a Map has outgrown to the next one, and may so keep
 * what was under way at that time, with the requests that it was for, until a full collection.
 */
type Pending<T> = Record<string, PendingLookUp<T>>

class PendingLookUp<T> implements Cancellable {
  /** Its own: it outlives the request that began it. */
  readonly scope: RequestScope
  /** False once something has happened that the answer may not know of. */
  isCurrent = true
  waiting = 0
  /** Undefined once it has landed, so that it keeps nothing alive. */
  outcome: Promise<T | UpstreamFailure> | undefined = undefined
  readonly #pending: Pending<T>
  readonly #key: string

  constructor (pending: Pending<T>, key: string, scope: RequestScope) {
    this.#pending = pending
    this.#key = key
    this.scope = scope
    pending[key] = this
  }

  settle (): void {
    this.outcome = undefined
    if (this.#pending[this.#key] === this) delete this.#pending[this.#key]
  }

  /** With the last one who waits the look-up ends (J24). */
  cancel (): void {
    if (--this.waiting > 0) return
    this.settle()
    cancelScope(this.scope)
  }
}

const nothing = <T>(): Pending<T> => Object.create(null) as Pending<T>

export interface Shared<T> {
  outcome: Promise<T | UpstreamFailure>
  /** Whether this request began the look-up: Set-Cookie lines are for that client only. */
  isFirst: boolean
}

export type LookUp = Readonly<Pick<PendingLookUp<unknown>, 'scope' | 'isCurrent'>>

export interface SingleFlight<T> {
  /**
   * Joins the look-up of a key that is under way, or begins one. Everybody waits by a deadline of their own: a timeout
   * or a spent budget of the one who began it is asked again for the others. When the last client has gone the look-up
   * ends (J24).
   */
  join: (key: string, scope: RequestScope | undefined, begin: (lookUp: LookUp) => Promise<T>) => Shared<T>
  joinAs: (asker: Asker, key: string, begin: (lookUp: LookUp) => Promise<T>) => Shared<T>
  /** Nobody joins what is under way any more: it began before this moment (I07). */
  invalidateAll: () => void
}

const isFailure = (outcome: unknown): outcome is UpstreamFailure =>
  typeof outcome === 'object' && outcome !== null && 'kind' in outcome && outcome.kind === 'unavailable'

/** Whether a failure says nothing about the question, and this one has still time to ask it. */
function concernsFirstOnly (outcome: unknown, { scope: first }: LookUp, { scope, dueAt }: Asker): boolean {
  if (!isFailure(outcome) || scope?.isCancelled === true || dueAt - performance.now() < SLACK_MS) return false
  return outcome.code === 'UPSTREAM_TIMEOUT' ||
    (outcome.isAboutClient === true && first.client?.ip !== scope?.client?.ip)
}

function waitUntil<T> (
  lookUp: PendingLookUp<T>,
  outcome: Promise<T | UpstreamFailure>,
  { scope, dueAt }: Asker,
): Promise<T | UpstreamFailure> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      if (scope?.pending === lookUp) scope.pending = undefined
      lookUp.cancel()
      resolve(upstreamFailure('UPSTREAM_TIMEOUT'))
    }, dueAt - performance.now())
    outcome.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** @param limitMs for one look-up, and for who joins it */
export function createSingleFlight<T> (limitMs: number): SingleFlight<T> {
  let pending = nothing<T>()

  function start (
    lookUp: PendingLookUp<T>,
    begin: (lookUp: LookUp) => Promise<T>,
  ): Promise<T | UpstreamFailure> {
    return begin(lookUp).then((answer) => {
      lookUp.settle()
      return answer
    }, (error: unknown) => {
      lookUp.settle()
      throw error
    })
  }

  function joinAs (
    asker: Asker,
    key: string,
    begin: (lookUp: LookUp) => Promise<T>,
    now = performance.now(),
  ): Shared<T> {
    const { scope, dueAt } = asker
    if (dueAt - now < SLACK_MS) return { outcome: Promise.resolve(upstreamFailure('UPSTREAM_TIMEOUT')), isFirst: true }
    const known = pending[key]
    const lookUp = known ?? new PendingLookUp<T>(pending, key, new RequestScope(now, scope?.client, scope?.trace))
    const landed = lookUp.outcome ??= start(lookUp, begin)
    lookUp.waiting++
    if (scope !== undefined) scope.pending = lookUp
    const isEarlier = lookUp.scope.startedAt + limitMs - dueAt > SLACK_MS
    const outcome = isEarlier ? waitUntil(lookUp, landed, asker) : landed
    if (known === undefined) return { outcome, isFirst: true }
    const own = outcome.then((outcome) =>
      concernsFirstOnly(outcome, lookUp, asker) ? joinAs(asker, key, begin).outcome : outcome)
    return { outcome: own, isFirst: false }
  }

  function join (key: string, scope: RequestScope | undefined, begin: (lookUp: LookUp) => Promise<T>): Shared<T> {
    const now = performance.now()
    return joinAs({ scope, dueAt: now + timeLeft(limitMs, scope, now) }, key, begin, now)
  }

  function invalidateAll (): void {
    for (const lookUp of Object.values(pending)) lookUp.isCurrent = false
    pending = nothing()
  }

  return { join, joinAs, invalidateAll }
}
