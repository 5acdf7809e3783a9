import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setImmediate as turnOfLoop, setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { cancelScope, RequestScope, timeLeft } from '../../src/kratos-client/request-scope.js'
import { BURST_MS, createAdmissionQueue } from '../../src/kratos-client/admission-queue.js'
import {
  createTransport, type Transport, type TransportOptions,
  type UpstreamRequest,
} from '../../src/kratos-client/transport.js'
import {
  answer,
  drip,
  endBeforeHeaders,
  type FaultServer,
  flood,
  hang,
  type Reaction,
  resetBeforeHeaders,
  resetInBody,
  slowHeaders,
  startFaultServer,
  truncate,
} from '../support/fault-server.js'
import { createPool } from '../../src/kratos-client/pool.js'
import { endsBefore } from '../support/time.js'

const MIB = 1024 * 1024
const OK = answer(200, { ok: true })

interface Setup {
  server: FaultServer
  transport: Transport
}

async function setUp (t: Test, reaction: Reaction, options: Partial<TransportOptions> = {}): Promise<Setup> {
  const server = await startFaultServer(t, reaction)
  const transport = createTransport({
    dispatcher: createPool,
    url: server.url,
    connections: 8,
    queue: 8,
    connectTimeoutMs: 1000,
    maxBodyBytes: MIB,
    maxHeaderBytes: 16 * 1024,
    ...options,
  })
  t.teardown(() => transport.close())
  return { server, transport }
}

/** So long that nothing is late, however busy the machine. */
const PATIENT_MS = 60_000
const get = (deadlineMs = PATIENT_MS): UpstreamRequest => ({ method: 'GET', path: '/x', deadlineMs })
const post = (deadlineMs = PATIENT_MS): UpstreamRequest => ({ method: 'POST', path: '/x', body: { a: 1 }, deadlineMs })

/** Time goes on only where a test says so. @returns lets so many milliseconds pass */
function clockOf (t: Test): (ms: number) => void {
  let now = performance.now()
  const { now: realNow } = performance
  performance.now = () => now
  t.teardown(() => {
    performance.now = realNow
  })
  return (ms) => {
    now += ms
  }
}

/** How many have been used so far. */
const connectionsTo = ({ requests }: Pick<FaultServer, 'requests'>): number =>
  requests.filter(({ nthOnSocket }) => nthOnSocket === 0).length

/**
 * Once answered, the connection is dropped at its next request, as an idle connection is that the other side gave up.
 */
const dropsReused: Reaction = (socket, request) => (request.nthOnSocket === 0 ? OK : endBeforeHeaders)(socket, request)

