import { AsyncResource } from 'node:async_hooks'
import { createLines } from './lines.js'
import { createReadQueue, type ReadQueue } from './read-queue.js'

/**
 * Requests begin for so long in a turn of the event loop, at least one; twice as long after each turn that accepts
 * none. Connections are read for about as long, the longer time in each turn that accepts none.
 */
const START_MS = 1
const LONGEST_START_MS = 4
/** While connections arrive, nothing else is read and begun for so long, and each turn takes but a moment. */
const ACCEPTING_MS = 8
/** Requests that may begin in one turn, each an immediate of its own. */
const MOST_STARTS = 256
/** Handlers that may begin at once in one turn: those whose guards shared an answer come all together. */
const MOST_AT_ONCE = 64

export interface Who {
  client: string
  /** Does not wait for what is not. */
  isUrgent: boolean
}

export interface StartQueue {
  /** Whether work has to wait for its turn. */
  isBusy: () => boolean
  /**
   * The same for a handler, where work is dearest: this turn may have begun as many as it can take. One that begins
   * together with its request has had its turn.
   */
  isBusyForHandler: () => boolean
  /** Begins the work: at once, or in a later turn of the event loop, whose context it has unless it brings its own. */
  start: (work: () => void, who: Who) => void
  /** Begins what has had its turn: its connection was read in it. */
  begin: (work: () => void) => void
  /** Lets a connection be read, in a later turn: until then nothing that its client sends costs us anything. */
  read: (client: string, resume: () => void) => void
  /** As `ReadQueue` has them. */
  noteRead: ReadQueue['noteRead']
  noteProgress: ReadQueue['noteProgress']
  /** A connection was accepted, so that more may be waiting behind it. */
  connectionAccepted: () => void
}

/** Work for later in the context of its request. `AsyncResource.bind` costs ten times as much on Node 20. */
export function inContext (work: () => void): () => void {
  const resource = new AsyncResource('fastify-kratos.start')
  return () => resource.runInAsyncScope(work)
}

/**
 * Node accepts one connection in a turn of the event loop. Where each turn serves hundreds of busy connections, a
 * newcomer, a probe of our health among them, would wait for all of them once for each newcomer before it. So turns are
 * short from one accepted connection until a turn accepts none and all work has begun. While nobody connects this costs
 * nothing.
 * @param now milliseconds since whenever
 */
export function createStartQueue (now = (): number => performance.now()): StartQueue {
  let isBusy = false
  /** For as long as what begins waits for nothing. */
  let isBeginning = false
  let hasAccepted = false
  let hasWorked = false
  let pauseFrom = -Infinity
  let handlersAtOnce = 0
  let begun = 0
  let endsAt = 0
  let startMs = START_MS
  const urgent = createLines<() => void>()
  const others = createLines<() => void>()
  const unread = createReadQueue(now)
  const waiting = (): number => urgent.size() + others.size()

  function begin (work: () => void): void {
    isBeginning = true
    try {
      work()
    } finally {
      isBeginning = false
    }
  }

  // An immediate for each: what a request does after its first wait belongs to its turn too.
  function beginNext (): void {
    const at = now()
    if (begun === 0) endsAt = at + startMs
    if (begun > 0 && at >= endsAt) return
    // By turns, so that neither stops the other.
    const [first, second] = begun++ % 2 === 0 ? [urgent, others] : [others, urgent]
    const work = first.take() ?? second.take()
    if (work !== undefined) begin(work)
  }

  function turn (): void {
    isBusy = hasAccepted || waiting() > 0 || unread.size() > 0
    if (!isBusy) return
    startMs = hasAccepted ? START_MS : Math.min(2 * startMs, LONGEST_START_MS)
    const at = now()
    // The last turn did what the one before had let begin: however long that took, accepting has its time now.
    if (hasWorked) pauseFrom = at
    hasWorked = !hasAccepted || at - pauseFrom >= ACCEPTING_MS
    if (hasWorked) {
      unread.readNext(hasAccepted ? START_MS : LONGEST_START_MS)
      begun = 0
      for (let n = Math.min(waiting(), MOST_STARTS); n > 0; n--) setImmediate(beginNext)
    }
    hasAccepted = false
    setImmediate(turn)
  }

  function becomeBusy (): void {
    if (isBusy) return
    isBusy = true
    setImmediate(turn)
  }

  function forgetHandlers (): void {
    handlersAtOnce = 0
  }

  return {
    isBusy: () => isBusy,
    isBusyForHandler: () => {
      if (isBeginning) return false
      if (isBusy) return true
      if (handlersAtOnce++ === 0) setImmediate(forgetHandlers)
      if (handlersAtOnce > MOST_AT_ONCE) becomeBusy()
      return isBusy
    },
    start: (work, { client, isUrgent }) => {
      if (isBusy) (isUrgent ? urgent : others).add(client, work)
      else work()
    },
    begin,
    read: (client, resume) => {
      unread.add(client, resume)
      becomeBusy()
    },
    noteRead: unread.noteRead,
    noteProgress: unread.noteProgress,
    connectionAccepted: () => {
      hasAccepted = true
      becomeBusy()
    },
  }
}
