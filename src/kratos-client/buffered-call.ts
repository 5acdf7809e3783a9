import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { parseBody, UnusableBodyError } from './body.js'
import { Call } from './call.js'
import { setCookieLines } from './cookies.js'
import { type Epoch, epochOf } from './kratos-time.js'
import { upstreamFailure, type UpstreamFailure } from './upstream-failure.js'

export interface UpstreamAnswer {
  kind: 'answer'
  status: number
  headers: IncomingHttpHeaders
  setCookie: string[]
  /** Undefined when there is no body or it is not JSON. */
  body: unknown
  epoch?: Epoch | undefined
}

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

  /** Too many bytes, announced or arrived, end the connection instead of being read into memory (J12). */
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
