import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'
import { readInTurns } from '../../src/service/read-turns.js'
import { createSpareConnections } from '../../src/service/spare-connections.js'
import { createStartQueue } from '../../src/service/start-queue.js'
import { busyFor } from '../support/busy-for.js'
import { request } from '../support/raw-http.js'
import { until } from '../support/until.js'

const PACKETS = 21
const WORK_MS = 40

async function dial (server: Server) {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

interface Seen {
  /** What each packet is found to have taken. */
  times: number[]
  /** Packets that had an end, and no beginning. */
  endless: number
}

interface Given {
  isBusy: boolean
  packet: string
  /** What a request takes before it is noted, and to have all other connections wait. */
  requestMs?: number
  pauseMs?: number
}

/** Packets to a server, each in one turn of the event loop with other work after it. */
async function readBesideWork (t: Test, { isBusy, packet, requestMs = 0, pauseMs = 0 }: Given): Promise<Seen> {
  const read = { requests: 0 }
  const http = createHttpServer((_request, response) => { response.end('x') })
  http.prependListener('request', () => {
    busyFor(requestMs)
    read.requests++
  })
  const work = createServer((socket) => { socket.on('data', () => busyFor(WORK_MS)) })
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
    work.close()
  })
  const seen: Seen = { times: [], endless: 0 }
  let from: number | undefined
  const starts = {
    ...createStartQueue(),
    isBusy: () => isBusy,
    read: (_client: string, resume: () => void) => resume(),
    noteRead: () => {
      seen.times.push(0)
      from = performance.now()
      return false
    },
    noteProgress: () => {
      if (from === undefined) seen.endless++
      else seen.times.splice(-1, 1, performance.now() - from)
    },
  }
  const all = (): Iterable<Socket> => {
    busyFor(pauseMs)
    return []
  }
  readInTurns(http, starts, { ...createSpareConnections(), all })
  const [client, other] = [await dial(http), await dial(work)]
  client.resume()
  for (let n = 1; n <= PACKETS; n++) {
    client.write(packet)
    other.write('x')
    await until(() => read.requests >= n)
  }
  client.destroy()
  other.destroy()
  seen.times.sort((a, b) => a - b)
  return seen
}

const medianOf = (times: number[]): number => times[Math.floor(times.length / 2)] ?? Infinity

export default async function (t: Test): Promise<void> {
  t.test('service/read-turns', async (t) => {
    await t.test('what else a turn does is not the time of the packet before it', async (t) => {
      const { times } = await readBesideWork(t, { isBusy: true, packet: request('GET / HTTP/1.1') })
      t.ok(medianOf(times) < WORK_MS / 2, `${medianOf(times)} ms, where the work took ${WORK_MS}`)
    })

    await t.test('nor is what it takes to have thousands of others wait', async (t) => {
      const packet = request('GET / HTTP/1.1').repeat(2)
      const { times } = await readBesideWork(t, { isBusy: true, packet, requestMs: 25, pauseMs: 200 })
      const median = medianOf(times)
      t.ok(median >= 25 && median < 200, `${median} ms, where a request took 25 and the others 200`)
    })

    await t.test('while there is no work no packet is noted, nor what goes on in it', async (t) => {
      const seen = await readBesideWork(t, { isBusy: false, packet: request('GET / HTTP/1.1').repeat(3) })
      t.same(seen, { times: [], endless: 0 })
    })
  })
}
