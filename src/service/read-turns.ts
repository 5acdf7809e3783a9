import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { clientOf } from '../throttling/address.js'
import type { SpareConnections } from './spare-connections.js'
import type { StartQueue } from './start-queue.js'

/** One turn of the event loop reads for so long; what it has not read by then waits for a turn of its own. */
const LONGEST_READ_MS = 20

/** On the socket: no WeakSet that changes with each request is free of what has left it before a full collection. */
const WAITS_AS = Symbol('the client as which it has waited to be read')
type Waiting = Socket & { [WAITS_AS]?: string | undefined }

/** Whether a connection that has waited to be read has its turn now: what is read first begins with it. */
export const hasItsTurn = (socket: Waiting): boolean => socket[WAITS_AS] !== undefined && !socket.isPaused()

/** What the present turn of the event loop reads. */
interface ReadTurn {
  endsAt: number
  /** Whose packet is being read, where that is noted: while there is work. */
  reading?: Socket | undefined
}

/**
 * The system tells of thousands of connections at once, and all that they have sent would be parsed before anything
 * else happens: before the next newcomer is accepted, before an answer of Kratos is passed on. So newcomers wait to be
 * read while there is work, and what a turn has not read in its time waits too. Until then it costs us nothing.
 * @returns to be told of each piece of a body too, which only its reader sees
 */
export function readInTurns (server: Server, starts: StartQueue, spare: SpareConnections): (socket: Socket) => void {
  let turn: ReadTurn | undefined

  function forgetTurn (): void {
    turn = undefined
  }

  function beginTurn (): ReadTurn {
    setImmediate(forgetTurn)
    return { endsAt: performance.now() + LONGEST_READ_MS }
  }

  function readLater (socket: Socket): void {
    if (socket.destroyed || socket.isPaused()) return
    socket.pause()
    const client = clientOf(socket.remoteAddress)
    ;(socket as Waiting)[WAITS_AS] = client
    starts.read(client, () => socket.resume())
  }

  function notePacket (socket: Waiting): void {
    const hasWaited = hasItsTurn(socket)
    const client = socket[WAITS_AS] ?? clientOf(socket.remoteAddress)
    if (hasWaited) socket[WAITS_AS] = undefined
    const isDear = starts.noteRead(client, hasWaited)
    // When this one has been handed out, and before the system is asked for the next one.
    if (isDear) process.nextTick(readLater, socket)
    // After all the ticks that it gives rise to.
    process.nextTick(queueMicrotask, () => {
      if (turn?.reading === socket) starts.noteProgress()
    })
  }

  function noteRead (socket: Waiting): void {
    turn ??= beginTurn()
    // A packet may bring thousands of requests, or pieces of a body.
    if (turn.reading === socket) starts.noteProgress()
    else if (hasItsTurn(socket) || starts.isBusy()) {
      turn.reading = socket
      notePacket(socket)
    }
    if (performance.now() < turn.endsAt) return
    // Once in a turn.
    turn.endsAt = Infinity
    for (const other of spare.all()) readLater(other)
    // Thousands may have been, which is no time of whoever was read last.
    turn.reading = undefined
  }

  server.on('connection', (socket: Socket) => {
    // In the next tick, and there after Node, which begins to read whoever has paused the socket before.
    if (starts.isBusy()) process.nextTick(readLater, socket)
    // Thousands that end at once take as long as requests.
    socket.on('end', () => noteRead(socket))
  })
  server.on('request', ({ socket }) => noteRead(socket))
  // Node hands these out by an event of their own.
  server.on('checkExpectation', ({ socket }) => noteRead(socket))
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket) => {
    // Of its parser: a time limit is an event of these too, and reads nothing.
    if (code.startsWith('HPE_')) noteRead(socket as Socket)
  })
  return noteRead
}
