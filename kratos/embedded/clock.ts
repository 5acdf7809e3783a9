/** The only source of time: all timestamps, expiries and waits use it, so that tests and replays need not wait. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) =>
    await new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const stop = (): void => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }, ms)
      signal?.addEventListener('abort', stop, { once: true })
    }),
}

/** RFC 3339 in UTC without trailing zeros in the fraction, as Go prints times. */
export function rfc3339 (ms: number): string {
  return new Date(ms).toISOString().replace(/(?:\.000|0{1,2})Z$/, 'Z')
}

/** What Go prints for a time that was never set. */
export const ZERO_TIME = '0001-01-01T00:00:00Z'

/** RFC 3339; 0 is a time that was never set. */
export const timeJson = (ms: number): string => ms === 0 ? ZERO_TIME : rfc3339(ms)

const UNIT_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/**
 * Milliseconds of a Go duration such as `24h`, `1h30m` or `500ms`.
 * @throws TypeError when the text is not a duration
 */
export function durationMs (text: string): number {
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(text)) throw new TypeError(`"${text}" is no duration such as 10m or 24h`)
  return [...text.matchAll(/(?<![\d.])(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)]
    .reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0), 0)
}
