import t, { type Test } from 'tap'
import { createGate } from '../../src/kratos-client/gate.js'
import { createTransport, type Transport, type TransportOptions, type UpstreamRequest } from '../../src/kratos-client/transport.js'
import {
  answer, drip, endBeforeHeaders, type FaultServer, flood, hang, type Reaction, resetBeforeHeaders, resetInBody, slowHeaders, startFaultServer, truncate
} from '../support/fault-server.js'

const MIB = 1024 * 1024
const OK = answer(200, { ok: true })

t.test('the gate in front of the pool (J23)', async (t) => {
  const never = new AbortController().signal

  t.test('admits as many as there are slots, queues as many as it may, refuses the rest', async (t) => {
    const gate = createGate({ slots: 2, queue: 1 })
    t.same(await Promise.all([gate.enter(never), gate.enter(never)]), ['entered', 'entered'])
    const third = gate.enter(never)
    t.equal(gate.waiting(), 1)
    t.equal(await gate.enter(never), 'full')
    gate.leave()
    t.equal(await third, 'entered', 'a slot that is left goes to the one who waits')
    t.equal(gate.waiting(), 0)
  })

  t.test('is first come, first served', async (t) => {
    const gate = createGate({ slots: 1, queue: 5 })
    await gate.enter(never)
    const order: number[] = []
    const turns = [1, 2, 3].map((n) => gate.enter(never).then(() => order.push(n)))
    for (const turn of turns) {
      gate.leave()
      await turn
    }
    t.same(order, [1, 2, 3])
  })

  t.test('lets a waiting caller go the moment it gives up, and its place is free', async (t) => {
    const gate = createGate({ slots: 1, queue: 1 })
    await gate.enter(never)
    const controller = new AbortController()
    const waiting = gate.enter(controller.signal)
    controller.abort()
    t.equal(await waiting, 'aborted')
    t.equal(gate.waiting(), 0)
    const next = gate.enter(never)
    gate.leave()
    t.equal(await next, 'entered', 'the slot goes to the next, not to the one who left')
    t.equal(await gate.enter(AbortSignal.abort()), 'aborted', 'who gave up before takes no place')
  })

  t.test('forgets who was admitted: a later abort gives no slot away', async (t) => {
    const gate = createGate({ slots: 1, queue: 2 })
    await gate.enter(never)
    const controller = new AbortController()
    const second = gate.enter(controller.signal)
    gate.leave()
    await second
    controller.abort()
    const third = gate.enter(never)
    t.equal(gate.waiting(), 1)
    gate.leave()
    t.equal(await third, 'entered')
  })
})

interface Setup { server: FaultServer, transport: Transport }

async function setUp (t: Test, reaction: Reaction, options: Partial<TransportOptions> = {}): Promise<Setup> {
  const server = await startFaultServer(t, reaction)
  const transport = createTransport({ url: server.url, connections: 8, queue: 8, connectTimeoutMs: 1000, maxBodyBytes: MIB, maxHeaderBytes: 16 * 1024, ...options })
  t.teardown(() => transport.close())
  return { server, transport }
}

const get = (deadlineMs = 300): UpstreamRequest => ({ method: 'GET', path: '/x', deadlineMs })
const post = (deadlineMs = 300): UpstreamRequest => ({ method: 'POST', path: '/x', body: { a: 1 }, deadlineMs })

/** Once answered, the connection is dropped at its next request, as an idle connection is that the other side gave up. */
const dropsReused: Reaction = (socket, request) => (request.nthOnSocket === 0 ? OK : endBeforeHeaders)(socket, request)

