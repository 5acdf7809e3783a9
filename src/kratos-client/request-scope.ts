export interface Cancellable {
  cancel: () => void
}

export interface Client {
  /** Undefined once it has gone. */
  readonly ip: string | undefined
}

// The calls made for one request share a deadline, and an end when the client has gone (J24). Lighter than an
// AbortSignal, whose listener alone costs a tenth of a guarded request.
export class RequestScope {
  /** First call, in milliseconds of `performance.now()`. */
  readonly startedAt: number
  /** Grows to the longest limit among the calls. */
  dueAt: number
  isCancelled = false
  /** Headers that tie its calls to the client's request in logs and traces. */
  readonly trace: Readonly<Record<string, string>>
  pending: Cancellable | undefined = undefined
  /** Undefined for calls that are made for nobody's request. */
  readonly client: Client | undefined

  constructor (now = performance.now(), client?: Client, trace: Readonly<Record<string, string>> = {}) {
    this.trace = trace
    this.startedAt = now
    this.dueAt = now
    this.client = client
  }
}

export function cancelScope (scope: RequestScope): void {
  scope.isCancelled = true
  scope.pending?.cancel()
}

/** Milliseconds: the call's own limit, and never past the deadline of its scope. Zero or less: too late to begin. */
export function timeLeft (limitMs: number, scope: RequestScope | undefined, now = performance.now()): number {
  if (scope === undefined) return limitMs
  scope.dueAt = Math.max(scope.dueAt, scope.startedAt + limitMs)
  return Math.min(limitMs, scope.dueAt - now)
}
