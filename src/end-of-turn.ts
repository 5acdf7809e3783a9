import { AsyncResource } from 'node:async_hooks'

/** An item that waits, and the asynchronous context of who left it: a tracer must find the right request (AsyncLocalStorage). */
class Waiting<T> extends AsyncResource {
  constructor (readonly item: T) {
    super('fastify-kratos.turn')
  }
}

/**
 * Writes to sockets one after the other at the end of the event loop's turn instead of one at a time in between. A reader on the same
 * machine, Kratos or a proxy, is woken once for all of them; woken for each, it costs the writer more than the rest of
 * a request. Redis answers the same way, before it sleeps (`handleClientsWithPendingWrites`). Nothing waits for time to pass.
 * @param run for each item in the order they came, in the context it was left in; must not throw
 * @returns leaves an item for the end of this turn
 */
export function atEndOfTurn<T> (run: (item: T) => void): (item: T) => void {
  let waiting: Array<Waiting<T>> = []

  function flush (): void {
    const due = waiting
    waiting = []
    for (const entry of due) entry.runInAsyncScope(run, undefined, entry.item)
  }

  return (item) => {
    if (waiting.push(new Waiting(item)) === 1) setImmediate(flush)
  }
}
