import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { createBatchedLoad } from '../../bench/batched.js'
import { createLab, subject } from '../../bench/lab.js'
import { createLoad } from '../../bench/load.js'
import { measure, type Subject, verify } from '../../bench/measure.js'
import { ONE_CORE_SCENARIOS } from '../../bench/one-core.js'
import { oneCoreTable } from '../../bench/one-core-table.js'
import { parseOptions } from '../../bench/options.js'
import { createFleet } from '../../bench/process.js'
import { sessions } from '../../bench/requests.js'
import { type Comparison, runRounds, type Target } from '../../bench/rounds.js'
import { compare, markdownTable, spread } from '../../bench/table.js'
import { temporaryFolder } from '../support/app.js'

async function startBench (t: Test) {
  const folder = await temporaryFolder(t)
  const fleet = createFleet(folder)
  t.teardown(() => fleet.stop())
  return { fleet, lab: createLab(fleet, folder), load: createLoad({ fleet, folder, generator: 'autocannon' }) }
}

/** A server in this process that answers as it is told. */
async function startTarget (
  t: Test,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Subject> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    requests: sessions(2),
    isGuarded: true,
  }
}

const answerRight = ({ headers }: IncomingMessage, response: ServerResponse): void => {
  const number = /^ory_st_bench0{15}(\d{12})$/.exec(String(headers['x-session-token']))?.[1]
  if (number === undefined) response.writeHead(401).end('{}')
  else response.end(`{"id":"22078915-db8b-43a8-81b3-${number}"}`)
}

