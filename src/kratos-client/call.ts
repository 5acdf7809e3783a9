import { AsyncResource } from 'node:async_hooks'
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { AdmissionQueue, QueueEntry } from './admission-queue.js'
import type { Epoch } from './kratos-time.js'
import type { Cancellable, RequestScope } from './request-scope.js'
import { failureOfException, isBrokenIdleSocket, upstreamFailure, type UpstreamFailure } from './upstream-failure.js'

/** @param answerMs time of Kratos itself; undefined for a call that never had a connection */
export type CallTimes = (waitMs: number, answerMs: number | undefined) => void

export interface Shared {
  pool: Dispatcher
  queue: AdmissionQueue
  maxBodyBytes: number
  onEpoch: ((epoch: Epoch) => void) | undefined
  onTimes: CallTimes | undefined
}

export interface CallOptions {
  request: Dispatcher.DispatchOptions
  /** Milliseconds, waiting for a slot and the whole body included. */
  deadlineMs: number
  scope: RequestScope | undefined
}

/** undici hands these options on as they are, but wraps the handler. */
export interface CallDispatch extends Dispatcher.DispatchOptions {
  call?: Pick<Call<unknown>, 'inContext'>
}

export type Done<Answer> = (outcome: Answer | UpstreamFailure) => void

export const GIVEN_UP = new Error('given up')

/** What may be left undone once the client has gone; a call that changes something goes on to its end. */
export const onlyReads = (method: string): boolean => method === 'GET' || method === 'HEAD'

export const clientHasGone = (): UpstreamFailure => upstreamFailure('UPSTREAM_ERROR', new Error('the client has gone'))

const timeOut = (call: Pick<Call<unknown>, 'giveUp'>): void => call.giveUp(upstreamFailure('UPSTREAM_TIMEOUT'))

/**
 * One call to Kratos; it ends exactly once, with an answer or a failure. A handler for undici's dispatcher, because
 * `pool.request` and its streams cost more than the rest of a call; classes instead of closures:
 * docs/decisions/0008-callbacks-and-classes-in-the-call-path.md.
 */
export abstract class Call<Answer> implements Dispatcher.DispatchHandler, QueueEntry, Cancellable {
  protected readonly shared: Shared
  protected headers: IncomingHttpHeaders = {}
  protected status = 0
  readonly #request: Dispatcher.DispatchOptions
  readonly #scope: RequestScope | undefined
  readonly #timer: NodeJS.Timeout
  /** It may get its slot in the async context of another request. */
  readonly #context = new AsyncResource('KratosCall')
  #done: Done<Answer> | undefined
  #controller: Dispatcher.DispatchController | undefined = undefined
  #isRepeated = false
  readonly #madeAt = performance.now()
  #admittedAt: number | undefined = undefined
  #isReported = false

  constructor (shared: Shared, { request, deadlineMs, scope }: CallOptions, done: Done<Answer>) {
    this.shared = shared
    this.#request = request
    this.#scope = scope
    this.#done = done
    this.#timer = setTimeout(timeOut, deadlineMs, this)
  }

  protected abstract onHead (controller: Dispatcher.DispatchController): void
  protected abstract onEnd (): void
  /** Called for a failure after the caller had an answer. */
  protected abstract onLateError (error: Error): void
  abstract onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void

  make (): void {
    if (this.#scope !== undefined && onlyReads(this.#request.method)) this.#scope.pending = this
    if (!this.shared.queue.enter(this)) this.finish(upstreamFailure('OVERLOADED'))
  }

  inContext<T> (work: () => T): T {
    return this.#context.runInAsyncScope(work)
  }

  admit (): void {
    this.#admittedAt ??= performance.now()
    this.inContext(() => this.shared.pool.dispatch({ ...this.#request, call: this } as CallDispatch, this))
  }

  cancel (): void {
    this.giveUp(clientHasGone())
  }

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
      this.#controller = undefined
      // Not at once: the pool would take another idle socket, which may have ended just like this one.
      setImmediate(() => this.admit())
      return
    }
    this.shared.queue.leave()
    this.onLateError(error)
    this.finish(failureOfException(error, { isSent: this.#controller !== undefined }))
  }

  protected answer (outcome: Answer | UpstreamFailure): void {
    const done = this.#done
    this.#done = undefined
    done?.(outcome)
  }

  protected finish (outcome: Answer | UpstreamFailure): void {
    clearTimeout(this.#timer)
    if (this.#scope?.pending === this) this.#scope.pending = undefined
    this.#tellTimes()
    this.answer(outcome)
  }

  #tellTimes (): void {
    const { onTimes } = this.shared
    if (onTimes === undefined || this.#isReported) return
    this.#isReported = true
    const now = performance.now()
    const admittedAt = this.#admittedAt
    const answerMs = admittedAt === undefined ? undefined : now - admittedAt
    this.inContext(() => onTimes((admittedAt ?? now) - this.#madeAt, answerMs))
  }

  /** Only a GET that got nothing is sent twice: once an answer began, what was asked may have happened. */
  #mayRepeat (error: Error): boolean {
    return this.#done !== undefined && !this.#isRepeated && this.status === 0 && onlyReads(this.#request.method) &&
      isBrokenIdleSocket(error)
  }
}
