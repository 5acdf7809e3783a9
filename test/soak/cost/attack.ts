import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What an attack is given: where, as whom, for how long. */
export interface Target {
  port: number
  /** Tokens of sessions that Kratos knows; the first one's user owns the largest document there can be. */
  tokens: string[]
  documentId: string
  signal: AbortSignal
  /** Sockets for what fills the machine; less on a small one. */
  sockets: number
}

export interface Attack {
  name: string
  /** Milliseconds that the p99 of /health/alive may be above that of the control. */
  mayAdd: number
  /** Goes on until the signal fires; whoever runs it ends the process, and so its sockets. */
  run: (target: Target) => Promise<unknown>
}

export const SINGLE_MS = 100
export const MIX_MS = 250

export const HOST = 'Host: localhost:3000\r\n'
const JSON_TYPE = 'Content-Type: application/json\r\n'

export const get = (path: string, headers = '', method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\n${HOST}${headers}\r\n`

export function send (method: string, path: string, body: unknown, headers = JSON_TYPE): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return `${method} ${path} HTTP/1.1\r\n${HOST}${headers}Content-Length: ${Buffer.byteLength(text, 'latin1')}\r\n\r\n${text}`
}

export const post = (path: string, body: unknown, headers = ''): string =>
  send('POST', path, body, `${JSON_TYPE}${headers}`)

export const bearer = (token: string): string => `Authorization: Bearer ${token}\r\n`

export const repeat = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))

export function open (port: number, localAddress?: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', ...(localAddress !== undefined && { localAddress }) })
  return socket.on('error', () => {})
}

export const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).then(() => {}, () => {})

/** Resolves with the socket's end, or with the signal. */
export const gone = (socket: Socket, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    socket.once('close', () => resolve())
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (socket.destroyed || signal.aborted) resolve()
  })

const ANSWER_MS = 10_000
const PAUSE_MS = 20

/** One batch of requests on a socket until all are answered, the socket is gone, or nothing comes any more. */
function exchange (socket: Socket, bytes: string, answers: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0
    let rest = ''
    const timer = setTimeout(finish, ANSWER_MS)
    function finish (): void {
      clearTimeout(timer)
      socket.off('data', onData).off('close', finish)
      resolve()
    }
    function onData (chunk: Buffer): void {
      const parts = (rest + chunk.toString('latin1')).split('HTTP/1.1 ')
      seen += parts.length - 1
      rest = (parts.at(-1) ?? '').slice(-8)
      if (seen >= answers) finish()
    }
    socket.on('data', onData).on('close', finish)
    if (socket.destroyed) finish()
    else socket.write(bytes, 'latin1')
  })
}

export interface Flood {
  connections: number
  /** Requests that a client sends in one piece. */
  batch?: number
  request: (index: number) => string
  localAddress?: (connection: number) => string
}

/** Clients that send as fast as they are answered, and connect again where they were cut off. */
export async function flood ({ port, signal }: Target, { connections, batch = 1, request, localAddress }: Flood) {
  let sent = 0
  await Promise.all(repeat(connections, async (connection) => {
    let socket = open(port, localAddress?.(connection))
    while (!signal.aborted) {
      if (socket.destroyed) {
        await wait(PAUSE_MS, signal)
        socket = open(port, localAddress?.(connection))
      }
      await exchange(socket, repeat(batch, () => request(sent++)).join(''), batch)
    }
  }))
  return sent
}

/** One request on a connection of its own, until it is answered. */
export async function once ({ port }: Target, request: string): Promise<void> {
  const socket = open(port)
  await exchange(socket, request, 1)
  socket.destroy()
}