export default async function (t: Test): Promise<void> {
  t.test('a connection has a longest life, so that a new Kratos behind a balancer gets its share', async (t) => {
    const { server, transport } = await setUp(t, OK, { connections: 2, connectionTtlMs: 60 })
    while (connectionsTo(server) < 6) {
      const outcomes = await Promise.all([get, post, get].map((call) => transport.send(call())))
      t.same(outcomes.filter(({ kind }) => kind !== 'answer'), [], 'no call suffers from it')
      await sleep(5)
    }
    t.ok(server.requests.length > connectionsTo(server), 'and it is used until then')
  })

  t.test('many connections are renewed no oftener than a few, since each costs more than a call', async (t) => {
    const { server, transport } = await setUp(t, OK, { connections: 32, queue: 32, connectionTtlMs: 50 })
    const wait = clockOf(t)
    const run = async (steps: number): Promise<void> => {
      for (let step = 0; step < steps; step++) {
        wait(5)
        await Promise.all(Array.from({ length: 32 }, () => transport.send(get())))
        await turnOfLoop()
      }
    }
    await run(40)
    const before = connectionsTo(server)
    await run(100)
    const [renewed, ofEight] = [connectionsTo(server) - before, 8 * 500 / (50 * 2 / 3)]
    t.ok(renewed > 0, 'they are renewed')
    t.ok(renewed < 2 * ofEight, `${renewed} in 500 ms, where eight make ${ofEight}`)
  })

  t.test('what announces an answer is read over, asked for or not (RFC 9110, section 15.2)', async (t) => {
    const { server, transport } = await setUp(t, hang, { connections: 1 })
    const head = (status: string, ...more: string[]): string => [`HTTP/1.1 ${status}`, ...more, '', ''].join('\r\n')
    const before: string[][] = [
      [head('100 Continue')],
      [head('100')],
      [head('100 Continue', 'X-A: 1', 'X-B: 2')],
      [head('100 Continue') + head('100 Continue')],
      [head('103 Early Hints', 'Link: </x>') + head('102 Processing')],
    ]
    for (const [announcement = ''] of before) {
      for (const call of [get, post]) {
        server.react((socket, request) => {
          socket.write(announcement)
          OK(socket, request)
        })
        t.match(await transport.send(call()), { kind: 'answer', status: 200, body: { ok: true } }, announcement)
        server.react((socket, request) => {
          socket.write(announcement, () => setImmediate(() => OK(socket, request)))
        })
        t.match(await transport.send(call()), { kind: 'answer', status: 200 }, `${announcement} in a packet of its own`)
      }
    }
    server.react(answer(200, { text: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(5000) }))
    const { body } = await transport.send(get()) as { body?: { text: string } }
    t.equal(body?.text.length, 125_000, 'and nothing of an answer is lost')
  })

  t.test('a new Kratos gets its share although two connections are renewed in turn (J29)', async (t) => {
    const instances = await Promise.all([startFaultServer(t, OK), startFaultServer(t, OK)])
    let turn = 0
    // As a balancer of connections does it: each in turn goes to the other one.
    const balancer = createServer((socket) => {
      const upstream = connect(Number(new URL(instances[turn++ % 2]?.url ?? '').port), '127.0.0.1')
      socket.on('error', () => {}).on('close', () => upstream.destroy())
      upstream.on('error', () => {}).on('close', () => socket.destroy())
      socket.pipe(upstream).pipe(socket)
    }).listen(0, '127.0.0.1')
    await once(balancer, 'listening')
    t.teardown(() => balancer.close())
    const url = `http://127.0.0.1:${(balancer.address() as AddressInfo).port}`
    const { transport } = await setUp(t, OK, { url, connections: 2, connectionTtlMs: 50 })
    const least = (): number => {
      const [one = 0, other = 0] = instances.map(({ requests }) => requests.length)
      return Math.min(one, other) / Math.max(1, one + other)
    }
    const wait = clockOf(t)
    const call = async (): Promise<void> => {
      await transport.send(get())
      // Only then its connection is free again.
      await turnOfLoop()
    }
    for (let step = 0; step < 100 || (least() < 0.25 && step < 1300); step++) {
      wait(1)
      // A second call at the same time keeps a second, younger connection; the first one has the rest.
      await Promise.all(step < 10 ? [call()] : [call(), call()])
      for (let n = 0; n < 3; n++) await call()
    }
    t.ok(least() >= 0.25, `the one that is asked less has ${Math.round(least() * 100)} %`)
  })

  t.test('the gate in front of the pool (J23)', async (t) => {
    /** Callers by name, and who of them was admitted, in order. */
    function setUpGate (slots: number, queue: number, sustainedLimit?: number) {
      const gate = createAdmissionQueue({ slots, queue, sustainedLimit })
      const admitted: string[] = []
      const caller = (name: string) => ({
        admit: () => {
          admitted.push(name)
        },
      })
      return { gate, admitted, caller }
    }

    t.test('admits as many as there are slots, queues as many as it may, refuses the rest', async (t) => {
      const { gate, admitted, caller } = setUpGate(2, 1)
      t.same(['a', 'b', 'c', 'd'].map((name) => gate.enter(caller(name))), [true, true, true, false])
      t.same(admitted, ['a', 'b'])
      t.same([gate.inside(), gate.waiting()], [2, 1])
      gate.leave()
      t.same(admitted, ['a', 'b', 'c'], 'a slot that is left goes to the one who waits')
      t.same([gate.inside(), gate.waiting()], [2, 0])
      gate.leave()
      gate.leave()
      t.equal(gate.inside(), 0)
      t.notOk(admitted.includes('d'), 'who was refused is never admitted')
    })

    t.test('is first come, first served', async (t) => {
      const { gate, admitted, caller } = setUpGate(1, 5)
      for (const name of ['in', '1', '2', '3']) gate.enter(caller(name))
      for (let turn = 0; turn < 3; turn++) gate.leave()
      t.same(admitted, ['in', '1', '2', '3'])
    })

    t.test('lets a waiting caller go the moment it gives up, and its place is free', async (t) => {
      const { gate, admitted, caller } = setUpGate(1, 1)
      const waiting = caller('waiting')
      gate.enter(caller('in'))
      gate.enter(waiting)
      gate.withdraw(waiting)
      t.equal(gate.waiting(), 0)
      t.ok(gate.enter(caller('next')), 'the place is free')
      gate.leave()
      t.same(admitted, ['in', 'next'], 'the slot goes to the next, not to the one who left')
    })

    t.test('lets a burst wait, and keeps a queue short that stays (M02, M06)', async (t) => {
      const { gate, caller } = setUpGate(2, 10, 3)
      const enter = (count: number): number =>
        Array.from({ length: count }, (_, number) => gate.enter(caller(String(number)))).filter(Boolean).length
      t.equal(enter(20), 12, 'a burst fills the queue')
      await sleep(BURST_MS + 10)
      for (let turn = 0; turn < 6; turn++) gate.leave()
      t.equal(gate.waiting(), 4)
      t.equal(enter(1), 0, 'a queue that has not been empty since takes nobody, although there is room for a burst')
      gate.leave()
      gate.leave()
      t.equal(enter(9), 1, 'but a short one grows to its length')
      for (let turn = 0; turn < 3; turn++) gate.leave()
      t.equal(gate.waiting(), 0)
      t.equal(enter(20), 10, 'once it was empty, what comes is a burst again')
    })

    t.test('who was admitted and gives up later gives no slot away', async (t) => {
      const { gate, admitted, caller } = setUpGate(1, 2)
      const second = caller('second')
      gate.enter(caller('first'))
      gate.enter(second)
      gate.leave()
      gate.withdraw(second)
      gate.enter(caller('third'))
      t.same([admitted, gate.inside(), gate.waiting()], [['first', 'second'], 1, 1])
    })
  })

  t.test('the calls of one scope', async (t) => {
    t.test('share the longest of their limits, counted from the first', async (t) => {
      const scope = new RequestScope(1000)
      t.equal(timeLeft(2000, scope, 1000), 2000)
      t.equal(timeLeft(5000, scope, 2500), 3500, 'a longer one has what is left of its own limit')
      t.equal(timeLeft(2000, scope, 3000), 2000, 'a shorter one its own')
      t.equal(timeLeft(2000, scope, 5500), 500, 'but never more than the scope')
      t.ok(timeLeft(2000, scope, 6000) <= 0)
      t.equal(timeLeft(2000, undefined, 9000), 2000, 'without an scope each call is alone')
    })

    t.test('are not made when there is no time left', async (t) => {
      const { server, transport } = await setUp(t, OK)
      for (const deadlineMs of [0, -1]) { t.match(await transport.send(get(deadlineMs)), { kind: 'unavailable', code: 'UPSTREAM_TIMEOUT' }) }
      t.equal(server.requests.length, 0)
    })

    t.test('that only read are given up when the client goes, and the socket is free (J24)', async (t) => {
      const { server, transport } = await setUp(t, hang, { connections: 1, queue: 2 })
      const [scope, waiting] = [new RequestScope(), new RequestScope()]
      const asked = Promise.all([
        transport.send({ ...get(), scope }),
        transport.send({ ...get(), scope: waiting }),
      ])
      while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
      cancelScope(waiting)
      cancelScope(scope)
      t.match(await asked, [{ kind: 'unavailable' }, { kind: 'unavailable' }])
      t.match(await transport.send({ ...get(), scope }), { kind: 'unavailable' }, 'and none is begun after that')
      server.react(OK)
      t.match(await transport.send(get()), { kind: 'answer' })
      t.same(
        [server.requests.length, transport.load()],
        [2, { inside: 0, waiting: 0 }],
        'who waited never reached Kratos',
      )
    })

    t.test('that are given up while their connection is made are not sent (J23, J24)', async (t) => {
      const { server, transport } = await setUp(t, OK, { connections: 1 })
      for (const request of [get(), { ...get(), method: 'HEAD' as const }]) {
        const scope = new RequestScope()
        const asked = transport.send({ ...request, scope })
        cancelScope(scope)
        t.match(await asked, { kind: 'unavailable' })
      }
      t.match(await transport.send(post()), { kind: 'answer' }, 'the slot is free for the next call')
      t.same(server.requests.map(({ method }) => method), ['POST'])
      t.same(transport.load(), { inside: 0, waiting: 0 })
    })

    t.test('that change something go on to their end', async (t) => {
      let answerIt = (): void => {}
      const { server, transport } = await setUp(t, (socket, request) => {
        answerIt = () => OK(socket, request)
      })
      const scope = new RequestScope()
      const asked = transport.send({ ...post(), scope })
      while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
      cancelScope(scope)
      answerIt()
      t.match(await asked, { kind: 'answer', body: { ok: true } })
    })
  })

  t.test('a HEAD keeps its connection (recording 31)', async (t) => {
    const { server, transport } = await setUp(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1277\r\n\r\n')
    }, { connections: 1 })
    for (let turn = 0; turn < 3; turn++) { t.match(await transport.send({ ...get(), method: 'HEAD' }), { kind: 'answer', status: 200, body: undefined }) }
    t.same(server.requests.map(({ nthOnSocket }) => nthOnSocket), [0, 1, 2])
  })

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
      ['more than 1 MiB, announced and not sent yet (J12)', (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${MIB + 1}\r\n\r\n`)
      }, 'UPSTREAM_ERROR'],
      ['a head of 20 kB', answer(200, {}, [['X-Pad', 'x'.repeat(20_000)]]), 'UPSTREAM_ERROR'],
      ['no HTTP', (socket) => {
        socket.write('SSH-2.0-OpenSSH\r\n\r\n')
      }, 'UPSTREAM_ERROR'],
      ['101 (J20)', (socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')
      }, 'UPSTREAM_ERROR'],
      ['100 and nothing more (J20)', (socket) => {
        socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      }, 'UPSTREAM_TIMEOUT'],
      ['103 and nothing more (J20)', (socket) => {
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n')
      }, 'UPSTREAM_TIMEOUT'],
      ['two lengths', (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}')
      }, 'UPSTREAM_ERROR'],
      ['truncated JSON (J11)', answer(200, '{"id":"a', [['Content-Type', 'application/json']]), 'UPSTREAM_ERROR'],
      [
        'JSON nested a hundred thousand times (J11)',
        answer(200, `{"id":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
        'UPSTREAM_ERROR',
      ],
      [
        'two JSON documents (J17)',
        answer(502, '{"error":{}}\n{"id":"a"}', [['Content-Type', 'application/json']]),
        'UPSTREAM_ERROR',
      ],
    ]
    const { server, transport } = await setUp(t, hang)
    for (const [name, reaction, code] of faults) {
      const deadlineMs = code === 'UPSTREAM_TIMEOUT' ? 300 : PATIENT_MS
      for (const request of [get(deadlineMs), post(deadlineMs)]) {
        server.react(reaction)
        const before = server.requests.length
        const send = async (): Promise<void> => {
          t.match(await transport.send(request), { kind: 'unavailable', code }, `${request.method}: ${name}`)
        }
        t.ok(await endsBefore(deadlineMs + 100, send), `${request.method}: ${name}, in time`)
        t.ok(
          server.requests.length - before <= (request.method === 'GET' ? 2 : 1),
          `${request.method}: ${name}, repeated at most as allowed`,
        )
        server.react(OK)
        t.match(
          await transport.send(get()),
          { kind: 'answer', body: { ok: true } },
          `${request.method}: ${name}, and the next call works`,
        )
      }
    }
  })

  t.test('a refused connection is 503 at once, and heals (J01)', async (t) => {
    const { server, transport } = await setUp(t, OK)
    await server.stop()
    for (const request of [get(), post()]) {
      t.match(await transport.send(request), { kind: 'unavailable', code: 'UPSTREAM_UNAVAILABLE' })
      t.same(transport.load(), { inside: 0, waiting: 0 }, 'nothing waits for the deadline')
    }
    await server.start()
    t.match(await transport.send(get()), { kind: 'answer' })
  })

  t.test('a reused idle socket that ends (J06)', async (t) => {
    const { server, transport } = await setUp(t, dropsReused, { connections: 1 })
    await transport.send(get())
    t.match(await transport.send(get()), { kind: 'answer', body: { ok: true } }, 'a GET is sent once more')
    t.same(server.requests.map(({ nthOnSocket }) => nthOnSocket), [0, 1, 0], 'on a new socket')
    t.match(await transport.send(post()), { kind: 'unavailable', code: 'UPSTREAM_ERROR' }, 'a POST is not')
    t.equal(server.requests.length, 4)
  })

  t.test('an answer that breaks off is not asked for again: what was asked may have happened (J08)', async (t) => {
    const { server, transport } = await setUp(t, resetInBody)
    await transport.send(get())
    t.equal(server.requests.length, 1)
  })

  t.test('a body over the limit ends its connection instead of being read (J12)', async (t) => {
    let ended = (): void => {}
    const gone = new Promise<void>((resolve) => {
      ended = resolve
    })
    const { server, transport } = await setUp(t, (socket) => {
      socket.on('close', ended).write(
        'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
      )
      const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
      const more = (): void => {
        if (!socket.destroyed) socket.write(chunk, more)
      }
      more()
    })
    t.match(await transport.send(get()), { kind: 'unavailable', code: 'UPSTREAM_ERROR' })
    await gone
    server.react(OK)
    t.match(await transport.send(get()), { kind: 'answer' })
  })

  t.test('busy sockets (J23)', async (t) => {
    const { server, transport } = await setUp(t, hang, { connections: 2, queue: 3 })
    const ended: string[] = []
    const send = async (name: string, request: UpstreamRequest) => {
      const outcome = await transport.send(request)
      ended.push(name)
      return outcome
    }
    const inside = [send('inside', get(400)), send('inside', post(400))]
    const waiting = Array.from({ length: 3 }, () => send('waiting', get(200)))
    t.match(await send('refused', get()), { kind: 'unavailable', code: 'OVERLOADED' }, 'the queue is bounded')
    t.match(
      await Promise.all(waiting),
      Array(3).fill({ kind: 'unavailable', code: 'UPSTREAM_TIMEOUT' }),
      'waiting counts into the deadline',
    )
    await Promise.all(inside)
    t.equal(ended[0], 'refused', 'who finds the queue full is told at once')
    t.same(
      ended.slice(1),
      ['waiting', 'waiting', 'waiting', 'inside', 'inside'],
      'who waits leaves on time, although nobody left a slot',
    )
    t.equal(server.requests.length, 2, 'who waited in vain never reached Kratos')
    server.react(OK)
    await Promise.all([transport.send(get()), transport.send(get())])
    const later = await Promise.all(Array.from({ length: 5 }, () => transport.send(get())))
    t.ok(later.every(({ kind }) => kind === 'answer'), 'all slots are free again')
    t.same(transport.load(), { inside: 0, waiting: 0 })
  })

  t.test('the address of a call is a constant path, values stand encoded in the query (D01)', async (t) => {
    const { server } = await setUp(t, OK)
    const transport = createTransport({
      dispatcher: createPool,
      url: `${server.url}/base/path/`,
      connections: 1,
      queue: 1,
      connectTimeoutMs: 1000,
      maxBodyBytes: MIB,
      maxHeaderBytes: 16 * 1024,
    })
    t.teardown(() => transport.close())
    const values = [
      '../../admin',
      'x?y',
      'x#y',
      '&admin=1',
      '%26',
      ';',
      '\uff0f',
      'a b',
      '\r\nHost: evil',
      '\ud800',
      'x'.repeat(2000),
    ]
    for (const value of values) {
      await transport.send({ ...get(), path: '/self-service/login', query: { flow: value, none: undefined } })
      const { target, head } = server.requests.at(-1) ?? { target: '', head: '' }
      t.match(target, /^\/base\/path\/self-service\/login\?flow=[A-Za-z0-9%+*._-]+$/, JSON.stringify(value.slice(0, 20)))
      t.equal(
        new URLSearchParams(target.split('?')[1]).get('flow'),
        new TextDecoder().decode(new TextEncoder().encode(value)),
      )
      t.equal(head.match(/\r\nhost:/gi)?.length, 1)
    }
  })

  t.test('a transport that is closed answers its open calls as faults', async (t) => {
    const { transport } = await setUp(t, hang)
    const open = transport.send(get())
    await transport.close()
    t.match(await open, { kind: 'unavailable' })
    t.match(await transport.send(get()), { kind: 'unavailable', code: 'UPSTREAM_ERROR' })
  })
}
