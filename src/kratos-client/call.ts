import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { parseBody, UnusableBodyError } from './body.js'
import { setCookieLines } from './cookies.js'
import type { RequestScope, Cancellable } from './request-scope.js'
import { type UpstreamFailure, upstreamFailure, failureOfException, isBrokenIdleSocket } from './upstream-failure.js'
import type { AdmissionQueue, QueueEntry } from './admission-queue.js'

/** A complete answer, whatever its status: the body is read, the socket is free again. */
export interface UpstreamAnswer {
  kind: 'answer'
  status: number
  headers: IncomingHttpHeaders
  setCookie: string[]
  /** Parsed when the answer says it is JSON; undefined when there is no body or it is not JSON. */
  body: unknown
}

/** What all calls of one transport share. */
export interface Shared {
  pool: Dispatcher
  queue: AdmissionQueue
  /** Limit of a body; past it the socket is given up and the call fails (J12). */
  maxBodyBytes: number
}

export interface CallOptions {
  request: Dispatcher.DispatchOptions
  /** Overall limit in milliseconds, the wait at the queue included. */
  deadlineMs: number
  scope: RequestScope | undefined
}

export type Done = (outcome: UpstreamAnswer | UpstreamFailure) => void

const GIVEN_UP = new Error('given up')

/** What a client that has gone may leave undone: a call that changes something goes on to its end. */
export const onlyReads = (method: string): boolean => method === 'GET' || method === 'HEAD'

export const clientHasGone = (): UpstreamFailure => upstreamFailure('UPSTREAM_ERROR', new Error('the client has gone'))

const runOut = (call: Call): void => call.giveUp(upstreamFailure('UPSTREAM_TIMEOUT'))

/**
 * One call to Kratos, from the queue to its end, of which there is exactly one: the answer, or how there came none. It
 * is the handler that undici's dispatcher wants, because undici's streams (`pool.request`) cost more than the rest of a
 * call.
 *
 * A class with fields instead of closures and literals: V8 allocates literals among the long-lived objects where it
 * once saw many of one place live long, as they do in a call that waits for its answer. From there each dead one kept
 * its whole request alive until a full collection.
 */
export class Call implements Dispatcher.DispatchHandler, QueueEntry, Cancellable {
  readonly #shared: Shared
  readonly #request: Dispatcher.DispatchOptions
  readonly #scope: RequestScope | undefined
  readonly #timer: NodeJS.Timeout
  readonly #chunks: Buffer[] = []
  /** Undefined once the call has ended. */
  #done: Done | undefined
  #controller: Dispatcher.DispatchController | undefined = undefined
  #size = 0
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #isRepeated = false

  private constructor (shared: Shared, { request, deadlineMs, scope }: CallOptions, done: Done) {
    this.#shared = shared
    this.#request = request
    this.#scope = scope
    this.#done = done
    this.#timer = setTimeout(runOut, deadlineMs, this)
  }

  /** Makes the call. `done` is called once, possibly at once. */
  static make (shared: Shared, options: CallOptions, done: Done): void {
    const call = new Call(shared, options, done)
    if (options.scope !== undefined && onlyReads(options.request.method)) options.scope.pending = call
    if (!shared.queue.enter(call)) call.#end(upstreamFailure('OVERLOADED'))
  }

  admit (): void {
    this.#shared.pool.dispatch(this.#request, this)
  }

  cancel (): void {
    this.giveUp(clientHasGone())
  }

  /** Ends the call with a fault of ours; what Kratos still says is not listened to. */
  giveUp (outcome: UpstreamFailure): void {
    this.#shared.queue.withdraw(this)
    this.#end(outcome)
    this.#controller?.abort(GIVEN_UP)
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It waited for its connection longer than anybody waited for it (J23).
    if (this.#done === undefined) controller.abort(GIVEN_UP)
  }

  onResponseStart (controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Informational answers come before the real one (J20).
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    this.#allowBody(controller, Number(headers['content-length'] ?? 0))
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length
    this.#chunks.push(chunk)
    this.#allowBody(controller, this.#size)
  }

  onResponseEnd (): void {
    this.#shared.queue.leave()
    this.#end(this.#answer())
  }

  onResponseError (_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#mayRepeat(error)) {
      this.#isRepeated = true
      // Not at once: the pool would take another idle socket, which may have ended just like this one.
      setImmediate(() => this.admit())
      return
    }
    this.#shared.queue.leave()
    this.#end(failureOfException(error))
  }

  /** Announced or arrived, too many bytes end the connection: read, they would be memory (J12). */
  #allowBody (controller: Dispatcher.DispatchController, size: number): void {
    if (size > this.#shared.maxBodyBytes) { controller.abort(new UnusableBodyError(`more than ${this.#shared.maxBodyBytes} bytes`)) }
  }

  /**
   * A GET is sent once more when its connection ended before an answer; once an answer began, what was asked may have
   * happened.
   */
  #mayRepeat (error: Error): boolean {
    return this.#done !== undefined && !this.#isRepeated && this.#status === 0 && onlyReads(this.#request.method) &&
      isBrokenIdleSocket(error)
  }

  #answer (): UpstreamAnswer | UpstreamFailure {
    try {
      const body = parseBody(this.#chunks, this.#size, this.#headers['content-type'])
      return {
        kind: 'answer',
        status: this.#status,
        headers: this.#headers,
        setCookie: setCookieLines(this.#headers),
        body,
      }
    } catch (error) {
      return upstreamFailure('UPSTREAM_ERROR', error)
    }
  }

  #end (outcome: UpstreamAnswer | UpstreamFailure): void {
    const done = this.#done
    if (done === undefined) return
    this.#done = undefined
    clearTimeout(this.#timer)
    if (this.#scope !== undefined) this.#scope.pending = undefined
    done(outcome)
  }
}
