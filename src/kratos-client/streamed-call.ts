import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Call, GIVEN_UP } from './call.js'
import { upstreamFailure } from './upstream-failure.js'

/** Its body has to be read or destroyed. */
export interface StreamedAnswer {
  kind: 'stream'
  status: number
  headers: IncomingHttpHeaders
  body: Readable
}

/** Nobody asked for a coding, and who looks into the answer, or gets it without that header, could not read it. */
function faultOf (status: number, { 'content-encoding': coding }: IncomingHttpHeaders): string | undefined {
  if (status >= 600) return `status ${status}`
  return coding === undefined || coding === 'identity' ? undefined : `content coding ${coding}`
}

/** Its deadline goes on until the body has ended. */
export class StreamedCall extends Call<StreamedAnswer> {
  #body: Readable | undefined = undefined

  protected onHead (controller: Dispatcher.DispatchController): void {
    const { status, headers } = this
    const body = new Readable({
      read: () => controller.resume(),
      destroy: (error, done) => {
        if (!body.readableEnded) controller.abort(error ?? GIVEN_UP)
        done(error)
      },
    })
    // A body that is cut off before anybody reads it has no listener for its error.
    body.on('error', () => {})
    this.#body = body
    const fault = faultOf(status, headers)
    if (fault === undefined) return this.answer({ kind: 'stream', status, headers, body })
    this.answer(upstreamFailure('UPSTREAM_ERROR', new Error(fault)))
    body.destroy()
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.push(chunk) === false) controller.pause()
  }

  protected onEnd (): void {
    this.#body?.push(null)
    this.finish(upstreamFailure('UPSTREAM_ERROR'))
  }

  protected onLateError (error: Error): void {
    this.#body?.destroy(error)
  }
}