t.test('one call to Kratos', async (t) => {
  const faults: Array<[name: string, reaction: Reaction, code: string]> = [
    ['no answer (J04)', hang, 'UPSTREAM_TIMEOUT'],
    ['half a head', slowHeaders, 'UPSTREAM_TIMEOUT'],
    ['a dripping body (J10)', drip, 'UPSTREAM_TIMEOUT'],
    ['reset before the head', resetBeforeHeaders, 'UPSTREAM_ERROR'],
    ['end before the head', endBeforeHeaders, 'UPSTREAM_ERROR'],
    ['reset in the body (J08)', resetInBody, 'UPSTREAM_ERROR'],
    ['a body shorter than announced (J08)', truncate({ ok: true }), 'UPSTREAM_ERROR'],
    ['more than 1 MiB, announced (J12)', flood(5 * MIB, { chunked: false }), 'UPSTREAM_ERROR'],
    ['more than 1 MiB, chunked (J12)', flood(5 * MIB, { chunked: true }), 'UPSTREAM_ERROR'],
    ['a head of 20 kB', answer(200, {}, [['X-Pad', 'x'.repeat(20_000)]]), 'UPSTREAM_ERROR'],
    ['no HTTP', (socket) => { socket.write('SSH-2.0-OpenSSH\r\n\r\n') }, 'UPSTREAM_ERROR'],
    ['101 (J20)', (socket) => { socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n') }, 'UPSTREAM_ERROR'],
    ['100 and nothing more (J20)', (socket) => { socket.write('HTTP/1.1 100 Continue\r\n\r\n') }, 'UPSTREAM_ERROR'],
    ['103 and nothing more (J20)', (socket) => { socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n') }, 'UPSTREAM_TIMEOUT'],
    ['two lengths', (socket) => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}') }, 'UPSTREAM_ERROR'],
    ['truncated JSON (J11)', answer(200, '{"id":"a', [['Content-Type', 'application/json']]), 'UPSTREAM_ERROR'],
    ['JSON nested a hundred thousand times (J11)', answer(200, `{"id":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 'UPSTREAM_ERROR'],
    ['two JSON documents (J17)', answer(502, '{"error":{}}\n{"id":"a"}', [['Content-Type', 'application/json']]), 'UPSTREAM_ERROR'],
  ]
  const { server, transport } = await setUp(t, hang)
  for (const [name, reaction, code] of faults) {
    for (const request of [get(), post()]) {
      server.react(reaction)
      const before = server.requests.length
      const start = Date.now()
      t.match(await transport.send(request), { kind: 'ill', code }, `${request.method}: ${name}`)
      t.ok(Date.now() - start <= 300 + 250, `${request.method}: ${name}, in time`)
      t.ok(server.requests.length - before <= (request.method === 'GET' ? 2 : 1), `${request.method}: ${name}, repeated at most as allowed`)
      server.react(OK)
      t.match(await transport.send(get()), { kind: 'answer', body: { ok: true } }, `${request.method}: ${name}, and the next call works`)
    }
  }
})

t.test('a refused connection is 503 at once, and heals (J01)', async (t) => {
  const { server, transport } = await setUp(t, OK)
  await server.stop()
  for (const request of [get(), post()]) {
    const start = Date.now()
    t.match(await transport.send(request), { kind: 'ill', code: 'UPSTREAM_UNAVAILABLE' })
    t.ok(Date.now() - start < 100)
  }
  await server.start()
  t.match(await transport.send(get()), { kind: 'answer' })
})

t.test('a reused idle socket that ends (J06)', async (t) => {
  const { server, transport } = await setUp(t, dropsReused, { connections: 1 })
  await transport.send(get())
  t.match(await transport.send(get()), { kind: 'answer', body: { ok: true } }, 'a GET is sent once more')
  t.same(server.requests.map(({ nthOnSocket }) => nthOnSocket), [0, 1, 0], 'on a new socket')
  t.match(await transport.send(post()), { kind: 'ill', code: 'UPSTREAM_ERROR' }, 'a POST is not')
  t.equal(server.requests.length, 4)
})

t.test('an answer that breaks off is not asked for again: what was asked may have happened (J08)', async (t) => {
  const { server, transport } = await setUp(t, resetInBody)
  await transport.send(get())
  t.equal(server.requests.length, 1)
})

t.test('a body over the limit ends its connection instead of being read (J12)', async (t) => {
  let ended = (): void => {}
  const gone = new Promise<void>((resolve) => { ended = resolve })
  const { server, transport } = await setUp(t, (socket) => {
    socket.on('close', ended).write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
    const more = (): void => { if (!socket.destroyed) socket.write(chunk, more) }
    more()
  })
  t.match(await transport.send(get(2000)), { kind: 'ill', code: 'UPSTREAM_ERROR' })
  await gone
  server.react(OK)
  t.match(await transport.send(get()), { kind: 'answer' })
})

t.test('busy sockets (J23)', async (t) => {
  const { server, transport } = await setUp(t, hang, { connections: 2, queue: 3 })
  const start = Date.now()
  const inside = [transport.send(get(400)), transport.send(post(400))]
  const waiting = Array.from({ length: 3 }, () => transport.send(get(200)))
  t.match(await transport.send(get()), { kind: 'ill', code: 'OVERLOADED' }, 'the queue is bounded')
  t.ok(Date.now() - start <= 50, 'and says so at once')
  t.match(await Promise.all(waiting), Array(3).fill({ kind: 'ill', code: 'UPSTREAM_TIMEOUT' }), 'waiting counts into the deadline')
  t.ok(Date.now() - start < 400, 'who waits leaves on time, although nobody left a slot')
  await Promise.all(inside)
  t.equal(server.requests.length, 2, 'who waited in vain never reached Kratos')
  server.react(OK)
  await Promise.all([transport.send(get()), transport.send(get())])
  const later = await Promise.all(Array.from({ length: 5 }, () => transport.send(get())))
  t.ok(later.every(({ kind }) => kind === 'answer'), 'all slots are free again')
})

t.test('the address of a call is a constant path, values stand encoded in the query (D01)', async (t) => {
  const { server } = await setUp(t, OK)
  const transport = createTransport({ url: `${server.url}/base/path/`, connections: 1, queue: 1, connectTimeoutMs: 1000, maxBodyBytes: MIB, maxHeaderBytes: 16 * 1024 })
  t.teardown(() => transport.close())
  const values = ['../../admin', 'x?y', 'x#y', '&admin=1', '%26', ';', '\uff0f', 'a b', '\r\nHost: evil', '\ud800', 'x'.repeat(2000)]
  for (const value of values) {
    await transport.send({ ...get(), path: '/self-service/login', query: { flow: value, none: undefined } })
    const { target, head } = server.requests.at(-1) ?? { target: '', head: '' }
    t.match(target, /^\/base\/path\/self-service\/login\?flow=[A-Za-z0-9%+*._-]+$/, JSON.stringify(value.slice(0, 20)))
    t.equal(new URLSearchParams(target.split('?')[1]).get('flow'), new TextDecoder().decode(new TextEncoder().encode(value)))
    t.equal(head.match(/\r\nhost:/gi)?.length, 1)
  }
})

t.test('a transport that is closed answers its open calls as faults', async (t) => {
  const { transport } = await setUp(t, hang)
  const open = transport.send(get(2000))
  await transport.close()
  t.match(await open, { kind: 'ill' })
  t.match(await transport.send(get()), { kind: 'ill', code: 'UPSTREAM_ERROR' })
})
