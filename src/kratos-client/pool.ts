import type { Socket } from 'node:net'
// By its file: Bun has an empty stub of its own in the place of the package.
import { buildConnector, Client, type Dispatcher, Pool } from 'undici/index.js'
import type { CallDispatch } from './call.js'

export interface PoolLimits {
  connections: number
  connectTimeoutMs: number
  maxHeaderBytes: number
  connectionTtlMs?: number | undefined
}

export type CreatePool = (origin: string, limits: PoolLimits) => Dispatcher

/** Most calls of a quiet service use one connection: it has to change often for a new Kratos to get its share. */
const CONNECTION_TTL_MS = 3000
/** More than these live longer in proportion, so that a busy pool makes no more than some four connections a second. */
const FEW_CONNECTIONS = 8

// Of the same age, connections are renewed in the same order for ever, and a balancer that takes turns gives each of
// them to the Kratos that it had before.
const lifeOf = (ttlMs: number, open: number): number =>
  ttlMs * Math.max(1, open / FEW_CONNECTIONS) * (1 + 2 * Math.random()) / 3

// Dispatches a call that waited in its own async context. The last call of an old connection says `Connection: close`,
// so that none is cut off; undici's own `clientTtl` lets calls wait for ever while all clients are closing.
class PoolClient extends Client {
  #expiresAt = Infinity

  constructor (origin: URL, options: object, lifeMs: () => number) {
    super(origin, options)
    this.on('connect', () => {
      this.#expiresAt = performance.now() + lifeMs()
    })
    this.on('disconnect', () => {
      this.#expiresAt = Infinity
    })
  }

  override dispatch (options: CallDispatch, handler: Dispatcher.DispatchHandler): boolean {
    const isOld = performance.now() > this.#expiresAt
    const upstream = isOld ? { ...options, reset: true } : options
    const dispatch = (): boolean => super.dispatch(upstream, handler)
    return options.call === undefined ? dispatch() : options.call.inContext(dispatch)
  }
}

const BEGIN_OF_CONTINUE = Buffer.from('HTTP/1.1 100')
const CONTINUE = /^(?:HTTP\/1\.1 100[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)+/

/** @param chunk of an answer: JSON has no line end followed by another, so these bytes begin none of its pieces */
function withoutContinue (chunk: Buffer): Buffer {
  if (!chunk.subarray(0, BEGIN_OF_CONTINUE.length).equals(BEGIN_OF_CONTINUE)) return chunk
  return chunk.subarray(CONTINUE.exec(chunk.toString('latin1'))?.[0].length ?? 0)
}

/** A client reads over a 100 that it has not asked for (RFC 9110, section 15.2); undici ends the connection. */
function readOverContinue (socket: Socket): void {
  const read = socket.read.bind(socket)
  socket.read = (size?: number): unknown => {
    const chunk: unknown = read(size)
    const rest = Buffer.isBuffer(chunk) ? withoutContinue(chunk) : chunk
    return Buffer.isBuffer(rest) && rest.length === 0 ? read(size) : rest
  }
}

function createConnector (timeout: number): buildConnector.connector {
  const connect = buildConnector({ timeout })
  return (options, callback) =>
    connect(options, (...outcome) => {
      if (outcome[0] === null) readOverContinue(outcome[1])
      callback(...outcome)
    })
}

/** Loaded where it is used: undici is a quarter of what the plugin loads, and an app may bring its own dispatcher. */
export const createPool: CreatePool = (origin, limits) => {
  const { connections, connectTimeoutMs, maxHeaderBytes, connectionTtlMs = CONNECTION_TTL_MS } = limits
  let open = 0
  const lifeMs = (): number => lifeOf(connectionTtlMs, open)
  const pool = new Pool(origin, {
    connections,
    factory: (origin, options) => new PoolClient(origin, options, lifeMs),
    pipelining: 1,
    maxHeaderSize: maxHeaderBytes,
    connect: createConnector(connectTimeoutMs),
  })
  pool.on('connect', () => open++).on('disconnect', () => open--)
  return pool
}
