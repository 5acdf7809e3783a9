/** A caller who wants in. `admit` is called once there is a slot: at once, or when the turn has come. */
export interface QueueEntry {
  admit: () => void
}

export interface QueueLimits {
  /** Callers inside. */
  slots: number
  /** Callers who wait, while what comes is a burst. */
  queue: number
  /**
   * Callers who wait once the queue has not been empty for longer than a burst: then more is asked for than can be
   * done, and a long queue serves nobody more, it only makes all of them wait. The idea is CoDel's (RFC 8289, section
   * 3). Default: `queue`.
   */
  sustainedLimit?: number | undefined
}

/** How long a queue is a burst, in milliseconds: the interval of CoDel. */
export const BURST_MS = 100

/** Admission in front of a connection pool, first come first served. */
export interface AdmissionQueue {
  /**
   * Who was admitted has to `leave`.
   * @returns false when the queue is full; then the caller is never admitted
   */
  enter: (entry: QueueEntry) => boolean
  /** Gives up a place in the queue; does nothing for a caller who is not waiting. */
  withdraw: (entry: QueueEntry) => void
  leave: () => void
  inside: () => number
  waiting: () => number
}

/**
 * Why not leave the waiting to undici: an abort does not reject a request that still waits inside its pool (J23), so a
 * hung Kratos would hold callers past their deadline. Here a waiting caller leaves the moment its time is over.
 */
export function createAdmissionQueue ({ slots, queue, sustainedLimit = queue }: QueueLimits): AdmissionQueue {
  const entries: QueueEntry[] = []
  let free = slots
  let queuedSince = 0

  const hasRoom = (): boolean =>
    entries.length < sustainedLimit || (entries.length < queue && performance.now() - queuedSince < BURST_MS)

  function enter (entry: QueueEntry): boolean {
    if (free > 0) {
      free--
      entry.admit()
      return true
    }
    if (!hasRoom()) return false
    if (entries.length === 0) queuedSince = performance.now()
    entries.push(entry)
    return true
  }

  function leave (): void {
    const next = entries.shift()
    if (next === undefined) free++
    else next.admit()
  }

  function withdraw (entry: QueueEntry): void {
    const position = entries.indexOf(entry)
    if (position >= 0) entries.splice(position, 1)
  }

  return { enter, leave, withdraw, inside: () => slots - free, waiting: () => entries.length }
}
