/** A caller who wants in. `admit` is called once there is a slot: at once, or when the turn has come. */
export interface Waiter { admit: () => void }

/** Admission in front of a connection pool: at most `slots` callers inside, at most `queue` waiting, first come first served. */
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
export function createGate ({ slots, queue }: { slots: number, queue: number }): Gate {
  let free = slots
  const waiters: Waiter[] = []

  function enter (waiter: Waiter): boolean {
    if (free > 0) {
      free--
      waiter.admit()
      return true
    }
    if (waiters.length >= queue) return false
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
