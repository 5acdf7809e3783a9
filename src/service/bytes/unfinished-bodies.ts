import { Transform, type TransformCallback } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { serviceError } from '../../errors.js'
import { MAX_PIECES } from './body-pieces.js'
import type { ByteBudget } from './byte-budget.js'

/** What a request without its body costs beside the bytes of it. */
const OVERHEAD_BYTES = 1024
/** And what each piece of it costs beside its bytes. */
const PIECE_BYTES = 128

export const awaitsBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

class CountedBody extends Transform {
  /** Read by Fastify, which compares it with Content-Length. */
  receivedEncodedLength = 0
  held = OVERHEAD_BYTES
  #pieces = 0
  readonly #onBytes: (bytes: number) => void

  constructor (onBytes: (bytes: number) => void) {
    super()
    this.#onBytes = onBytes
  }

  override _transform (chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (++this.#pieces > MAX_PIECES) {
      done(serviceError('PAYLOAD_TOO_LARGE'))
      return
    }
    this.receivedEncodedLength += chunk.length
    this.held += chunk.length + PIECE_BYTES
    this.#onBytes(chunk.length + PIECE_BYTES)
    done(null, chunk)
  }
}

/** Counts unfinished bodies as bytes held. Where they are too many, the one on its way for longest is refused. */
export function limitUnfinishedBodies (app: FastifyInstance, budget: ByteBudget): void {
  const unfinished = new Set<CountedBody>()

  function end (body: CountedBody): void {
    if (unfinished.delete(body)) budget.remove(body.held)
  }

  function makeRoom (): void {
    for (const body of unfinished) {
      if (!budget.isFull()) return
      end(body)
      body.destroy(serviceError('OVERLOADED'))
    }
  }

  function onBytes (bytes: number): void {
    budget.add(bytes)
    if (budget.isFull()) makeRoom()
  }

  app.addHook('preParsing', function countBody (request, reply, payload, done) {
    if (!awaitsBody(request)) return done(null, payload)
    const body = new CountedBody(onBytes)
    unfinished.add(body)
    budget.add(body.held)
    body.once('end', () => end(body)).once('close', () => end(body))
    payload.once('error', (error) => body.destroy(error))
    body.once('error', () => reply.header('connection', 'close'))
    done(null, payload.pipe(body))
  })
}
