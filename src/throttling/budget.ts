export const MINUTE_MS = 60_000

/**
 * At most `burst` submits at once; every full window gives `perWindow` of them back. With both equal that is a plain
 * window, which begins with its first submit. `burst` is at least `perWindow`.
 */
export interface Budget {
  perWindow: number
  burst: number
  windowMs: number
}

/** A budget whose window is a minute. */
export const minuteBudget = (perMinute: number, burst = perMinute): Budget => ({
  perWindow: perMinute,
  burst,
  windowMs: MINUTE_MS,
})

/** What was usage of a budget under one key: more than `burst` means that the last submit was refused. */
export interface Bucket {
  used: number
  /** Begin of the running window, in milliseconds on the clock of whoever keeps the bucket. */
  since: number
}

/** One submit, and what it came to. */
export interface Usage {
  used: number
  /** Milliseconds until the running window is over and gives something back, 1 to the window's length. */
  waitMs: number
}

/** The bucket after one more submit; a refused one costs nothing. The shared store says the same in SQL. */
export function consume (bucket: Bucket | undefined, { perWindow, burst, windowMs }: Budget, now: number): Bucket {
  if (bucket === undefined) return { used: 1, since: now }
  const windows = Math.max(0, Math.floor((now - bucket.since) / windowMs))
  const left = Math.max(0, Math.min(bucket.used, burst) - windows * perWindow)
  return { used: left + 1, since: left === 0 ? now : bucket.since + windows * windowMs }
}

export const usageOf = ({ used, since }: Bucket, { windowMs }: Budget, now: number): Usage => ({
  used,
  waitMs: Math.min(windowMs, Math.max(1, Math.ceil(since + windowMs - now))),
})
