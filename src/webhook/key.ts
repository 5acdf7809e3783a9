import { createHash, timingSafeEqual } from 'node:crypto'

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
