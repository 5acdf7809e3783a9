import { cancelScope, RequestScope, type Cancellable } from '../kratos-client/request-scope.js'

/** One look-up that several requests wait for. */
class PendingLookUp<T> implements Cancellable {
  /** Its own: it outlives the request that began it. */
  readonly scope: RequestScope
  /** False once something has happened that the answer may not know of. */
  isCurrent = true
  waiting = 0
  /** Undefined once it has landed: who waits has it, and what is over should keep nothing alive. */
  outcome: Promise<T> | undefined = undefined
  readonly #pending: Map<string, PendingLookUp<T>>
  readonly #key: string

  constructor (pending: Map<string, PendingLookUp<T>>, key: string, first: RequestScope | undefined) {
    this.scope = new RequestScope(first?.trace)
    this.#pending = pending
    this.#key = key
    pending.set(key, this)
  }

  settle (): void {
    this.outcome = undefined
    if (this.#pending.get(this.#key) === this) this.#pending.delete(this.#key)
  }

  /** One of those who wait has gone; with the last one the look-up ends (J24). */
  cancel (): void {
    if (--this.waiting > 0) return
    this.settle()
    cancelScope(this.scope)
  }
}

export interface Shared<T> {
  outcome: Promise<T>
  /** Whether this request began the look-up: what Kratos sent for one client, such as a cookie, is for that one. */
  isFirst: boolean
}

/** A look-up as the one who asks sees it: whose scope it is, and afterwards whether its answer may be kept. */
export type LookUp = Readonly<Pick<PendingLookUp<unknown>, 'scope' | 'isCurrent'>>

export interface SingleFlight<T> {
  /**
   * Joins the look-up of a key that is under way, or begins one.
   * @param scope the request's own: when its client goes it waits no longer, and with the last one the look-up ends
   * (J24)
   */
  join: (key: string, scope: RequestScope | undefined, begin: (lookUp: LookUp) => Promise<T>) => Shared<T>
  /** From now on nobody joins what is under way: it began before this moment (I07). */
  invalidateAll: () => void
}

export function createSingleFlight<T> (): SingleFlight<T> {
  const pending = new Map<string, PendingLookUp<T>>()

  function start (lookUp: PendingLookUp<T>, begin: (lookUp: LookUp) => Promise<T>): Promise<T> {
    return begin(lookUp).then((answer) => {
      lookUp.settle()
      return answer
    }, (error: unknown) => {
      lookUp.settle()
      throw error
    })
  }

  function join (key: string, scope: RequestScope | undefined, begin: (lookUp: LookUp) => Promise<T>): Shared<T> {
    const known = pending.get(key)
    const lookUp = known ?? new PendingLookUp<T>(pending, key, scope)
    const outcome = lookUp.outcome ??= start(lookUp, begin)
    lookUp.waiting++
    if (scope !== undefined) scope.pending = lookUp
    return { outcome, isFirst: known === undefined }
  }

  function invalidateAll (): void {
    for (const lookUp of pending.values()) lookUp.isCurrent = false
    pending.clear()
  }

  return { join, invalidateAll }
}
