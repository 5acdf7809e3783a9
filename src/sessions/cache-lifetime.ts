const SECOND = 1000

/**
 * Milliseconds for which an answer of whoami may be reused: the smallest of all three; 0: not at all.
 * @param header `Ory-Session-Cache-For` in seconds; anything but one non-negative integer counts as 0 (I03)
 * @param maxAgeMs our own limit @param expiresInMs `session.expires_at` minus now
 */
export function cacheLifetimeMs (header: unknown, maxAgeMs: number, expiresInMs: number): number {
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header)) return 0
  return Math.max(0, Math.min(Number(header) * SECOND, maxAgeMs, expiresInMs))
}
