import { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { serviceError } from '../../errors.js'
import type { ByteBudget } from './byte-budget.js'

export interface UnsentLimits {
  /** Bytes of answers that one connection may leave unread. */
  perConnection: number
  /** A reader has to take so many bytes in so many milliseconds. */
  minBytes: number
  windowMs: number
  checkMs: number
}

/** docs/security-model.md, section 6. */
export const UNSENT_LIMITS: UnsentLimits = {
  perConnection: 1024 * 1024,
  minBytes: 30 * 1024,
  windowMs: 30_000,
  checkMs: 5000,
}

/** Health, refusals and the like are smaller: they are always sent. */
const SMALL_BYTES = 4096

/** Of a connection that has been answered. It lets go of a closed one: see Place of the spare connections. */
interface Reader {
  socket: Socket | undefined
  unsent: number
  /** Begin of the window in which it is watched, and what had gone by then. */
  since: number
  handedOver: number
}

/** Node's own counters, which have no public names: what it gave to the system, and what waits in its queue. */
interface Counters {
  _bytesDispatched?: number
  _handle?: { writeQueueSize?: number } | null
}

// The system takes as many bytes as the client reads and a buffer more, in pieces of up to a third of that buffer: a
// window is no shorter than the time without a byte that ends a connection.
function handedOver (socket: Socket): number {
  const { _bytesDispatched: dispatched = 0, _handle: handle } = socket as Counters
  return dispatched - (handle?.writeQueueSize ?? 0)
}

/** Bytes of an answer that count as unsent. */
const HELD = Symbol('held bytes')
type Holding = FastifyReply & { [HELD]: number }

const sizeOf = (payload: unknown): number =>
  typeof payload === 'string' ? Buffer.byteLength(payload) : Buffer.isBuffer(payload) ? payload.length : 0

/** Unread answers count as bytes held; a client that reads next to nothing for long loses its connection. */
export function limitUnsentBytes (app: FastifyInstance, budget: ByteBudget, limits = UNSENT_LIMITS): void {
  app.decorateReply(HELD, 0)
  const readers = new Set<Reader>()
  const readerOf = new WeakMap<Socket, Reader>()

  function meet (socket: Socket): Reader {
    const reader: Reader = { socket, unsent: 0, since: 0, handedOver: 0 }
    readers.add(reader)
    readerOf.set(socket, reader)
    socket.once('close', () => {
      end(reader, reader.unsent)
      reader.socket = undefined
      readers.delete(reader)
    })
    return reader
  }

  function begin (socket: Socket, bytes: number): void {
    const reader = readerOf.get(socket) ?? meet(socket)
    if (reader.unsent === 0) Object.assign(reader, { since: performance.now(), handedOver: handedOver(socket) })
    reader.unsent += bytes
    budget.add(bytes)
  }

  function end (reader: Reader, bytes: number): void {
    budget.remove(bytes)
    reader.unsent -= bytes
  }

  app.addHook('onSend', function holdAnswer ({ raw: { socket } }, reply, payload, done) {
    const bytes = sizeOf(payload)
    if (bytes > SMALL_BYTES) {
      const unsent = readerOf.get(socket)?.unsent ?? 0
      // What one answer may have is its route's business.
      if ((unsent > 0 && unsent + bytes > limits.perConnection) || budget.isFull(bytes)) return done(serviceError('OVERLOADED'))
    }
    // What `inject` asks goes over no wire.
    if (bytes > 0 && socket instanceof Socket && !socket.destroyed) {
      begin(socket, bytes)
      ;(reply as Holding)[HELD] += bytes
    }
    done(null, payload)
  })

  // Finished: the system has all of it. Who has gone before has released all with the connection.
  app.addHook('onResponse', function releaseAnswer ({ raw: { socket } }, reply, done) {
    const reader = readerOf.get(socket)
    if (reader?.socket !== undefined) end(reader, (reply as Holding)[HELD])
    done()
  })

  function cutOffSlowReaders (): void {
    const now = performance.now()
    for (const reader of readers) {
      const { socket, unsent, since } = reader
      if (socket === undefined || unsent === 0 || now - since < limits.windowMs) continue
      const taken = handedOver(socket) - reader.handedOver
      if (taken < limits.minBytes) {
        app.log.info({ event: 'slow_reader', unsent }, 'Connection that reads next to nothing closed')
        socket.destroy()
      }
      Object.assign(reader, { since: now, handedOver: handedOver(socket) })
    }
  }

  const timer = setInterval(cutOffSlowReaders, limits.checkMs).unref()
  app.addHook('onClose', async () => clearInterval(timer))
}
