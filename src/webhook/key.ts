import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export const WEBHOOK_KEY_HEADER = 'x-webhook-key'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** `no_bearer`: its header lacks the scheme. */
export type KeyFault = 'missing' | 'wrong' | 'no_bearer'

const BEARER = /^Bearer +(\S+)$/i

/** Kratos keeps `Authorization` out of its log. Both headers are compared, and one that is valid suffices. */
export function createWebhookKeyCheck (
  keys: readonly string[],
): (headers: IncomingHttpHeaders) => KeyFault | undefined {
  const isKnown = createKeyCheck(keys)
  return ({ authorization, [WEBHOOK_KEY_HEADER]: header }) => {
    const bearer = BEARER.exec(authorization ?? '')?.[1]
    const matches = [isKnown(bearer), isKnown(header)]
    if (matches.includes(true)) return undefined
    if (authorization !== undefined && /^\S+$/.test(authorization)) return 'no_bearer'
    return authorization === undefined && header === undefined ? 'missing' : 'wrong'
  }
}

/** Digests have one size, and all keys are compared: the time taken tells nothing of a key (F02). */
export function createKeyCheck (keys: readonly string[]): (candidate: unknown) => boolean {
  const accepted = keys.map(digest)
  return (candidate) => {
    const given = digest(typeof candidate === 'string' ? candidate : '')
    const matches = accepted.map((key) => timingSafeEqual(key, given))
    return matches.includes(true)
  }
}
