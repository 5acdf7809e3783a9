import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Requests of one connection that may wait for their answers at a time; proxies and browsers send one after the other.
 */
const MAX_UNANSWERED = 32
/**
 * Kept for everything that is no client: sockets to Kratos, the database and its files, the log, the runtime itself.
 */
const RESERVED_FILES = 256
/** Where the system sets no limit, memory does. */
const MOST_CONNECTIONS = 65_536
const DROP_LOG_INTERVAL_MS = 60_000

/**
 * How many clients may be connected at a time, so that none of them takes the last file descriptor.
 * @param openFiles soft limit of the process (RLIMIT_NOFILE): a number, `unlimited`, or undefined where the system
 * knows none
 */
export function connectionLimit (openFiles: number | string | undefined): number {
  if (typeof openFiles !== 'number') return MOST_CONNECTIONS
  const reserved = Math.min(RESERVED_FILES, Math.floor(openFiles / 2))
  return Math.max(1, Math.min(MOST_CONNECTIONS, openFiles - reserved))
}

/**
 * Node accepts a connection beyond `maxConnections` and drops it without a word, so only the log can tell; once a
 * minute.
 */
function logDrops (app: FastifyInstance): void {
  let dropped = 0
  let loggedAt = -Infinity
  app.server.on('drop', () => {
    dropped++
    if (Date.now() - loggedAt < DROP_LOG_INTERVAL_MS) return
    app.log.warn(
      { event: 'connections_dropped', dropped, limit: app.server.maxConnections },
      'Connections over the limit were dropped',
    )
    loggedAt = Date.now()
    dropped = 0
  })
}

/**
 * What one connection may ask of us; to be registered before all other hooks. Node hands out every request of a chunk
 * at once: a pipelining client would have thousands at work by one packet. Who has more than 32 without an answer loses
 * the connection, and with it the rest of the chunk, which nobody looks at any more.
 */
export function limitConnections (app: FastifyInstance): void {
  const loads = new WeakMap<Socket, { unanswered: number }>()
  logDrops(app)

  function loadOf (socket: Socket): { unanswered: number } {
    const known = loads.get(socket)
    if (known !== undefined) return known
    const load = { unanswered: 0 }
    loads.set(socket, load)
    return load
  }

  app.addHook('onRequest', function limitConnection ({ raw, log }, reply, done) {
    const { socket } = raw
    if (socket.destroyed) {
      reply.hijack()
      return
    }
    const load = loadOf(socket)
    load.unanswered++
    reply.raw.on('close', () => load.unanswered--)
    if (load.unanswered > MAX_UNANSWERED) {
      log.info({ event: 'pipelining_refused' }, 'Connection with too many unanswered requests closed')
      reply.hijack()
      socket.destroy()
      return
    }
    done()
  })
}
