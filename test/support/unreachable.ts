import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import { REFUSING_URL } from './app.js'
import { ROOT, run } from './process.js'

const fixture = (name: string): string => readFileSync(join(ROOT, 'test/fixtures/tls', name), 'utf8')

/** Listens on any port and goes with the test. */
async function listen (t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}))
  })
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

/** A server behind TLS with a certificate of `test/fixtures/tls`, which says 401 as Kratos does. */
export async function startTlsServer (t: Test, certificate: string, options: TlsOptions = {}): Promise<string> {
  const body = '{"error":{"code":401,"id":"session_inactive"}}'
  const head =
    `HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
  const server = createTlsServer(
    { key: fixture('server.key'), cert: fixture(`${certificate}.pem`), ...options },
    (socket) => {
      socket.on('error', () => {}).once('data', () => socket.end(head + body))
    },
  )
  return `https://127.0.0.1:${await listen(t, server.on('tlsClientError', () => {}))}`
}

const HALF = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id":"'

/** What becomes of a TLS connection once the request is there; `wire` is the socket below TLS. */
const BREAKS: Record<string, (tls: Socket, wire: Socket | undefined) => void> = {
  'reset before the head': (_tls, wire) => wire?.resetAndDestroy(),
  'reset in the body': (tls, wire) => tls.write(HALF, () => wire?.resetAndDestroy()),
  // Without TLS' own word for an end.
  'an end in the body': (tls, wire) => tls.write(HALF, () => wire?.end()),
}

/** Servers behind good TLS that breaks after the handshake, by what breaks it; for one connection after the other. */
export async function startBreakingTlsServers (t: Test): Promise<Array<[name: string, url: string]>> {
  const certificate = { key: fixture('server.key'), cert: fixture('good.pem') }
  const start = async ([name, breakTls]: [string, typeof BREAKS[string]]): Promise<[string, string]> => {
    let wire: Socket | undefined
    const server = createTlsServer(certificate, (tls) => {
      tls.on('error', () => {}).once('data', () => breakTls?.(tls, wire))
    })
    server.on('connection', (socket: Socket) => {
      wire = socket
    })
    return [name, `https://127.0.0.1:${await listen(t, server)}`]
  }
  return await Promise.all(Object.entries(BREAKS).map(start))
}

/** Speaks HTTP where TLS is due. */
export const startPlainServer = async (t: Test): Promise<string> =>
  `https://127.0.0.1:${await listen(t, createHttpServer((_request, response) => response.end()))}`

/** Faults of the way to Kratos, each with the URL of a Kratos that has it. */
export const UNREACHABLE: Array<[name: string, kratosUrl: (t: Test) => string | Promise<string>]> = [
  ['connection refused (J01)', () => REFUSING_URL],
  // No DNS query can hold a label of 64 letters, so the resolver fails without asking anybody.
  ['no such name (J01)', () => `http://${'x'.repeat(64)}.invalid:4433`],
  ['a certificate that nobody signed (J21)', (t) => startTlsServer(t, 'self-signed')],
  ['plain HTTP where TLS is due (J21)', startPlainServer],
]

/** A program that listens and never accepts: its event loop stands still. */
const DEAF = `
  const server = require('node:net').createServer().listen(0, '127.0.0.1', 1, () => {
    require('node:fs').writeSync(1, 'port ' + server.address().port + '\\n')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

const connects = (t: Test, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1').on('error', () => resolve(false)).on('connect', () => resolve(true))
    t.teardown(() => socket.destroy())
    setTimeout(() => resolve(false), 200)
  })

/**
 * A port of this machine that swallows connection attempts (J03): nobody accepts, and the queue of those who wait is
 * full.
 * @returns undefined where the system queues on all the same
 */
export async function startBlackHole (t: Test): Promise<string | undefined> {
  const program = run(t, ['--eval', DEAF])
  await program.printed(/port \d+\n/)
  const port = Number(/port (\d+)/.exec(program.output())?.[1])
  for (let waiting = 0; waiting < 16; waiting++) {
    if (!await connects(t, port)) return `http://127.0.0.1:${port}`
  }
  return undefined
}
