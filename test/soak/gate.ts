import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'

export interface Gate {
  /** Of the database, through the gate. */
  url: string
  open: () => void
  /** Cuts every connection, and each that comes. */
  close: () => void
  end: () => void
}

/** A way to a database that can be cut off and come back. */
export async function startGate (database: string): Promise<Gate> {
  const url = new URL(database)
  const [port, host] = [Number(url.port), url.hostname]
  const sockets = new Set<Socket>()
  let isOpen = true
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (!isOpen) {
      socket.destroy()
      return
    }
    const upstream = createConnection(port, host)
    for (const [end, other] of [[socket, upstream], [upstream, socket]] as const) {
      sockets.add(end)
      end.on('error', () => {}).on('close', () => {
        sockets.delete(end)
        other.destroy()
      })
    }
    socket.pipe(upstream).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url.port = String((server.address() as AddressInfo).port)
  const close = (): void => {
    isOpen = false
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    open: () => {
      isOpen = true
    },
    close,
    end: () => {
      close()
      server.close()
    },
  }
}
