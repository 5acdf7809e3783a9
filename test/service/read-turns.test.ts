import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { readInTurns } from '../../src/service/read-turns.js'
import { createSpareConnections } from '../../src/service/spare-connections.js'
import { createStartQueue } from '../../src/service/start-queue.js'
import { busyFor } from '../support/busy-for.js'
import { request } from '../support/raw-http.js'

const PACKETS = 21
const WORK_MS = 40

async function dial (server: Server) {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** What each packet is said to have taken, where the same turn of the event loop has other work after it. */
async function timesBesideWork (t: Test, packet: string): Promise<number[]> {
  const http = createHttpServer((_request, response) => { response.end('x') })
  const work = createServer((socket) => { socket.on('data', () => busyFor(WORK_MS)) })
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
    work.close()
  })
  const times: number[] = []
  const starts = {
    ...createStartQueue(),
    isBusy: () => true,
    read: (_client: string, resume: () => void) => resume(),
    noteRead: (_client: string, ms: number) => {
      times.push(ms)
      return false
    },
  }
  readInTurns(http, starts, createSpareConnections())
  const [client, other] = [await dial(http), await dial(work)]
  client.resume()
  for (let n = 1; n <= PACKETS; n++) {
    client.write(packet)
    other.write('x')
    while (times.length < n) await sleep(1)
  }
  client.destroy()
  other.destroy()
  return times.sort((a, b) => a - b)
}

export default async function (t: Test): Promise<void> {
  t.test('service/read-turns', async (t) => {
    await t.test('what else a turn does is not the time of the packet before it', async (t) => {
      const times = await timesBesideWork(t, request('GET / HTTP/1.1'))
      const median = times[Math.floor(PACKETS / 2)] ?? Infinity
      t.ok(median < WORK_MS / 2, `${median} ms, where the work took ${WORK_MS}`)
    })
  })
}
