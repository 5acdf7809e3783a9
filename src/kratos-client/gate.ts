/** Admission in front of a connection pool: at most `slots` callers inside, at most `queue` waiting, first come first served. */
export interface Gate {
  /** `entered`: the caller has a slot, at once or when its turn came, and has to `leave`; `full`: the queue is; `aborted`: the signal fired first. */
  enter: (signal: AbortSignal) => Promise<'entered' | 'full' | 'aborted'>
  leave: () => void
  waiting: () => number
}

/**
 * Why not leave the waiting to undici: an abort signal does not reject a request that still waits inside its pool
 * (J23), so a hung Kratos would hold callers past their deadline. Here a waiting caller leaves the moment its signal fires.
 */
export function createGate ({ slots, queue }: { slots: number, queue: number }): Gate {
  let free = slots
  const waiters = new Set<() => void>()

  function enter (signal: AbortSignal): Promise<'entered' | 'full' | 'aborted'> {
    if (signal.aborted) return Promise.resolve('aborted')
    if (free > 0) {
      free--
      return Promise.resolve('entered')
    }
    if (waiters.size >= queue) return Promise.resolve('full')
    return new Promise((resolve) => {
      const admit = (): void => {
        signal.removeEventListener('abort', giveUp)
        resolve('entered')
      }
      const giveUp = (): void => {
        waiters.delete(admit)
        resolve('aborted')
      }
      waiters.add(admit)
      signal.addEventListener('abort', giveUp, { once: true })
    })
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

  return { enter, leave, waiting: () => waiters.size }
}
