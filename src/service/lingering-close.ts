import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Time for the client to read the answer before the socket goes, whatever it still sends. */
const LINGER_MS = 1000

function discardAll (socket: Socket): void {
  socket.removeAllListeners('data').on('data', () => {})
}

/**
 * Closes our half, and the other one later. A socket that is closed while bytes are unread is reset, and a client that
 * still sends may lose the answer that was on its way (RFC 9112, section 9.6). What it sends by then is read and parsed
 * by nobody: each of its bytes may be a chunk of a body that nobody wants.
 */
export function closeInStages (socket: Socket): void {
  // The listener of Node's that begins to read again goes with the parser: it has its turn before that.
  socket.pause().once('resume', () => discardAll(socket)).resume()
  socket.end()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

/** Where the answer to a request leaves before its body is here, and the connection ends with it, it ends in stages. */
export function lingerOverBody (request: IncomingMessage, response: ServerResponse): void {
  // Before Node's own listener, which calls `destroySoon`.
  response.prependOnceListener('finish', () => {
    if (request.complete) return
    const { socket } = request
    request.unpipe()
    // What is left of this packet would stop the reading of the next.
    request.resume()
    socket.destroySoon = () => closeInStages(socket)
  })
}
