import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'

/** One request as it stood on the wire. */
export interface Received {
  method: string
  target: string
  /** Everything up to the blank line, byte for byte (latin1). */
  head: string
  body: string
  /** Values of a header, in order of appearance; the name in any case. */
  header: (name: string) => string[]
  /** Position of the request on its connection, from 0: above 0 the socket was reused. */
  nthOnSocket: number
}

/** What the server does with a request: writes bytes, or anything else to the socket. */
export type Reaction = (socket: Socket, request: Received) => void

export interface FaultServer {
  url: string
  requests: Received[]
  /** From now on. */
  react: (reaction: Reaction) => void
  /** Closes the port and all sockets; the port refuses connections until `start`. */
  stop: () => Promise<void>
  start: () => Promise<void>
  openSockets: () => number
}

function parseHead (head: string, body: string, nthOnSocket: number): Received {
  const [requestLine = '', ...lines] = head.split('\r\n')
  const [method = '', target = ''] = requestLine.split(' ')
  const header = (name: string): string[] =>
    lines.filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      .map((line) => line.slice(name.length + 1).trim())
  return { method, target, head, body, header, nthOnSocket }
}

/** Cuts a connection's bytes into requests; undici announces every body by Content-Length. */
function onRequests (socket: Socket, handle: (request: Received) => void): void {
  let pending = ''
  let count = 0
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    pending += chunk
    const end = pending.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(pending.slice(0, end))?.[1] ?? 0)
    if (pending.length < end + 4 + length) return
    const body = Buffer.from(pending.slice(end + 4, end + 4 + length), 'latin1').toString('utf8')
    const request = parseHead(pending.slice(0, end), body, count++)
    pending = pending.slice(end + 4 + length)
    handle(request)
  })
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))

/** A Kratos that is ill on command: a plain TCP server that notes each request as sent and answers as told. */
export async function startFaultServer (t: Pick<Test, 'teardown'>, first: Reaction = hang): Promise<FaultServer> {
  const requests: Received[] = []
  const sockets = new Set<Socket>()
  let reaction = first
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    onRequests(socket, (request) => {
      requests.push(request)
      reaction(socket, request)
    })
  })
  await listen(server, 0)
  const { port } = server.address() as AddressInfo
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.resetAndDestroy()
    })
  t.teardown(stop)
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    react: (next) => {
      reaction = next
    },
    stop,
    start: () => listen(server, port),
    openSockets: () => sockets.size,
  }
}

type HeaderList = Array<[string, string]>

/** The bytes of an answer; headers as given, in order, Content-Length unless a length is told. */
export function bytes (
  status: number,
  headers: HeaderList,
  body: string,
  length: number = Buffer.byteLength(body),
): string {
  const lines = [...headers, ['Content-Length', String(length)]].map(([name, value]) => `${name}: ${value}`)
  return `HTTP/1.1 ${status} Answer\r\n${lines.join('\r\n')}\r\n\r\n${Buffer.from(body).toString('latin1')}`
}

/** A complete answer on a connection that stays open. */
export const answer = (status: number, body: unknown, headers: HeaderList = []): Reaction => (socket) => {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const type: HeaderList = headers.some(([name]) => /content-type/i.test(name)) || body === undefined
    ? []
    : [['Content-Type', 'application/json']]
  socket.write(bytes(status, [...type, ...headers], text), 'latin1')
}

const JSON_TYPE: HeaderList = [['Content-Type', 'application/json; charset=utf-8']]

/** Accepts and never answers. */
export const hang: Reaction = () => {}
export const resetBeforeHeaders: Reaction = (socket) => {
  socket.resetAndDestroy()
}
/** A clean end where an answer was due, as on an idle connection that the other side gave up. */
export const endBeforeHeaders: Reaction = (socket) => {
  socket.end()
}
export const resetInBody: Reaction = (socket) => {
  socket.write(bytes(200, JSON_TYPE, '{"id":"', 500), 'latin1', () => socket.resetAndDestroy())
}
/** A whole head, and then nothing of the body that it announced. */
export const resetAfterHeaders: Reaction = (socket) => {
  socket.write(bytes(200, JSON_TYPE, '', 500), 'latin1', () => socket.resetAndDestroy())
}
/** Ends before the announced length, after JSON that could be taken for complete. */
export const truncate = (body: unknown): Reaction => (socket) => {
  socket.end(bytes(200, JSON_TYPE, JSON.stringify(body), 100_000), 'latin1')
}
/** One byte of the body at a time, for ever as far as any deadline goes. */
export const drip: Reaction = (socket) => {
  socket.write(bytes(200, JSON_TYPE, '', 100_000), 'latin1')
  const timer = setInterval(() => socket.write(' '), 40)
  socket.on('close', () => clearInterval(timer))
}
/** Status line at once, the rest of the head never. */
export const slowHeaders: Reaction = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\nContent-Type: applica')
}
/** A body of this size, with its length announced or chunked; made once, because many may ask for it at a time. */
export function flood (size: number, { chunked }: { chunked: boolean }): Reaction {
  const body = `{"pad":"${'x'.repeat(size)}"}`
  const whole = Buffer.from(
    chunked
      ? `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${
        body.length.toString(16)
      }\r\n${body}\r\n0\r\n\r\n`
      : bytes(200, JSON_TYPE, body),
    'latin1',
  )
  return (socket) => {
    socket.write(whole)
  }
}

interface Recorded {
  status: number
  headers: HeaderList
  body: unknown
}

/** What the real Kratos answered: the exchange of `test/recordings/<number>-*.json` whose step has this name. */
export function recorded (file: string, step: string): Recorded {
  const { exchanges } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../recordings', `${file}.json`), 'utf8'),
  ) as { exchanges: Array<{ step: string, response: Recorded }> }
  const found = exchanges.find((exchange) => exchange.step === step)
  if (found === undefined) throw new Error(`${file} has no step "${step}"`)
  return found.response
}

const FRAMING = /^(?:content-length|transfer-encoding|date|connection)$/i

/** Plays a recorded answer with its headers. */
export function replay (file: string, step: string): Reaction {
  const { status, headers, body } = recorded(file, step)
  const kept = headers.filter(([name]) => !FRAMING.test(name))
  return status === 204 || status === 304
    ? (socket) => {
        socket.write(`HTTP/1.1 ${status} Answer\r\n${kept.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
      }
    : answer(status, body ?? undefined, kept)
}
