import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { parseBody, UnusableBodyError } from './body.js'
import { setCookieLines } from './cookies.js'
import { type Fault, fault, faultOfException, isBrokenIdleSocket } from './fault.js'

/** A complete answer, whatever its status: the body is read, the socket is free again. */
export interface UpstreamAnswer {
  kind: 'answer'
  status: number
  headers: IncomingHttpHeaders
  setCookie: string[]
  /** Parsed when the answer says it is JSON; undefined when there is no body or it is not JSON. */
  body: unknown
}

export interface ExchangeOptions {
  pool: Dispatcher
  request: Dispatcher.DispatchOptions
  /** Limit of the body; past it the socket is given up and the call fails (J12). */
  maxBodyBytes: number
  /** Called once, with the answer or with how there came none. */
  onOutcome: (outcome: UpstreamAnswer | Fault) => void
  /** Called once, when the socket is free, which may be later than the outcome. */
  onFree: () => void
}

const GIVEN_UP = new Error('given up')

/**
 * One call as undici's dispatcher sees it: collects the answer and ends exactly once. A class, because undici wants an object
 * of handlers per call, and its streams (`pool.request`) cost a sixth of a guarded request.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions
  readonly #chunks: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #size = 0
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #isOver = false
  #isRepeated = false

  constructor (options: ExchangeOptions) {
    this.#options = options
  }

  start (): void {
    this.#options.pool.dispatch(this.#options.request, this)
  }

  /** Ends the call with a fault of ours; what Kratos still says is not listened to. */
  giveUp (outcome: Fault): void {
    this.#end(outcome)
    this.#controller?.abort(GIVEN_UP)
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It waited for its connection longer than anybody waited for it (J23).
    if (this.#isOver) controller.abort(GIVEN_UP)
  }

  onResponseStart (_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Informational answers come before the real one (J20).
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size > this.#options.maxBodyBytes) controller.abort(new UnusableBodyError(`more than ${this.#options.maxBodyBytes} bytes`))
    else this.#chunks.push(chunk)
  }

  onResponseEnd (): void {
    this.#options.onFree()
    this.#end(this.#answer())
  }

  onResponseError (_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#mayRepeat(error)) {
      this.#isRepeated = true
      // Not at once: the pool would take another idle socket, which may have ended just like this one.
      setImmediate(() => this.start())
      return
    }
    this.#options.onFree()
    this.#end(faultOfException(error))
  }

  /** A GET is sent once more when its connection ended before an answer; once an answer began, what was asked may have happened. */
  #mayRepeat (error: Error): boolean {
    const { method } = this.#options.request
    return !this.#isOver && !this.#isRepeated && this.#status === 0 && (method === 'GET' || method === 'HEAD') && isBrokenIdleSocket(error)
  }

  #answer (): UpstreamAnswer | Fault {
    try {
      const body = parseBody(this.#chunks, this.#size, this.#headers['content-type'])
      return { kind: 'answer', status: this.#status, headers: this.#headers, setCookie: setCookieLines(this.#headers), body }
    } catch (error) {
      return fault('UPSTREAM_ERROR', error)
    }
  }

  #end (outcome: UpstreamAnswer | Fault): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onOutcome(outcome)
  }
}
