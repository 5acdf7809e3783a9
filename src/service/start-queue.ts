import { AsyncResource } from 'node:async_hooks'

/** Requests begin for so long in a turn of the event loop that accepted a connection; at least one begins. */
const START_MS = 1

export interface StartQueue {
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
  const waiting: Array<() => void> = []
  let isAccepting = false
  let hasAccepted = false

  function turn (): void {
    isAccepting = hasAccepted
    hasAccepted = false
    const endsAt = isAccepting ? performance.now() + START_MS : Infinity
    let begun = 0
    do waiting[begun++]?.()
    while (begun < waiting.length && performance.now() < endsAt)
    waiting.splice(0, begun)
    if (isAccepting) setImmediate(turn)
  }

  return {
    start: (work) => {
      if (isAccepting) waiting.push(AsyncResource.bind(work))
      else work()
    },
    connectionAccepted: () => {
      hasAccepted = true
      if (isAccepting) return
      isAccepting = true
      setImmediate(turn)
    },
  }
}
