import { setTimeout as sleep } from 'node:timers/promises'
import { type Lab, PEERS, SERVICE, subject } from './lab.js'
import type { Load, LoadPlan } from './load.js'
import { measure, type Sample, type Subject, verify } from './measure.js'
import type { Comparison, Plan, Target } from './rounds.js'
import { ALIVE, logins, MANY, mixed, sessions, UNSHARED } from './requests.js'

export interface Bench {
  lab: Lab
  load: Load
  seconds: number
}
export interface Scenario {
  name: string
  plan: (bench: Bench) => Promise<Plan>
}

/** Logins are limited per client address, and all load comes from one. */
const RAISED_LIMITS = {
  LOGIN_LIMIT_PER_ADDRESS: '1000000',
  LOGIN_LIMIT_PER_IDENTIFIER: '1000000',
  LOGIN_LIMIT_BURST: '1000000',
}
const CACHED = { SESSION_CACHE_MAX_AGE: '5' }
const RATE_PER_SECOND = 2000
/**
 * The compiler is done with a process only after some forty thousand requests; until then it takes processor time of
 * its own.
 */
const WARM_UP_SECONDS = 10
/** Memory differs little from one fresh process to the next. */
const MEMORY_ROUNDS = 2
/** V8 gives back what a start or a load took when a process has had nothing to do for some twenty seconds. */
const SETTLE_MS = 25_000
const LOOK_MS = 250

/** Request rate of the subject divided by that of another target. */
const versus = (against: string, must?: number, aim?: number, ofSubject: string = SERVICE): Comparison => ({
  subject: ofSubject,
  against,
  figure: 'rate',
  better: 'more',
  ...(must !== undefined && { must }),
  ...(aim !== undefined && { aim }),
})
const atMost = (against: string, figure: keyof Sample, must: number, aim: number): Comparison => ({
  subject: SERVICE,
  against,
  figure,
  better: 'less',
  must,
  aim,
})

/** A subject under the load of all connections, warmed up. */
export function target (
  { load, seconds }: Bench,
  name: string,
  measured: Subject,
  how: Pick<LoadPlan, 'rate'> = {},
): Target {
  return {
    name,
    warmUp: async () => {
      await verify(measured)
      await load({ url: measured.url, requests: measured.requests, seconds: WARM_UP_SECONDS })
    },
    measure: () => measure(measured, load, { seconds, ...how }),
  }
}

/** Every request asks Kratos: nobody else's answer can serve it. */
async function uncached (bench: Bench): Promise<Plan> {
  const kratos = await bench.lab.standIn()
  const requests = sessions(UNSHARED)
  const of = async (name: keyof typeof PEERS): Promise<Target> =>
    target(bench, PEERS[name], subject(await bench.lab.peer(name, kratos), kratos, requests))
  const proxied = subject(await bench.lab.peer('http-proxy', kratos), kratos, sessions(UNSHARED, '/sessions/whoami'))
  return {
    targets: [
      target(bench, SERVICE, subject(await bench.lab.service(kratos), kratos, requests)),
      await of('node-request'),
      await of('node-dispatch'),
      await of('fastify-request'),
      await of('fastify-request-logged'),
      target(bench, PEERS['http-proxy'], proxied),
      await of('express-axios'),
    ],
    comparisons: [
      versus(PEERS['node-request'], 0.9, 1.1),
      versus(PEERS['node-dispatch']),
      versus(PEERS['fastify-request']),
      versus(PEERS['fastify-request-logged']),
      versus(PEERS['http-proxy'], 1.1, 1.3),
      versus(PEERS['express-axios'], 5, 7),
    ],
  }
}

/** All requests are of one session at the same time. */
async function shared (bench: Bench): Promise<Plan> {
  const kratos = await bench.lab.standIn()
  return {
    targets: [
      target(bench, SERVICE, subject(await bench.lab.service(kratos), kratos, sessions(1))),
      target(bench, PEERS['node-request'], subject(await bench.lab.peer('node-request', kratos), kratos, sessions(1))),
    ],
    comparisons: [versus(PEERS['node-request'], 2.3, 3)],
  }
}

/** What it costs to look for something to share where there is nothing. */
async function manySessions (bench: Bench): Promise<Plan> {
  const kratos = await bench.lab.standIn()
  const host = await bench.lab.peer('plugin-host', kratos)
  const [sharing, alone] = ['plugin, auth: true', 'plugin, fresh: true']
  return {
    targets: [
      target(bench, sharing, subject(host, kratos, sessions(MANY, '/session'))),
      target(bench, alone, subject(host, kratos, sessions(MANY, '/fresh'))),
    ],
    comparisons: [versus(alone, 0.95, 0.98, sharing)],
  }
}

/** Sessions that Kratos lets us keep, in use all the time. */
async function cached (bench: Bench): Promise<Plan> {
  const kratos = await bench.lab.standIn({ cacheForSeconds: 3600 })
  const service = await bench.lab.service(kratos, CACHED)
  const [alive, bare] = [`${SERVICE}, GET /health/alive`, PEERS['fastify-bare']]
  return {
    targets: [
      target(bench, SERVICE, subject(service, kratos, sessions(64))),
      target(bench, alive, subject(service, kratos, ALIVE, { isGuarded: false })),
      target(
        bench,
        bare,
        subject(await bench.lab.peer('fastify-bare', kratos), kratos, sessions(1), { isGuarded: false }),
      ),
    ],
    comparisons: [versus(alive, 0.85, 0.95), versus(bare, 0.65, 0.85)],
  }
}

