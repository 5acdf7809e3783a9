import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WEBHOOK_KEY } from '../support/app.js'
import { pick } from './sessions.js'

/** Good credentials end in this; a Kratos that is well knows all of them. */
export const GOOD_TOKEN = `ory_st_GOOD${'a1B2'.repeat(7)}`

const HOST = 'Host: localhost:3000\r\n'
const JSON_TYPE = 'Content-Type: application/json\r\n'
const post = (path: string, body: string, headers = ''): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}${JSON_TYPE}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\n${HOST}${headers}\r\n`
const loginBody = (): string =>
  JSON.stringify({
    flow_id: randomUUID(),
    identifier: `user-${Math.floor(Math.random() * 1e6)}@example.test`,
    password: 'x',
  })
const noise = (length: number): string => Array.from({ length }, () => pick([...'abcXYZ012%;="\\\u00e9'])).join('')

export interface Abuse {
  name: string
  every: number
  clients: number
  act: (port: number) => Promise<void>
}

function open (port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  return socket.on('error', () => {}).on('data', () => {})
}

/** Sends bytes, waits as long as told, and goes, with or without a word. */
async function sendAndLeave (port: number, bytes: string, waitMs: number): Promise<void> {
  const socket = open(port)
  socket.write(bytes, 'latin1')
  await sleep(waitMs)
  if (Math.random() < 0.5) socket.resetAndDestroy()
  else socket.destroy()
}

/** Sends bytes and waits until the service has closed, which some of these requests wait for on purpose. */
async function untilClosed (port: number, ...pieces: string[]): Promise<void> {
  const socket = open(port)
  const closed = new Promise((resolve) => {
    socket.once('close', resolve)
  })
  for (const piece of pieces) {
    socket.write(piece, 'latin1')
    await sleep(1000)
  }
  await closed
}

async function unread (port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.write(get('/nope').repeat(25))
  await sleep(500)
  socket.destroy()
}

const GARBAGE = (): string[] => [
  `Cookie: ory_kratos_session=${noise(30)}\r\n`,
  `Cookie: ory_kratos_session=${randomUUID()}; ory_kratos_session=${randomUUID()}\r\n`,
  `X-Session-Token: ${noise(40)}\r\n`,
  `Cookie: ory_kratos_session=MTc5${randomUUID()}\r\n`,
  `Authorization: Bearer ory_st_${randomUUID().replaceAll('-', '')}\r\n`,
  `Cookie: ${noise(4000)}\r\n`,
]

const webhook = (key: string): string =>
  post(
    '/internal/auth/user-created',
    JSON.stringify({
      identity: {
        id: `5eed0000-0000-4000-8000-00000000${String(Math.floor(Math.random() * 100)).padStart(4, '0')}`,
        traits: { email: 'x@example.test' },
        updated_at: new Date().toISOString(),
      },
    }),
    `X-Webhook-Key: ${key}\r\n`,
  )

/**
 * What the service has to bear at the same time, for as long as it takes: each by some clients, at a pace in
 * milliseconds.
 */
export const ABUSES: Abuse[] = [
  {
    name: 'garbage credentials',
    every: 30,
    clients: 3,
    act: (port) =>
      sendAndLeave(
        port,
        pick(GARBAGE().map((headers) => get(pick(['/api/auth/whoami', '/api/documents']), headers))),
        50,
      ),
  },
  {
    name: 'oversized headers, URLs and bodies',
    every: 200,
    clients: 2,
    act: (port) =>
      sendAndLeave(
        port,
        pick([
          get('/health/alive', `X-Big: ${'x'.repeat(20_000)}\r\n`),
          get(`/${'x'.repeat(30_000)}`),
          get('/health/alive', 'a:\r\n'.repeat(500)),
          post('/api/auth/flows/login', 'x'.repeat(100_000)),
          post(
            '/api/documents',
            JSON.stringify({ title: 't', content: 'x'.repeat(300_000) }),
            `X-Session-Token: ${GOOD_TOKEN}\r\n`,
          ),
        ]),
        100,
      ),
  },
  {
    name: 'slow headers',
    every: 100,
    clients: 5,
    act: (port) => untilClosed(port, 'GET / HTTP/1.1\r\n', 'X-A: b\r\n'),
  },
  {
    name: 'slow bodies',
    every: 100,
    clients: 5,
    act: (port) => untilClosed(port, post('/api/auth/flows/login', ' '.repeat(100)).slice(0, -50), ' ', ' '),
  },
  { name: 'silence', every: 100, clients: 5, act: (port) => untilClosed(port) },
  {
    name: 'disconnects midway',
    every: 20,
    clients: 4,
    act: (port) =>
      sendAndLeave(
        port,
        pick([
          get('/api/auth/flows/login'),
          get('/api/auth/whoami', `X-Session-Token: ${GOOD_TOKEN}\r\n`),
          get('/api/documents', `X-Session-Token: ${randomUUID()}\r\n`),
          post('/api/auth/flows/login', loginBody()),
          post('/api/auth/flows/login', loginBody()).slice(0, -10),
        ]),
        Math.random() * 20,
      ),
  },
  {
    name: 'pipelining',
    every: 300,
    clients: 2,
    act: async (port) =>
      pick([
        () => sendAndLeave(port, get('/api/auth/flows/login').repeat(20), 200),
        () => sendAndLeave(port, get('/health/alive').repeat(2000), 200),
        () => unread(port),
      ])(),
  },
  {
    name: 'floods of logins',
    every: 5,
    clients: 3,
    act: (port) =>
      sendAndLeave(
        port,
        post(
          '/api/auth/flows/login',
          loginBody(),
          `X-Forwarded-For: 10.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}.7\r\n`,
        ),
        30,
      ),
  },
  {
    name: 'webhooks with good and bad keys',
    every: 50,
    clients: 1,
    act: (port) => sendAndLeave(port, webhook(pick([WEBHOOK_KEY, noise(32), ''])), 50),
  },
  {
    name: 'broken HTTP',
    every: 200,
    clients: 1,
    act: (port) =>
      sendAndLeave(
        port,
        pick([
          'GARBAGE\r\n\r\n',
          'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n',
          get('/health/alive', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
          get('/health/alive', 'Expect: x\r\n'),
          'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        ]),
        50,
      ),
  },
]

/** Goes on until the signal fires; gives how often it acted. */
export async function keepUp ({ every, act }: Abuse, port: number, signal: AbortSignal): Promise<number> {
  let count = 0
  while (!signal.aborted) {
    await act(port)
    count++
    await sleep(every)
  }
  return count
}
