/** The only source of time: all timestamps, expiries and waits use it, so that tests and replays need not wait. */
export interface Clock {
  /** Milliseconds since the epoch, with microseconds as fraction. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** How far the two clocks may differ before the finer one is set again, such as after the machine slept. */
const DRIFT_MS = 20

/** The system's time in steps of a microsecond, so that the order of times is the order of what happened. */
function microsecondClock (): () => number {
  let origin = performance.timeOrigin
  let last = 0
  return () => {
    const drift = Date.now() - (origin + performance.now())
    if (Math.abs(drift) > DRIFT_MS) [origin, last] = [origin + drift, 0]
    last = Math.max(last, Math.round((origin + performance.now()) * 1000) / 1000)
    return last
  }
}

export const systemClock: Clock = {
  now: microsecondClock(),
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
  return `${isoMicroseconds(ms).slice(0, -1).replace(/\.?0+$/, '')}Z`
}

/** ISO 8601 in UTC with six digits after the second. */
export function isoMicroseconds (ms: number): string {
  const microseconds = Math.round(ms * 1000)
  const fraction = String(((microseconds % 1000) + 1000) % 1000).padStart(3, '0')
  return new Date(Math.floor(microseconds / 1000)).toISOString().replace('Z', `${fraction}Z`)
}

/** Milliseconds, with microseconds as fraction, of a time in RFC 3339. */
export function parsedTime (text: string): number {
  const fraction = /\.\d{3}(\d{1,3})/.exec(text)?.[1] ?? ''
  return Date.parse(text) + Number(fraction.padEnd(3, '0')) / 1000
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
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)]
    .reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0), 0)
}