/** Resident memory once a process has settled: the least of a few looks, since garbage comes and goes. */
async function settledMb ({ program }: Subject): Promise<number> {
  const looks: number[] = []
  await sleep(SETTLE_MS)
  for (let look = 0; look < 4; look++) {
    await sleep(LOOK_MS)
    looks.push(program?.usage().rssMb ?? NaN)
  }
  return Math.min(...looks)
}

/** What so many kept sessions add to a process that has had the same load of a single one before. */
async function cachedMemory ({ lab, load, seconds }: Bench): Promise<Plan> {
  const kratos = await lab.standIn({ cacheForSeconds: 3600 })
  async function measureGrowth (): Promise<Sample> {
    const service = await lab.service(kratos, CACHED)
    const one = subject(service, kratos, sessions(1))
    await measure(one, load, { seconds, amount: MANY })
    const before = await settledMb(one)
    const sample = await measure(subject(service, kratos, sessions(MANY)), load, { seconds, amount: MANY })
    const after = await settledMb(one)
    await service.stop()
    return { ...sample, idleMb: before, rssMb: after, growthMb: after - before }
  }
  return {
    targets: [{ name: SERVICE, measure: measureGrowth }],
    comparisons: [{ subject: SERVICE, figure: 'growthMb', better: 'less', must: 40, aim: 20 }],
    maxRounds: MEMORY_ROUNDS,
  }
}

async function login (bench: Bench): Promise<Plan> {
  const kratos = await bench.lab.standIn()
  const requests = logins(UNSHARED)
  const unguarded = { isGuarded: false }
  return {
    targets: [
      target(bench, SERVICE, subject(await bench.lab.service(kratos, RAISED_LIMITS), kratos, requests, unguarded)),
      target(
        bench,
        PEERS['node-request'],
        subject(await bench.lab.peer('node-request', kratos), kratos, requests, unguarded),
      ),
    ],
    comparisons: [versus(PEERS['node-request'], 0.9, 0.97)],
  }
}

/** A product's day: mostly whoami, some documents, a few logins. */
async function mixedUse (bench: Bench): Promise<Plan> {
  const kratos = await bench.lab.standIn()
  const service = await bench.lab.service(kratos, RAISED_LIMITS)
  return { targets: [target(bench, SERVICE, subject(service, kratos, mixed()))], comparisons: [] }
}

/** The same work for both, so that latency and CPU can be compared. */
async function fixedRate (bench: Bench): Promise<Plan> {
  const kratos = await bench.lab.standIn()
  const requests = sessions(UNSHARED)
  const peer = PEERS['fastify-request-logged']
  const how = { rate: RATE_PER_SECOND }
  return {
    targets: [
      target(bench, SERVICE, subject(await bench.lab.service(kratos), kratos, requests), how),
      target(bench, peer, subject(await bench.lab.peer('fastify-request-logged', kratos), kratos, requests), how),
    ],
    comparisons: [atMost(peer, 'p99Ms', 1.2, 1), atMost(peer, 'cpuUs', 1.2, 1)],
  }
}

/** A fresh process, idle, and once more after a load. */
async function memory ({ lab, load, seconds }: Bench): Promise<Plan> {
  const kratos = await lab.standIn()
  const peer = PEERS['fastify-request']
  const fresh = (name: string, start: () => ReturnType<Lab['service']>): Target => ({
    name,
    measure: async () => {
      const program = await start()
      const measured = subject(program, kratos, sessions(UNSHARED))
      const idleMb = await settledMb(measured)
      const sample = await measure(measured, load, { seconds })
      const rssMb = await settledMb(measured)
      await program.stop()
      return { ...sample, idleMb, rssMb }
    },
  })
  return {
    targets: [fresh(SERVICE, () => lab.service(kratos)), fresh(peer, () => lab.peer('fastify-request', kratos))],
    comparisons: [atMost(peer, 'idleMb', 1.3, 1.1), atMost(peer, 'rssMb', 1.3, 1.15)],
    maxRounds: MEMORY_ROUNDS,
  }
}

/** A route that needs nothing of the session but whose it is. */
async function onlyId (bench: Bench): Promise<Plan> {
  const kratos = await bench.lab.standIn()
  const host = await bench.lab.peer('plugin-host', kratos)
  const [id, session] = ['plugin, only: id', 'plugin, auth: true']
  return {
    targets: [
      target(bench, id, subject(host, kratos, sessions(UNSHARED, '/id'))),
      target(bench, session, subject(host, kratos, sessions(UNSHARED, '/session'))),
    ],
    comparisons: [versus(session, undefined, undefined, id)],
  }
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'uncached', plan: uncached },
  { name: 'shared', plan: shared },
  { name: '20000-sessions', plan: manySessions },
  { name: 'only-id', plan: onlyId },
  { name: 'cached', plan: cached },
  { name: 'cached-memory', plan: cachedMemory },
  { name: 'login', plan: login },
  { name: 'mixed', plan: mixedUse },
  { name: 'fixed-rate', plan: fixedRate },
  { name: 'memory', plan: memory },
]
