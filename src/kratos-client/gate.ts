/** Admission in front of a connection pool: at most `slots` callers inside, at most `queue` waiting, first come first served. */
export interface Gate {
  /**
   * Calls `admit` once there is a slot: at once, or when its turn has come. Who was admitted has to `leave`.
   * @returns false when the queue is full; then `admit` is never called
   */
  enter: (admit: () => void) => boolean
  /** Gives up a place in the queue; does nothing for a caller who is not waiting. */
  withdraw: (admit: () => void) => void
  leave: () => void
  inside: () => number
  waiting: () => number
}

/**
 * Why not leave the waiting to undici: an abort does not reject a request that still waits inside its pool (J23), so a hung
 * Kratos would hold callers past their deadline. Here a waiting caller leaves the moment its time is over.
 */
export function createGate ({ slots, queue }: { slots: number, queue: number }): Gate {
  let free = slots
  const waiters = new Set<() => void>()

  function enter (admit: () => void): boolean {
    if (free > 0) {
      free--
      admit()
      return true
    }
    if (waiters.size >= queue) return false
    waiters.add(admit)
    return true
  }

  function leave (): void {
    const [next] = waiters
    if (next === undefined) {
      free++
      return
    }
    waiters.delete(next)
    next()
  }

  return { enter, leave, withdraw: (admit) => { waiters.delete(admit) }, inside: () => slots - free, waiting: () => waiters.size }
}
