/** A caller who wants in. `admit` is called once there is a slot: at once, or when the turn has come. */
export interface Waiter { admit: () => void }

export interface GateLimits {
  /** Callers inside. */
  slots: number
  /** Callers who wait, while what comes is a burst. */
  queue: number
  /** A queue that has not been empty for so many milliseconds is no burst: more is asked for than can be done, and the queue is kept short. */
  burstMs: number
}

/**
 * Length of a queue that stays, for each slot. A long one serves nobody more, it only makes all of them wait: with this one
 * they take two and a half times as long as with none (M02 wants no more than three). The idea is CoDel's, RFC 8289, section 3.
 */
const STANDING_PER_SLOT = 1.5

/** Admission in front of a connection pool, first come first served. */
export interface Gate {
  /**
   * Who was admitted has to `leave`.
   * @returns false when the queue is full; then the caller is never admitted
   */
  enter: (waiter: Waiter) => boolean
  /** Gives up a place in the queue; does nothing for a caller who is not waiting. */
  withdraw: (waiter: Waiter) => void
  leave: () => void
  inside: () => number
  waiting: () => number
}

/**
 * Why not leave the waiting to undici: an abort does not reject a request that still waits inside its pool (J23), so a hung
 * Kratos would hold callers past their deadline. Here a waiting caller leaves the moment its time is over.
 */
export function createGate ({ slots, queue, burstMs }: GateLimits): Gate {
  const standing = Math.min(queue, slots * STANDING_PER_SLOT)
  const waiters: Waiter[] = []
  let free = slots
  let queuedSince = 0

  const hasRoom = (): boolean =>
    waiters.length < standing || (waiters.length < queue && performance.now() - queuedSince < burstMs)

  function enter (waiter: Waiter): boolean {
    if (free > 0) {
      free--
      waiter.admit()
      return true
    }
    if (!hasRoom()) return false
    if (waiters.length === 0) queuedSince = performance.now()
    waiters.push(waiter)
    return true
  }

  function leave (): void {
    const next = waiters.shift()
    if (next === undefined) free++
    else next.admit()
  }

  function withdraw (waiter: Waiter): void {
    const position = waiters.indexOf(waiter)
    if (position >= 0) waiters.splice(position, 1)
  }

  return { enter, leave, withdraw, inside: () => slots - free, waiting: () => waiters.length }
}