export default async function (t: Test): Promise<void> {
  t.test('a target that answers wrongly is reported as failed, not as fast, and the others are measured all the same', async (t) => {
    const { load } = await startBench(t)
    let asked = 0
    const subjects: Record<string, Subject> = {
      good: await startTarget(t, answerRight),
      stranger: await startTarget(t, (_request, response) => {
        response.end('{"id":"22078915-db8b-43a8-81b3-000000000007"}')
      }),
      open: {
        ...await startTarget(t, (_request, response) => {
          response.end(`{${sessions(1)[0]?.expects}}`)
        }),
        requests: sessions(1),
      },
      tired: await startTarget(t, (request, response) => {
        if (++asked === 50) response.writeHead(503).end('{}')
        else answerRight(request, response)
      }),
      silent: await startTarget(t, ({ socket }) => {
        socket.destroy()
      }),
    }
    const targets = Object.entries(subjects).map(([name, subject]): Target => ({
      name,
      measure: () => measure(subject, load, { seconds: 1, amount: 128 }),
    }))
    const comparisons: Comparison[] = [{ subject: 'good', against: 'tired', figure: 'rate', must: 0.1, better: 'more' }]
    const result = await runRounds('smoke', { targets, comparisons }, 2, () => {})
    const failureOf = (name: string): string | undefined =>
      result.targets.find((target) => target.name === name)?.failure

    t.same(result.targets.map(({ samples }) => samples.length), [2, 0, 0, 0, 0])
    t.equal(failureOf('good'), undefined)
    t.match(
      failureOf('stranger'),
      /answered 200 without "id":"22078915-db8b-43a8-81b3-000000000001"/,
      'the answer of another user',
    )
    t.match(failureOf('open'), /answered 200, not 401, to an unknown session/, 'a guard that lets everybody pass')
    t.match(
      failureOf('tired'),
      /of 128 requests under load 1 were answered with another status than 2xx and 0 not at all/,
      'an error under load',
    )
    t.match(failureOf('silent'), /was not answered/, 'no answer')
    t.match(markdownTable([result]), /\| tired \| FAILED: .* \| – \| ≥ 0\.1 \| {2}\| below must \|/)
  })

  t.test('a peer is measured with its calls to Kratos, CPU time and memory', async (t) => {
    const { lab, load } = await startBench(t)
    const kratos = await lab.standIn()
    const { calls, cpuUs, rssMb, rate } = await measure(
      subject(await lab.peer('node-request', kratos), kratos, sessions(64)),
      load,
      { seconds: 1, amount: 640 },
    )
    t.equal(calls, 1)
    t.ok(Number(rate) > 0 && Number(rssMb) > 10 && Number(cpuUs) >= 0)
  })

  t.test('a server of the benchmark that ends by itself ends the run with its last words', async (t) => {
    const { fleet, lab } = await startBench(t)
    await t.rejects(
      lab.peer('node-request', { url: 'no URL' }),
      /node:http \+ undici request ended by itself \(1\):[\s\S]*Invalid URL/,
    )
    await t.rejects(fleet.died, /ended by itself/)
  })

  t.test('the batched load sends so many requests, in turn, and checks every answer', async (t) => {
    const load = createBatchedLoad()
    const requests = sessions(2)
    const plan = { requests, seconds: 0, amount: 200 }
    const asked: unknown[] = []
    const right = await startTarget(t, (request, response) => {
      asked.push(request.headers['x-session-token'])
      answerRight(request, response)
    })
    t.match(await load({ ...plan, url: right.url }), { requests: 200, bad: 0, broken: 0 })
    t.match(await load({ ...plan, url: right.url, amount: 10 }), { requests: 10, bad: 0, broken: 0 }, 'fewer than connections')
    t.same([asked.length, new Set(asked).size], [210, 2])

    const stranger = await startTarget(t, (_request, response) => {
      response.end('{"id":"22078915-db8b-43a8-81b3-000000000007"}')
    })
    t.match(await load({ ...plan, url: stranger.url }), { bad: 200, broken: 0 }, 'the answer of another user')
    const silent = await startTarget(t, ({ socket }) => {
      socket.destroy()
    })
    t.match(await load({ ...plan, url: silent.url }), { requests: 64, broken: 64 }, 'no answer, once a connection')
  })

  t.test('the peers of one core answer as they should, and their processor time is counted', async (t) => {
    const { lab } = await startBench(t)
    const kratos = await lab.standIn()
    for (const name of ['fastify-cache', 'fastify-coalescing'] as const) {
      const peer = await lab.peer(name, kratos)
      const before = peer.usage().cpuUs
      await verify(subject(peer, kratos, sessions(8)))
      t.ok(peer.usage().cpuUs > before, name)
    }
  })

  t.test('the table of one core relates medians, names who was skipped and who failed', async (t) => {
    const cpu = (...values: number[]) => values.map((cpuUs) => ({ cpuUs, rssMb: 50 }))
    const table = oneCoreTable([{
      name: 's',
      targets: [
        { name: 'a', samples: cpu(30, 20, 10) },
        { name: 'b', samples: cpu(10, 20, 40) },
        { name: 'c', samples: [], failure: 'wrong' },
      ],
      comparisons: [
        { subject: 'a', against: 'b', figure: 'cpuUs', must: 0.9, better: 'less' },
        { subject: 'a', against: 'c', figure: 'cpuUs', must: 0.9, better: 'less' },
      ],
      skipped: ['nginx'],
    }])
    t.match(table, '| s | b | 20.0 (20.0–40.0) | 50 | a | 1.00 (1.00–3.00) | 0.0 | 0.9 |  | below must |')
    t.match(table, '| s | c | FAILED: wrong |')
    t.match(table, '| s | nginx | skipped: not on the PATH |')
    t.equal(new Set(ONE_CORE_SCENARIOS.map(({ name }) => name)).size, ONE_CORE_SCENARIOS.length)
  })

  t.test('the figures', async (t) => {
    t.same(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
    t.same(spread([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 })
    t.equal(spread([NaN]), undefined)
    const targets = [{ name: 'a', samples: [{ rate: 10 }, { rate: 30 }, { rate: 20 }] }, {
      name: 'b',
      samples: [{ rate: 10 }, { rate: 10 }, { rate: 20 }],
    }]
    t.same(
      compare({ name: 's', targets, comparisons: [] }, { subject: 'a', against: 'b', figure: 'rate', better: 'more' }),
      { median: 1, min: 1, max: 3 },
      'are related round by round',
    )
  })

  t.test('the options', async (t) => {
    t.match(
      parseOptions(['--rounds', '2', '--only', 'shared,login', '--token', 'a', '--token', 'b'], {
        KRATOS_PUBLIC_URL: 'http://127.0.0.1:4433/',
      }),
      {
        rounds: 2,
        seconds: 2,
        only: ['shared', 'login'],
        tokens: ['a', 'b'],
        kratos: 'http://127.0.0.1:4433',
        load: undefined,
      },
    )
    t.match(parseOptions(['--one-core', '--base', 'other/dist'], {}), { oneCore: true, base: 'other/dist', rounds: 20 })
    for (const args of [['--base', 'dist'], ['--rounds', '0'], ['--seconds', '1.5'], ['--load', 'ab'], ['--kratos', 'here'], ['--fast']]) { t.throws(() => parseOptions(args, {}), TypeError, args.join(' ')) }
  })
}
