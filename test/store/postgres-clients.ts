import type { Test } from 'tap'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'
import pg from 'pg'
import { openStore, type Store, type StoreOptions } from '../../src/service/store/store.js'

export const UNAVAILABLE = { name: 'StoreUnavailableError', code: 'DATABASE_UNAVAILABLE' }

/** A busy machine is no ill database. */
export const PATIENT = { waitMs: 30_000, statementTimeoutMs: 30_000 }

/** Closed at the end of its test; patient but for what is asked. */
export async function open (t: Test, options: StoreOptions): Promise<Store> {
  const store = await openStore({ ...PATIENT, ...options })
  t.teardown(() => store.close())
  return store
}

/** A connection beside the store. */
export async function connect (t: Test, url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end())
  return client
}

/** An empty database of the same server. */
export async function newDatabase (t: Test, url: string): Promise<string> {
  const name = `d${randomUUID().replaceAll('-', '')}`
  const client = await connect(t, url)
  await client.query(`CREATE DATABASE ${name}`)
  return url.replace(/[^/]+$/, name)
}

/** Every connection of this address has the setting. */
export function urlWith (url: string, setting: string): string {
  return `${url}?options=${encodeURIComponent(`-c ${setting}`)}`
}

interface Proxy {
  url: string
  /** Cuts all connections at once. */
  cut: () => void
  /** How many there were. */
  connections: () => number
}

/** Passes everything on. */
export async function cuttableProxy (t: Test, url: string): Promise<Proxy> {
  let connections = 0
  const sockets = new Set<Socket>()
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const target = new URL(url)
  const port = Number(target.port)
  const proxy = createServer((socket) => {
    connections++
    const upstream = createConnection(port, target.hostname)
    for (const end of [socket, upstream]) sockets.add(end.on('error', () => {}))
    socket.pipe(upstream).pipe(socket)
  })
  t.teardown(() => {
    proxy.close()
    cut()
  })
  target.port = String(await listen(proxy))
  return { url: target.href, cut, connections: () => connections }
}

/** Passes everything on but what `LISTEN` is for: messages of type A, NotificationResponse. */
export async function deafProxy (t: Test, url: string): Promise<string> {
  const target = new URL(url)
  const port = Number(target.port)
  const proxy = createServer((socket) => {
    const upstream = createConnection(port, target.hostname)
    for (const end of [socket, upstream]) end.on('error', () => {}).on('close', () => [socket, upstream].map((one) => one.destroy()))
    let rest = Buffer.alloc(0)
    socket.pipe(upstream)
    upstream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      // One letter, then the length of all that follows it.
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const message = rest.subarray(0, 1 + rest.readUInt32BE(1))
        rest = rest.subarray(message.length)
        if (message[0] !== 0x41) socket.write(message)
      }
    })
  })
  t.teardown(() => proxy.close())
  target.port = String(await listen(proxy))
  return target.href
}

/** An address that accepts connections and never says a word. */
export async function silentServer (t: Test): Promise<string> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `postgres://u:secret@127.0.0.1:${await listen(server)}/d`
}

async function listen (server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
