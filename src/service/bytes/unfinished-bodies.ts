import type { Socket } from 'node:net'
import { Transform, type TransformCallback } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { serviceError } from '../../errors.js'
import type { ByteBudget } from './byte-budget.js'

/** What a request without its body costs beside the bytes of it. */
const OVERHEAD_BYTES = 1024
/** And what each piece of it costs beside its bytes. */
const PIECE_BYTES = 128
/** HTTP lets a client cut a body into chunks of a byte: a thousand times the work of the same body in a few. */
const MAX_PIECES = 1024

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

/**
 * Counts unfinished bodies as bytes held. Where they are too many, the one on its way for longest is refused.
 * @param noteRead is told of the connection that each piece came by
 */
export function limitUnfinishedBodies (
  app: FastifyInstance,
  budget: ByteBudget,
  noteRead: (socket: Socket) => void,
): void {
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

  function onBytes (socket: Socket, bytes: number): void {
    noteRead(socket)
    budget.add(bytes)
    if (budget.isFull()) makeRoom()
  }

  app.addHook('preParsing', function countBody (request, reply, payload, done) {
    if (!awaitsBody(request)) return done(null, payload)
    const body = new CountedBody((bytes) => onBytes(request.raw.socket, bytes))
    unfinished.add(body)
    budget.add(body.held)
    body.once('end', () => end(body)).once('close', () => end(body))
    payload.once('error', (error) => body.destroy(error))
    body.once('error', () => reply.header('connection', 'close'))
    done(null, payload.pipe(body))
  })
}
