const SECOND = 1000

/** The smallest of the three; 0: no reuse. @param header `Ory-Session-Cache-For`; no integer counts as 0 (I03) */
export function cacheLifetimeMs (header: unknown, maxAgeMs: number, expiresInMs: number): number {
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header)) return 0
  return Math.max(0, Math.min(Number(header) * SECOND, maxAgeMs, expiresInMs))
}
