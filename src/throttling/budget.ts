export const MINUTE_MS = 60_000

/** At most `burst` (`perWindow` or more) at once; every full window, begun by a submit, gives `perWindow` back. */
export interface Budget {
  perWindow: number
  burst: number
  windowMs: number
}

export const minuteBudget = (perMinute: number, burst = perMinute): Budget => ({
  perWindow: perMinute,
  burst,
  windowMs: MINUTE_MS,
})

/** More than `burst` used means that the last submit was refused. */
export interface Bucket {
  used: number
  /** Begin of the running window, in milliseconds on the clock of whoever keeps the bucket. */
  since: number
}

export interface Usage {
  used: number
  /** Milliseconds until the running window is over and gives something back, 1 to the window's length. */
  waitMs: number
}

/** A refused submit costs nothing. `src/service/store/login-budgets.ts` says the same in SQL. */
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
