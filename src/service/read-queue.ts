import { createLines } from './lines.js'

/** Connections that are read in one turn of the event loop: more than it accepts, so that no newcomer is left over. */
const LEAST_AT_ONCE = 2
const MOST_AT_ONCE = 16

export interface ReadQueue {
  add: (resume: () => void, client: string) => void
  size: () => number
  /** Lets some be read in the next turn: as many as should take about so many milliseconds, by those before them. */
  readNext: (ms: number) => void
}

/** Connections that wait to be read, whose clients take turns. */
export function createReadQueue (): ReadQueue {
  const lines = createLines()
  let atOnce = LEAST_AT_ONCE
  return {
    add: (resume, client) => lines.add(client, resume),
    size: lines.size,
    readNext: (ms) => {
      if (lines.size() === 0) return
      for (let n = Math.min(lines.size(), atOnce); n > 0; n--) lines.take()?.()
      const from = performance.now()
      // After what is read in the next turn, and before the work that begins then.
      setImmediate(() => {
        const isLong = performance.now() - from > ms
        atOnce = isLong ? Math.max(LEAST_AT_ONCE, atOnce / 2) : Math.min(MOST_AT_ONCE, 2 * atOnce)
      })
    },
  }
}
