import { createLines, type Lines } from './lines.js'

/** Connections that are read in one turn of the event loop: more than it accepts, so that no newcomer is left over. */
const LEAST_AT_ONCE = 2
const MOST_AT_ONCE = 32

export interface ReadQueue extends Pick<Lines, 'add' | 'size'> {
  /** Lets some be read in the next turn: as many as should take about so many milliseconds, by those before them. */
  readNext: (ms: number) => void
  /** One of them was read. */
  noteRead: () => void
}

/** Connections that wait to be read, whose clients take turns. */
export function createReadQueue (): ReadQueue {
  const lines = createLines()
  let atOnce = LEAST_AT_ONCE
  // The system tells of them after those that have been read all along: from the first one on the time is theirs.
  let from: number | undefined
  return {
    add: lines.add,
    size: lines.size,
    readNext: (ms) => {
      if (lines.size() === 0) return
      for (let n = Math.min(lines.size(), atOnce); n > 0; n--) lines.take()?.()
      from = undefined
      // After what is read in the next turn, and before the work that begins then.
      setImmediate(() => {
        if (from === undefined) return
        const isLong = performance.now() - from > ms
        atOnce = isLong ? Math.max(LEAST_AT_ONCE, atOnce / 2) : Math.min(MOST_AT_ONCE, 2 * atOnce)
      })
    },
    noteRead: () => {
      from ??= performance.now()
    },
  }
}
