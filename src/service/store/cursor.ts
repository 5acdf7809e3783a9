import { createHash, timingSafeEqual } from 'node:crypto'
import { InvalidCursorError } from './errors.js'

/** The next page begins after it, whatever has been inserted meanwhile. */
export interface Position {
  created_at: string
  id: string
}

const TIME_BYTES = 27
const ID_BYTES = 36
const SEAL_BYTES = 16
const CURSOR = /^[A-Za-z0-9_-]{106}$/ // 79 bytes in base64url

/** Opaque, bound to the owner by a seal; it holds nothing that the owner did not see in the page. */
export function encodeCursor (ownerId: string, { created_at: createdAt, id }: Position): string {
  const position = createdAt + id
  return Buffer.concat([Buffer.from(position), seal(ownerId, position)]).toString('base64url')
}

/**
 * The seal is no secret: every query has its owner in it, so whoever makes a valid one pages through rows of their own.
 * @throws InvalidCursorError for anything that was not made for this owner (A35)
 */
export function decodeCursor (ownerId: string, cursor: string): Position {
  if (!CURSOR.test(cursor)) throw new InvalidCursorError('The cursor is not valid')
  const bytes = Buffer.from(cursor, 'base64url')
  const position = bytes.toString('latin1', 0, TIME_BYTES + ID_BYTES)
  const isOurs = timingSafeEqual(bytes.subarray(-SEAL_BYTES), seal(ownerId, position))
  if (!isOurs) throw new InvalidCursorError('The cursor is not valid')
  return { created_at: position.slice(0, TIME_BYTES), id: position.slice(TIME_BYTES) }
}

function seal (ownerId: string, position: string): Buffer {
  return createHash('sha256').update(`${ownerId} ${position}`).digest().subarray(0, SEAL_BYTES)
}
