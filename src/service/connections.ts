import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { clientOf } from '../throttling/address.js'
import { boundPieces } from './bytes/body-pieces.js'
import { awaitsBody } from './bytes/unfinished-bodies.js'
import { lingerOverBody } from './lingering-close.js'
import { hasItsTurn, readInTurns } from './read-turns.js'
import { createSpareConnections } from './spare-connections.js'
import { createStartQueue, inContext, type Who } from './start-queue.js'

/** Requests of one connection that may wait at a time; proxies and browsers send one after the other. */
const MAX_UNANSWERED = 32
/** For everything that is no client: sockets to Kratos, the database and its files, the log, the runtime itself. */
const RESERVED_FILES = 256
/** Where the system sets no limit, memory does. */
const MOST_CONNECTIONS = 65_536
const DROP_LOG_INTERVAL_MS = 60_000

/** Leaves file descriptors free. @param openFiles soft RLIMIT_NOFILE; `unlimited`, or undefined: there is none */
export function connectionLimit (openFiles: number | string | undefined): number {
  if (typeof openFiles !== 'number') return MOST_CONNECTIONS
  const reserved = Math.min(RESERVED_FILES, Math.floor(openFiles / 2))
  return Math.max(1, Math.min(MOST_CONNECTIONS, openFiles - reserved))
}

/** This many below the limit, connections are closed: new clients find room, a probe of our health among them. */
const roomBelow = (limit: number): number => Math.min(64, Math.max(1, Math.floor(limit / 8)))

/** One line a minute about what happens with every connection of a flood. */
function countedLog (log: (count: number) => void): () => void {
  let count = 0
  let loggedAt = -Infinity
  return () => {
    count++
    if (performance.now() - loggedAt < DROP_LOG_INTERVAL_MS) return
    log(count)
    loggedAt = performance.now()
    count = 0
  }
}

/** Node accepts a connection beyond `maxConnections` and drops it without a word, so only the log can tell. */
function logDrops (app: FastifyInstance): void {
  const logDrop = countedLog((dropped) =>
    app.log.warn(
      { event: 'connections_dropped', dropped, limit: app.server.maxConnections },
      'Connections over the limit were dropped',
    ))
  app.server.on('drop', logDrop)
}

interface Waiting {
  request: FastifyRequest
  begin: () => void
}

interface Load {
  unanswered: number
  /** Requests whose turn comes when an answer before them has gone, in order. */
  waiting: Waiting[]
}

/**
 * What nobody has begun to work at ends with its connection. Node would tell each of them that it was aborted, by an
 * error of its own with a written stack, which costs more than all that such a request has cost before.
 */
function endUnbegun (load: Load | undefined): void {
  if (load === undefined) return
  for (const { request } of load.waiting) request.raw.destroy()
  load.waiting = []
}

/** Node tells only the response whose turn it is that its connection has gone; others wait to hear that it is over. */
function giveUp (reply: FastifyReply): void {
  reply.hijack()
  if (!reply.raw.destroyed) reply.raw.destroy().emit('close')
}

/** What begins a request whose client may have gone by then. */
const laterStart = ({ raw: { socket } }: FastifyRequest, reply: FastifyReply, done: () => void): () => void =>
  inContext(() => {
    if (socket.destroyed) giveUp(reply)
    else done()
  })

/** Urgent is what is shed last: others, or whoever has typed a password, wait for it. */
const isUrgent = ({ routeOptions: { config: { shed } } }: FastifyRequest): boolean =>
  shed === 'never' || shed === 'submit'

const whoAsks = (request: FastifyRequest): Who => ({ client: clientOf(request.ip), isUrgent: isUrgent(request) })

/**
 * To be registered before all other hooks. Node hands out every request of a chunk at once: a pipelining client would
 * have thousands at work by one packet. Answers leave in order anyway, so one request of a connection is at work at a
 * time: work for a client that does not read, or has gone, is never begun. One with a body does not wait: its bytes
 * are counted. Who has more than MAX_UNANSWERED loses the connection, and the rest of the chunk with it. Near the
 * limit of connections those go first that wait for nothing of ours.
 */
