import { AsyncResource } from 'node:async_hooks'
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { AdmissionQueue, QueueEntry } from './admission-queue.js'
import type { Epoch } from './kratos-time.js'
import type { Cancellable, RequestScope } from './request-scope.js'
import { failureOfException, isBrokenIdleSocket, upstreamFailure, type UpstreamFailure } from './upstream-failure.js'

/** What all calls of one transport share. */
export interface Shared {
  pool: Dispatcher
  queue: AdmissionQueue
  /** Limit of a body that is read whole; past it the socket is given up and the call fails (J12). */
  maxBodyBytes: number
  onEpoch: ((epoch: Epoch) => void) | undefined
}

export interface CallOptions {
  request: Dispatcher.DispatchOptions
  /** Overall limit in milliseconds, the wait for a slot and the whole body included. */
  deadlineMs: number
  scope: RequestScope | undefined
}

/** undici hands these options on as they are, the handler it wraps. */
export interface CallDispatch extends Dispatcher.DispatchOptions {
  call?: Pick<Call<unknown>, 'inContext'>
}

export type Done<Answer> = (outcome: Answer | UpstreamFailure) => void

/** Why undici is told to end a call that nobody waits for. */
export const GIVEN_UP = new Error('given up')

/** What a client that has gone may leave undone: a call that changes something goes on to its end. */
export const onlyReads = (method: string): boolean => method === 'GET' || method === 'HEAD'

export const clientHasGone = (): UpstreamFailure => upstreamFailure('UPSTREAM_ERROR', new Error('the client has gone'))

const timeOut = (call: Pick<Call<unknown>, 'giveUp'>): void => call.giveUp(upstreamFailure('UPSTREAM_TIMEOUT'))

/**
 * One call to Kratos, from the admission queue to its end, of which there is exactly one: the answer, or why there is
 * none. It is the handler that undici's dispatcher wants: undici's own streams (`pool.request`) cost more than the rest
 * of a call. Why classes with fields and no closures: docs/decisions/0008-callbacks-and-classes-in-the-call-path.md.
 */
export abstract class Call<Answer> implements Dispatcher.DispatchHandler, QueueEntry, Cancellable {
  protected readonly shared: Shared
  protected headers: IncomingHttpHeaders = {}
  protected status = 0
  readonly #request: Dispatcher.DispatchOptions
  readonly #scope: RequestScope | undefined
  readonly #timer: NodeJS.Timeout
  /** Async context of the request: it waits for its slot in that of whoever leaves one. */
  readonly #context = new AsyncResource('KratosCall')
  /** Undefined once the caller has its outcome. */
  #done: Done<Answer> | undefined
  #controller: Dispatcher.DispatchController | undefined = undefined
  #isRepeated = false

  constructor (shared: Shared, { request, deadlineMs, scope }: CallOptions, done: Done<Answer>) {
    this.shared = shared
    this.#request = request
    this.#scope = scope
    this.#done = done
    this.#timer = setTimeout(timeOut, deadlineMs, this)
  }

  protected abstract onHead (controller: Dispatcher.DispatchController): void
  protected abstract onEnd (): void
  /** The call failed after its caller had an answer. */
  protected abstract onLateError (error: Error): void
  abstract onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void

  /** Makes the call. `done` is called once, possibly at once. */
  make (): void {
    if (this.#scope !== undefined && onlyReads(this.#request.method)) this.#scope.pending = this
    if (!this.shared.queue.enter(this)) this.finish(upstreamFailure('OVERLOADED'))
  }

  /** Runs something in the async context of the request that made the call, for whoever traces it. */
  inContext<T> (work: () => T): T {
    return this.#context.runInAsyncScope(work)
  }

  admit (): void {
    this.inContext(() => this.shared.pool.dispatch({ ...this.#request, call: this } as CallDispatch, this))
  }

  cancel (): void {
    this.giveUp(clientHasGone())
  }

  /** Ends the call with a failure of ours; what Kratos still says is not listened to. */
  giveUp (outcome: UpstreamFailure): void {
    this.shared.queue.withdraw(this)
    this.finish(outcome)
    this.#controller?.abort(GIVEN_UP)
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It waited for its connection longer than its caller waited for it (J23).
    if (this.#done === undefined) controller.abort(GIVEN_UP)
  }

  onResponseStart (controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Informational answers come before the real one (J20).
    if (status < 200) return
    this.status = status
    this.headers = headers
    this.onHead(controller)
  }

  onResponseEnd (): void {
    this.shared.queue.leave()
    this.onEnd()
  }

  onResponseError (_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#mayRepeat(error)) {
      this.#isRepeated = true
      // Not at once: the pool would take another idle socket, which may have ended just like this one.
      setImmediate(() => this.admit())
      return
    }
    this.shared.queue.leave()
    this.onLateError(error)
    this.finish(failureOfException(error))
  }

  /** Tells the caller what came of the call. */
  protected answer (outcome: Answer | UpstreamFailure): void {
    const done = this.#done
    this.#done = undefined
    done?.(outcome)
  }

  /** The same, at the end of the call. */
  protected finish (outcome: Answer | UpstreamFailure): void {
    clearTimeout(this.#timer)
    if (this.#scope?.pending === this) this.#scope.pending = undefined
    this.answer(outcome)
  }

  /**
   * A GET is sent once more when its connection ended before an answer; once an answer began, what was asked may have
   * happened.
   */
  #mayRepeat (error: Error): boolean {
    return this.#done !== undefined && !this.#isRepeated && this.status === 0 && onlyReads(this.#request.method) &&
      isBrokenIdleSocket(error)
  }
}
