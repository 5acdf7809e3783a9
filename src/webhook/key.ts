import { createHash, timingSafeEqual } from 'node:crypto'

export const MIN_WEBHOOK_KEY_BYTES = 32

/**
 * Long enough not to be guessed; whether it is secret, its length cannot tell. Visible ASCII, because a header value
 * loses blanks at its ends and arrives as Latin-1: any other key would never match.
 */
export const isStrongKey = (key: string): boolean => key.length >= MIN_WEBHOOK_KEY_BYTES && /^[\x21-\x7e]+$/.test(key)

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * Checks a webhook key against the accepted ones (several, for rotation). Digests have one size, so neither the length
 * of the key nor the place of the first difference shows in the time it takes; all keys are always compared (F02).
 */
export function createKeyCheck (keys: readonly string[]): (candidate: unknown) => boolean {
  const accepted = keys.map(digest)
  return (candidate) => {
    const given = digest(typeof candidate === 'string' ? candidate : '')
    const matches = accepted.map((key) => timingSafeEqual(key, given))
    return matches.includes(true)
  }
}
