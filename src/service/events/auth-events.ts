import { type KeyObject, randomUUID } from 'node:crypto'
import type { AuthEvent } from '../../http/auth-events.js'
import { addressOf, coarseNetwork } from '../../throttling/address.js'
import { keyedDigest } from '../../throttling/keys.js'
import type { EventOrigin, NewEvent } from '../store/store.js'

/** The form of a UUID (RFC 9562, version 8), so that every event has an id of one form. */
function uuidOf (digest: Buffer): string {
  const bytes = Buffer.from(digest.subarray(0, 16))
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const MINUTE_MS = 60_000

/** Where a request came from. */
export function originOf ({ id, ip }: { id: string, ip: string }): EventOrigin {
  const full = addressOf(ip)
  return { requestId: id, address: full === undefined ? undefined : { full, network: coarseNetwork(full) } }
}

export interface EventMaker {
  sessionKey: (sessionId: string) => string
  make: (request: { id: string, ip: string }, event: AuthEvent) => NewEvent & { id: string }
}

/** @param key of the digests; nobody without it can tell a session's id, or an address, from a row */
export function createEventMaker (key: KeyObject): EventMaker {
  const digest = (...parts: string[]): Buffer => keyedDigest(key, ...parts)
  const sessionKey = (sessionId: string): string => digest('session', sessionId).toString('base64url')

  /** One row for an address and a minute: whoever guesses passwords must not fill the database. */
  const idOfFailure = (at: number, { address }: EventOrigin): string =>
    uuidOf(digest('login.failed', address?.full ?? '', String(Math.trunc(at / MINUTE_MS))))

  return {
    sessionKey,
    make: (request, { type, identityId, sessionId, session, reason, method, hasAddress = true }) => {
      const at = Date.now()
      const { requestId, address } = originOf(request)
      return {
        type,
        at,
        id: type === 'login.failed' ? idOfFailure(at, { address }) : randomUUID(),
        identityId,
        session: sessionId === undefined ? session : sessionKey(sessionId),
        reason,
        method,
        requestId,
        address: hasAddress ? address : undefined,
      }
    },
  }
}
