import type { Client, ClientConfig } from 'pg'
import type { Bus } from '../sessions/bus.js'

export type { Bus }

export interface PostgresBusOptions {
  /** Not through a pooler of transactions: it would hand the connection to somebody else. */
  url: string
  /** The connection is lost, or was not to be had; it is tried again until `close`. */
  onError?: ((error: unknown) => void) | undefined
  onConnected?: (() => void) | undefined
  /** Connected, and not a word of its own comes back: something in between shares the connection with others. */
  onUnheard?: (() => void) | undefined
}

export interface PostgresBus extends Bus {
  /** After the app has said goodbye to the others, which it does before `onClose`. */
  close: () => Promise<void>
}

const CHANNEL = 'fastify_kratos'
/** A server that says nothing for so long is not there. */
const TIMEOUT_MS = 1500
/** Messages without one that comes back; the server sends each to its sender before it confirms it. */
const UNHEARD = 5
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000

const nothing = (): void => {}

async function loadPg () {
  try {
    return (await import('pg')).default
  } catch (cause) {
    throw new Error('postgresBus needs the package pg: npm install pg', { cause })
  }
}

/** `LISTEN` and `NOTIFY` on one connection of its own, made anew whenever it ends; the start waits for none. */
export async function postgresBus (
  { url, onError = nothing, onConnected = nothing, onUnheard = nothing }: PostgresBusOptions,
): Promise<PostgresBus> {
  const pg = await loadPg()
  const config: ClientConfig = {
    connectionString: url,
    application_name: 'fastify-kratos bus',
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    keepAlive: true,
  }
  const listeners: Array<Parameters<Bus['subscribe']>[0]> = []
  /** The connection that is being made, or used; a lost one is none. */
  let client: Client | undefined
  let isConnected = false
  let timer: NodeJS.Timeout | undefined
  let pauseMs = FIRST_PAUSE_MS
  let isClosed = false
  let unheard = 0

  function lose (lost: Client, error: unknown): void {
    if (isClosed || lost !== client) return
    lost.end().catch(() => {})
    client = undefined
    isConnected = false
    onError(error)
    clearTimeout(timer)
    timer = setTimeout(connect, pauseMs)
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }

  function connect (): void {
    const next = new pg.Client(config)
    client = next
    next.on('error', (error) => lose(next, error))
    next.on('end', () => lose(next, new Error('the connection of the bus has ended')))
    next.on('notification', ({ payload = '' }) => {
      unheard = 0
      for (const { onMessage } of listeners) onMessage(payload)
    })
    next.connect().then(() => next.query(`LISTEN ${CHANNEL}`)).then(() => {
      if (isClosed) return next.end()
      isConnected = true
      unheard = 0
      pauseMs = FIRST_PAUSE_MS
      onConnected()
      for (const { onLoss } of listeners) onLoss()
    }).catch((error: unknown) => lose(next, error))
  }

  async function publish (message: string): Promise<void> {
    const current = client
    if (current === undefined || !isConnected) throw new Error('the bus is not connected')
    try {
      await current.query('SELECT pg_notify($1, $2)', [CHANNEL, message])
      if (++unheard === UNHEARD) onUnheard()
    } catch (error) {
      lose(current, error)
      throw error
    }
  }

  connect()
  return {
    publish,
    subscribe: (listener) => {
      listeners.push(listener)
    },
    alive: () => isConnected,
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      // One that is being made ends by itself as soon as it is made.
      if (isConnected) await client?.end().catch(() => {})
    },
  }
}
