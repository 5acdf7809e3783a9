export interface QueueEntry {
  admit: () => void
}

export interface QueueLimits {
  slots: number
  queue: number
  /**
   * Callers who may wait once the queue has not been empty for BURST_MS: a long queue serves nobody sooner (CoDel, RFC
   * 8289, section 3). Default: `queue`.
   */
  sustainedLimit?: number | undefined
}

export const BURST_MS = 100

/**
 * First come first served, in front of a connection pool. Not undici's own queue: an abort does not reject a request
 * that waits in there, so a hung Kratos would hold callers past their deadline (J23).
 */
export interface AdmissionQueue {
  /**
   * Calls `admit` at once or when the turn has come; who was admitted has to `leave`. @returns false: full, never
   * admitted
   */
  enter: (entry: QueueEntry) => boolean
  withdraw: (entry: QueueEntry) => void
  leave: () => void
  inside: () => number
  waiting: () => number
}

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
