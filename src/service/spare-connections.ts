import type { Socket } from 'node:net'

/** `idle`: waits for its client's next request; `reading`: has sent less than one request, its body included. */
export type SpareKind = 'idle' | 'reading'

/** Connections that wait for their clients and not for us, the longest one first. */
export interface SpareConnections {
  add: (socket: Socket, kind: SpareKind) => void
  remove: (socket: Socket) => void
  /** Those that wait for their clients, in no order. */
  all: () => Iterable<Socket>
  /** The one to give up, never the newcomer; undefined where all others wait for us. */
  take: (newcomer: Socket) => Socket | undefined
}

/**
 * Where a connection is kept. Emptied when it leaves: V8 links each table that a set has outgrown to the next one, and
 * may so keep every connection that was in one until a full collection.
 */
interface Place {
  kind: SpareKind
  address: string
  socket: Socket | undefined
}

type ByAddress = Map<string, Set<Place>>

/** Addresses that are compared, so that a flood from many costs no more than one from a few. */
const MAX_COMPARED = 256

/** Who has the most connections to spare gives one. */
function largest (group: ByAddress): Set<Place> | undefined {
  let found: Set<Place> | undefined
  let compared = 0
  for (const places of group.values()) {
    if (found === undefined || places.size > found.size) found = places
    if (++compared >= MAX_COMPARED) break
  }
  return found
}

export function createSpareConnections (): SpareConnections {
  const groups: Record<SpareKind, ByAddress> = { idle: new Map(), reading: new Map() }
  const placeOf = new WeakMap<Socket, Place>()

  function remove (socket: Socket): void {
    const place = placeOf.get(socket)
    if (place === undefined) return
    placeOf.delete(socket)
    place.socket = undefined
    const places = groups[place.kind].get(place.address)
    places?.delete(place)
    if (places?.size === 0) groups[place.kind].delete(place.address)
  }

  function add (socket: Socket, kind: SpareKind): void {
    remove(socket)
    const address = socket.remoteAddress ?? ''
    const place: Place = { kind, address, socket }
    placeOf.set(socket, place)
    const places = groups[kind].get(address) ?? new Set()
    groups[kind].set(address, places.add(place))
  }

  function take (newcomer: Socket): Socket | undefined {
    for (const kind of ['idle', 'reading'] as const) {
      for (const { socket } of largest(groups[kind]) ?? []) {
        if (socket === undefined || socket === newcomer) continue
        remove(socket)
        return socket
      }
    }
    return undefined
  }

  function * all (): Iterable<Socket> {
    for (const places of Object.values(groups).flatMap((group) => [...group.values()])) {
      for (const { socket } of places) if (socket !== undefined) yield socket
    }
  }

  return { add, remove, all, take }
}
