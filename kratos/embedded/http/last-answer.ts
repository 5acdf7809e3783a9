import type { IncomingMessage, ServerResponse } from 'node:http'

/** Go's server waits for half a second. Client and server may share a busy process here. */
const LINGER_MS = 2000

/**
 * Ends the connection after an answer that leaves before its request is here. Closed at once, with bytes unread, it
 * would be reset, and a client that still sends would lose the answer: as Go's server does it, our half is closed, and
 * the rest is read and thrown away for a while.
 */
export function endWithAnswer (request: IncomingMessage, response: ServerResponse): void {
  // Before Node's own listener, which calls `destroySoon`.
  response.prependOnceListener('finish', () => {
    const { socket } = request
    request.resume()
    socket.destroySoon = () => {
      socket.end()
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
    }
  })
}
