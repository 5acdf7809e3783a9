/** Requests begin for so long in a turn of the event loop that accepted a connection; at least one begins. */
const START_MS = 1

export interface StartQueue {
  /** Whether work has to wait for its turn. */
  isAccepting: () => boolean
  /** Begins the work: at once, or while connections arrive a few turns of the event loop later, in order. */
  start: (work: () => void) => void
  /** A connection was accepted, so that more may be waiting behind it. */
  connectionAccepted: () => void
}

/**
 * Node accepts one connection in a turn of the event loop. Where each turn serves hundreds of busy connections, a
 * newcomer, a probe of our health among them, would wait for all of them once for each newcomer before it. So turns are
 * short from one accepted connection until a turn accepts none. While nobody connects this costs nothing.
 */
export function createStartQueue (): StartQueue {
  let isAccepting = false
  let hasAccepted = false
  let begun = 0
  let endsAt = Infinity

  /** The first of its turn: whatever waits for the turn asked for it later. */
  function beginTurn (): void {
    isAccepting = hasAccepted
    hasAccepted = false
    begun = 0
    endsAt = isAccepting ? performance.now() + START_MS : Infinity
    if (isAccepting) setImmediate(beginTurn)
  }

  // An immediate for each, and no list: it keeps the asynchronous context of its request.
  function startInTurn (work: () => void): void {
    if (begun++ === 0 || performance.now() < endsAt) work()
    else setImmediate(startInTurn, work)
  }

  return {
    isAccepting: () => isAccepting,
    start: (work) => {
      if (isAccepting) setImmediate(startInTurn, work)
      else work()
    },
    connectionAccepted: () => {
      hasAccepted = true
      if (isAccepting) return
      isAccepting = true
      setImmediate(beginTurn)
    },
  }
}
