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
export const hasItsTurn = (socket: Socket): boolean => (socket as Waiting)[WAITS_AS] !== undefined

/** Gives whether what was read in this turn has taken too long; true once in a turn. */
function createReadClock (): () => boolean {
  let end: number | undefined
  const forget = (): void => {
    end = undefined
  }
  return () => {
    const now = performance.now()
    if (end === undefined) {
      end = now + LONGEST_READ_MS
      setImmediate(forget)
    }
    if (now < end) return false
    end = Infinity
    return true
  }
}

/**
 * The system tells of thousands of connections at once, and all that they have sent would be parsed before anything
 * else happens: before the next newcomer is accepted, before an answer of Kratos is passed on. So newcomers wait to be
 * read while there is work, and what a turn has not read in its time waits too. Until then it costs us nothing.
 * @returns to be told of each piece of a body too, which only its reader sees
 */
export function readInTurns (server: Server, starts: StartQueue, spare: SpareConnections): (socket: Socket) => void {
  const hasReadLong = createReadClock()
  let reading: Socket | undefined

  function readLater (socket: Socket): void {
    if (socket.destroyed || socket.isPaused()) return
    socket.pause()
    const client = clientOf(socket.remoteAddress)
    ;(socket as Waiting)[WAITS_AS] = client
    starts.read(client, () => socket.resume())
  }

  function notePacket (socket: Waiting, waitedAs: string | undefined): void {
    const client = waitedAs ?? clientOf(socket.remoteAddress)
    const from = performance.now()
    socket[WAITS_AS] = undefined
    reading = socket

    function end (): void {
      reading = undefined
      const isDear = starts.noteRead(client, performance.now() - from, waitedAs !== undefined)
      if (isDear) readLater(socket)
    }

    // After all the ticks that the packet gives rise to, thousands where it has thousands of chunks, and before
    // anything else: neither what Kratos answers in this turn nor another packet is this client's.
    process.nextTick(queueMicrotask, end)
  }

  function noteRead (socket: Waiting): void {
    const waitedAs = socket[WAITS_AS]
    if (socket !== reading && (waitedAs !== undefined || starts.isBusy())) notePacket(socket, waitedAs)
    if (hasReadLong()) for (const other of spare.all()) readLater(other)
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
  return noteRead
}
