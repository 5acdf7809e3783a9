import type { Socket } from 'node:net'

/** `idle`: waits for its client's next request; `reading`: has sent less than one request, its body included. */
export type SpareKind = 'idle' | 'reading'

/** Connections that wait for their clients and not for us, the longest one first. */
export interface SpareConnections {
  add: (socket: Socket, kind: SpareKind) => void
  remove: (socket: Socket) => void
  /** The one to give up, never the newcomer; undefined where all others wait for us. */
  take: (newcomer: Socket) => Socket | undefined
}

type ByAddress = Map<string, Set<Socket>>

/** Addresses that are compared, so that a flood from many costs no more than one from a few. */
const MAX_COMPARED = 256

/** Who has the most connections to spare gives one. */
function largest (group: ByAddress): Set<Socket> | undefined {
  let found: Set<Socket> | undefined
  let compared = 0
  for (const sockets of group.values()) {
    if (found === undefined || sockets.size > found.size) found = sockets
    if (++compared >= MAX_COMPARED) break
  }
  return found
}

export function createSpareConnections (): SpareConnections {
  const groups: Record<SpareKind, ByAddress> = { idle: new Map(), reading: new Map() }
  const places = new WeakMap<Socket, { kind: SpareKind, address: string }>()

  function remove (socket: Socket): void {
    const place = places.get(socket)
    if (place === undefined) return
    places.delete(socket)
    const sockets = groups[place.kind].get(place.address)
    sockets?.delete(socket)
    if (sockets?.size === 0) groups[place.kind].delete(place.address)
  }

  function add (socket: Socket, kind: SpareKind): void {
    remove(socket)
    const address = socket.remoteAddress ?? ''
    places.set(socket, { kind, address })
    const sockets = groups[kind].get(address) ?? new Set()
    groups[kind].set(address, sockets.add(socket))
  }

  function take (newcomer: Socket): Socket | undefined {
    for (const kind of ['idle', 'reading'] as const) {
      for (const socket of largest(groups[kind]) ?? []) {
        if (socket === newcomer) continue
        remove(socket)
        return socket
      }
    }
    return undefined
  }

  return { add, remove, take }
}
