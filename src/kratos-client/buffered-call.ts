import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { parseBody, UnusableBodyError } from './body.js'
import { Call } from './call.js'
import { setCookieLines } from './cookies.js'
import { type Epoch, epochOf } from './kratos-time.js'
import { upstreamFailure, type UpstreamFailure } from './upstream-failure.js'

/** A complete answer, whatever its status: the body is read, the socket is free again. */
export interface UpstreamAnswer {
  kind: 'answer'
  status: number
  headers: IncomingHttpHeaders
  setCookie: string[]
  /** Parsed when the answer says it is JSON; undefined when there is no body or it is not JSON. */
  body: unknown
  /** By which clock its times are to be read. */
  epoch?: Epoch | undefined
}

/** A call whose answer is read whole. */
export class BufferedCall extends Call<UpstreamAnswer> {
  readonly #chunks: Buffer[] = []
  #size = 0
  #epoch: Epoch | undefined = undefined

  protected onHead (controller: Dispatcher.DispatchController): void {
    this.#epoch = epochOf(this.headers.date, performance.now())
    this.shared.onEpoch?.(this.#epoch)
    this.#allowBody(controller, Number(this.headers['content-length'] ?? 0))
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length
    this.#chunks.push(chunk)
    this.#allowBody(controller, this.#size)
  }

  protected onEnd (): void {
    this.finish(this.#read())
  }

  protected onLateError (): void {}

  /** Announced or arrived, too many bytes end the connection: read, they would be memory (J12). */
  #allowBody (controller: Dispatcher.DispatchController, size: number): void {
    const { maxBodyBytes } = this.shared
    if (size > maxBodyBytes) controller.abort(new UnusableBodyError(`more than ${maxBodyBytes} bytes`))
  }

  #read (): UpstreamAnswer | UpstreamFailure {
    const { status, headers } = this
    try {
      const body = parseBody(this.#chunks, this.#size, headers['content-type'])
      return { kind: 'answer', status, headers, setCookie: setCookieLines(headers), body, epoch: this.#epoch }
    } catch (error) {
      return upstreamFailure('UPSTREAM_ERROR', error)
    }
  }
}
