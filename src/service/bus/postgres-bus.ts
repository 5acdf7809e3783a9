import type { Client, ClientConfig } from 'pg'
import type { Bus } from '../../sessions/bus.js'

export interface PostgresBusOptions {
  /** Not through a pooler of transactions: it would hand the connection to somebody else. */
  url: string
  onError: (error: unknown) => void
  onConnected: () => void
  /** Connected, and not a word of its own comes back: something in between shares the connection with others. */
  onUnheard: () => void
}

const CHANNEL = 'fastify_kratos'
/** A server that says nothing for so long is not there. */
const TIMEOUT_MS = 1500
/** Messages without one that comes back; the server sends each to its sender before it confirms it. */
const UNHEARD = 5
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000

/** `LISTEN` and `NOTIFY` on one connection of its own, made anew whenever it ends. */
export async function openPostgresBus (
  { url, onError, onConnected, onUnheard }: PostgresBusOptions,
): Promise<Bus & { close: () => Promise<void> }> {
  const { default: pg } = await import('pg')
  const config: ClientConfig = {
    connectionString: url,
    application_name: 'fastify-kratos bus',
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    keepAlive: true,
  }
  const listeners: Array<Parameters<Bus['subscribe']>[0]> = []
  let client: Client | undefined
  let timer: NodeJS.Timeout | undefined
  let pauseMs = FIRST_PAUSE_MS
  let isClosed = false
  let unheard = 0

  function lose (lost: Client, error: unknown): void {
    lost.end().catch(() => {})
    if (isClosed || (client !== undefined && client !== lost)) return
    client = undefined
    onError(error)
    clearTimeout(timer)
    timer = setTimeout(connect, pauseMs)
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }

  function connect (): void {
    const next = new pg.Client(config)
    let isLost = false
    const loseOnce = (error: unknown): void => {
      if (!isLost) lose(next, error)
      isLost = true
    }
    next.on('error', loseOnce)
    next.on('end', () => loseOnce(new Error('the connection of the bus has ended')))
    next.on('notification', ({ payload = '' }) => {
      unheard = 0
      for (const { onMessage } of listeners) onMessage(payload)
    })
    next.connect().then(() => next.query(`LISTEN ${CHANNEL}`)).then(() => {
      if (isClosed) return next.end()
      client = next
      unheard = 0
      pauseMs = FIRST_PAUSE_MS
      onConnected()
      for (const { onLoss } of listeners) onLoss()
    }).catch(loseOnce)
  }

  async function publish (message: string): Promise<void> {
    const current = client
    if (current === undefined) throw new Error('the bus is not connected')
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
    alive: () => client !== undefined,
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await client?.end().catch(() => {})
    },
  }
}
