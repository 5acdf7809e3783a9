export const MINUTE_MS = 60_000

/**
 * At most `burst` submits at once; every full minute gives `perMinute` of them back. With both equal that is a plain
 * window of one minute, which begins with its first submit. `burst` is at least `perMinute`.
 */
export interface Budget {
  perMinute: number
  burst: number
}

/** What was usage of a budget under one key: more than `burst` means that the last submit was refused. */
export interface Bucket {
  used: number
  /** Begin of the running minute, in milliseconds on the clock of whoever keeps the bucket. */
  since: number
}

/** One submit, and what it came to. */
export interface Usage {
  used: number
  /** Milliseconds until the running minute is over and gives something back, 1 to 60,000. */
  waitMs: number
}

/** The bucket after one more submit; a refused one costs nothing. The shared store says the same in SQL. */
export function consume (bucket: Bucket | undefined, { perMinute, burst }: Budget, now: number): Bucket {
  if (bucket === undefined) return { used: 1, since: now }
  const minutes = Math.max(0, Math.floor((now - bucket.since) / MINUTE_MS))
  const left = Math.max(0, Math.min(bucket.used, burst) - minutes * perMinute)
  return { used: left + 1, since: left === 0 ? now : bucket.since + minutes * MINUTE_MS }
}

export const usageOf = ({ used, since }: Bucket, now: number): Usage => ({
  used,
  waitMs: Math.min(MINUTE_MS, Math.max(1, Math.ceil(since + MINUTE_MS - now))),
})
