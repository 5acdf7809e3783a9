export interface QueueEntry {
  admit: () => void
}

export interface QueueLimits {
  slots: number
  queue: number
  /** Limit once the queue was not empty for BURST_MS: a long one serves nobody sooner (CoDel, RFC 8289, section 3). */
  sustainedLimit?: number | undefined
}

export const BURST_MS = 100

/** Instead of undici's own queue, which an abort does not leave: a hung Kratos would hold callers for long (J23). */
export interface AdmissionQueue {
  /** Calls `admit` when the turn has come, maybe at once; who was admitted has to `leave`. @returns false: full */
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