export function limitConnections (app: FastifyInstance): void {
  const loads = new WeakMap<Socket, Load>()
  const spare = createSpareConnections()
  const starts = createStartQueue()
  // No Set to count them: V8 links each table that a set has outgrown to the next one, and may so keep all closed ones.
  const open = new WeakSet<Socket>()
  let openCount = 0
  logDrops(app)
  const logClosed = countedLog((closed) =>
    app.log.info({ event: 'connections_closed', closed }, 'Idle connections near the limit were closed'))

  function loadOf (socket: Socket): Load {
    const known = loads.get(socket)
    if (known !== undefined) return known
    const load: Load = { unanswered: 0, waiting: [] }
    loads.set(socket, load)
    return load
  }

  function startNext (socket: Socket, load: Load): void {
    if (socket.destroyed) return
    const next = load.waiting.shift()
    if (next === undefined) return
    // What came in a packet with others is never urgent.
    if (starts.isBusy()) starts.start(next.begin, { client: clientOf(next.request.ip), isUrgent: false })
    else next.begin()
  }

  function beginInTurn (isBusy: boolean, request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    if (isBusy) starts.start(laterStart(request, reply, done), whoAsks(request))
    else done()
  }

  function leave (socket: Socket): void {
    if (open.delete(socket)) openCount--
  }

  function makeRoom (newcomer: Socket): void {
    const limit = app.server.maxConnections ?? Infinity
    for (let over = openCount - limit + roomBelow(limit); over > 0; over--) {
      const given = spare.take(newcomer)
      if (given === undefined) return
      leave(given)
      given.destroy()
      logClosed()
    }
  }

  const noteRead = readInTurns(app.server, starts, spare)
  app.server.on('connection', (socket: Socket) => {
    starts.connectionAccepted()
    open.add(socket)
    openCount++
    spare.add(socket, 'reading')
    // Before Node's own listener.
    socket.prependOnceListener('close', () => {
      endUnbegun(loads.get(socket))
      leave(socket)
      spare.remove(socket)
    })
    makeRoom(socket)
  })

  app.addHook('onRequest', function limitConnection (request, reply, done) {
    const { raw: { socket }, log } = request
    if (socket.destroyed) {
      request.raw.destroy()
      reply.hijack()
      return
    }
    const load = loadOf(socket)
    load.unanswered++
    const hasBody = awaitsBody(request)
    if (hasBody) {
      boundPieces(request.raw, () => {
        // What `app.inject` brings has no socket that could be paused.
        if (open.has(socket)) noteRead(socket)
      })
      lingerOverBody(request.raw, reply.raw)
    } else spare.remove(socket)
    reply.raw.on('close', () => {
      load.unanswered--
      if (load.unanswered === 0 && open.has(socket)) spare.add(socket, 'idle')
      // In the next turn of the event loop, so that a packet of cheap requests lets others in between.
      if (load.waiting.length > 0) setImmediate(startNext, socket, load)
    })
    if (load.unanswered > MAX_UNANSWERED) {
      log.info({ event: 'pipelining_refused' }, 'Connection with too many unanswered requests closed')
      reply.hijack()
      socket.destroy()
      request.raw.destroy()
      return
    }
    // A body is read at once, and what it is for waits in `handleInTurn`: most half bodies never get there.
    if (hasBody) done()
    else if (load.unanswered > 1) load.waiting.push({ request, begin: laterStart(request, reply, done) })
    else if (hasItsTurn(socket) && isUrgent(request)) starts.begin(done)
    else beginInTurn(starts.isBusy(), request, reply, done)
  })

  app.addHook('preValidation', function bodyIsHere ({ raw: { socket } }, _reply, done) {
    spare.remove(socket)
    done()
  })

  // Once more: guards that waited for Kratos may have their answers all in one turn, and handlers cost most.
  app.addHook('preHandler', function handleInTurn (request, reply, done) {
    beginInTurn(starts.isBusyForHandler(), request, reply, done)
  })
}
