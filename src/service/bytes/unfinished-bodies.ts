import { Transform, type TransformCallback } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../../errors.js'
import type { ByteBudget } from './byte-budget.js'

/** What a request without its body costs beside the bytes of it. */
const OVERHEAD_BYTES = 1024

export const awaitsBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

class CountedBody extends Transform {
  /** Read by Fastify, which compares it with Content-Length. */
  receivedEncodedLength = 0
  held = OVERHEAD_BYTES
  readonly #onBytes: (body: CountedBody, bytes: number) => void

  constructor (onBytes: (body: CountedBody, bytes: number) => void) {
    super()
    this.#onBytes = onBytes
  }

  override _transform (chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.receivedEncodedLength += chunk.length
    this.held += chunk.length
    this.#onBytes(this, chunk.length)
    done(null, chunk)
  }
}

/** Counts unfinished bodies as bytes held. Where they are too many, the one on its way for longest is refused. */
export function limitUnfinishedBodies (app: FastifyInstance, budget: ByteBudget): void {
  const unfinished = new Map<CountedBody, FastifyReply>()

  function end (body: CountedBody): void {
    if (unfinished.delete(body)) budget.remove(body.held)
  }

  function makeRoom (): void {
    for (const [body, reply] of unfinished) {
      if (!budget.isFull()) return
      end(body)
      reply.header('connection', 'close')
      body.destroy(serviceError('OVERLOADED'))
    }
  }

  function onBytes (_body: CountedBody, bytes: number): void {
    budget.add(bytes)
    if (budget.isFull()) makeRoom()
  }

  app.addHook('preParsing', function countBody (request, reply, payload, done) {
    if (!awaitsBody(request)) return done(null, payload)
    const body = new CountedBody(onBytes)
    unfinished.set(body, reply)
    budget.add(body.held)
    body.once('end', () => end(body)).once('close', () => end(body))
    payload.once('error', (error) => body.destroy(error))
    done(null, payload.pipe(body))
  })
}
