import type { IncomingMessage } from 'node:http'

/** HTTP lets a client cut a body into chunks of a byte: a thousand times the work of the same body in a few. */
export const MAX_PIECES = 1024

/**
 * Node hands on all chunks of a packet, 10,000 where each has a byte, before any reader can refuse them; handing one on
 * costs ten times as much as parsing it. So it ends with the one past the limit, by which a reader knows.
 * @param onPiece is called before each piece, those that nobody gets as well
 */
export function boundPieces (request: IncomingMessage, onPiece: () => void): void {
  const push = request.push.bind(request)
  let pieces = 0
  request.push = (piece: unknown, encoding?: BufferEncoding) => {
    if (piece === null) return push(null)
    onPiece()
    return ++pieces > MAX_PIECES + 1 || push(piece, encoding)
  }
}
