import { createLines } from './lines.js'

/** Connections that are read in one turn of the event loop: more than it accepts, so that no newcomer is left over. */
const LEAST_AT_ONCE = 2
const MOST_AT_ONCE = 32
/** A packet of one connection that takes longer is dear: thousands of requests, or of chunks of a body. */
const DEAR_MS = 8
/** A dear packet counts for so many times as long. */
const DEAR_TIMES = 10

interface Waiting {
  client: string
  resume: () => void
}

export interface ReadQueue {
  add: (client: string, resume: () => void) => void
  size: () => number
  /** Lets some be read in the next turn: as many as should take about so many milliseconds, by those before them. */
  readNext: (ms: number) => void
  /**
   * A packet of this client begins to be read. Gives whether the one after it has to wait for its turn.
   * @param hasWaited here, or is read along with those that have
   */
  noteRead: (client: string, hasWaited: boolean) => boolean
  /** It has been read up to here: what a turn does after the last such moment is no longer that client's. */
  noteProgress: () => void
}

/**
 * Whose packets take long, and from when on the next one may be read: after it others have as much time. The second
 * such packet tells: the first may have waited for a processor, or for a collection of garbage.
 */
function createDearClients (now: () => number) {
  const seen = new Map<string, { until: number, isSure: boolean }>()
  let nextFrom = -Infinity

  // Those that are over, so that what is kept is what a few seconds have room for.
  function forgetOld (at: number): void {
    for (const [client, { until }] of seen) if (until <= at) seen.delete(client)
  }

  return {
    has: (client: string): boolean => {
      const known = seen.get(client)
      return known?.isSure === true && known.until > now()
    },
    isNextDue: (): boolean => now() >= nextFrom,
    note (client: string, ms: number): void {
      if (ms < DEAR_MS) return
      const at = now()
      forgetOld(at)
      seen.set(client, { until: at + DEAR_TIMES * ms, isSure: seen.has(client) })
      nextFrom = at + ms
    },
  }
}

/**
 * Connections that wait to be read. Clients take turns; those whose packets take long have half of the time together.
 * @param now milliseconds since whenever
 */
export function createReadQueue (now = (): number => performance.now()): ReadQueue {
  const cheap = createLines<Waiting>()
  const dear = createLines<Waiting>()
  const dearClients = createDearClients(now)
  let atOnce = LEAST_AT_ONCE
  // The system tells of them after those that have been read all along: from the first one on the time is theirs.
  let from: number | undefined
  let reading: { client: string, from: number, to: number } | undefined

  const size = (): number => cheap.size() + dear.size()

  /** Those of a client who is dear by now go over to the others. */
  function takeCheap (): Waiting | undefined {
    for (;;) {
      const next = cheap.take()
      if (next === undefined || !dearClients.has(next.client)) return next
      dear.add(next.client, next)
    }
  }

  function endReading (): void {
    if (reading !== undefined) dearClients.note(reading.client, reading.to - reading.from)
    reading = undefined
  }

  // After what is read in the next turn, and before the work that begins then.
  function endTurn (ms: number): void {
    endReading()
    if (from === undefined) return
    const isLong = now() - from > ms
    atOnce = isLong ? Math.max(LEAST_AT_ONCE, atOnce / 2) : Math.min(MOST_AT_ONCE, 2 * atOnce)
  }

  return {
    add: (client, resume) => cheap.add(client, { client, resume }),
    size,
    readNext: (ms) => {
      if (size() === 0) return
      for (let n = atOnce; n > 0; n--) takeCheap()?.resume()
      if (dearClients.isNextDue()) dear.take()?.resume()
      from = undefined
      setImmediate(endTurn, ms)
    },
    noteRead: (client, hasWaited) => {
      endReading()
      const at = now()
      reading = { client, from: at, to: at }
      if (hasWaited) from ??= at
      return dearClients.has(client)
    },
    noteProgress: () => {
      if (reading !== undefined) reading.to = now()
    },
  }
}
