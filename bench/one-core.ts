import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { createBatchedLoad } from './batched.js'
import { createLab, type Kratos, type Lab, PEERS, SERVICE, subject } from './lab.js'
import type { Load, PlannedRequest } from './load.js'
import { type Subject, verify, WrongAnswerError } from './measure.js'
import { goPeer, nginxPeer } from './other-peers.js'
import { UsageError } from './options.js'
import type { Fleet, Program } from './process.js'
import { ALIVE, documentLists, logins, sessions, UNSHARED } from './requests.js'
import type { Comparison, Plan, Target } from './rounds.js'

/** What a plan is made of. @param base folder of another build, `dist` of another commit, measured beside this one */
export interface OneCore {
  fleet: Fleet
  folder: string
  base: string | undefined
}

export interface OneCoreScenario {
  name: string
  plan: (bench: OneCore) => Promise<Plan>
}

/** Until then the compiler takes processor time of its own. */
const WARM_UP = 15_000
const BURST = 2500
export const BASE = 'base'

/** Servers are put back to the usual scheduling, which they would inherit from this process. */
export const SERVER_COMMAND = ['chrt', '--other', '0']

/** This process and all that it starts, on one core; it is a batch process itself, which wakes up for many answers. */
export function stayOnOneCore (): void {
  const core = String(cpus().length - 1)
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', core, String(process.pid)], { stdio: 'pipe' })
    execFileSync('chrt', ['--all-tasks', '--batch', '--pid', '0', String(process.pid)], { stdio: 'pipe' })
  } catch (error) {
    throw new UsageError(`--one-core needs Linux with taskset and chrt (util-linux): ${(error as Error).message}`)
  }
}

async function burst (measured: Subject, load: Load, amount: number): Promise<void> {
  const { url, requests } = measured
  const { bad, broken } = await load({ url, requests, seconds: 0, amount })
  if (bad + broken === 0) return
  throw new WrongAnswerError(`of ${amount} requests ${bad} were answered wrongly and ${broken} not at all`)
}

function target (name: string, program: Program, measured: Subject, load: Load): Target {
  return {
    name,
    warmUp: async () => {
      await verify(measured)
      await burst(measured, load, WARM_UP)
    },
    measure: async () => {
      program.trimLog()
      const before = program.usage()
      await burst(measured, load, BURST)
      const after = program.usage()
      return { cpuUs: (after.cpuUs - before.cpuUs) / BURST, rssMb: after.rssMb }
    },
  }
}

interface Candidate {
  name: string
  start: (lab: Lab, kratos: Kratos) => Promise<Program | undefined>
  requests: PlannedRequest[]
  isGuarded?: boolean
}

/** On a busy machine one core makes everybody late, and being late is no part of what is compared. */
const PATIENT = { MAX_EVENT_LOOP_DELAY_MS: '60000' }

const LOGIN_LIMITS = {
  LOGIN_LIMIT_PER_ADDRESS: '1000000',
  LOGIN_LIMIT_PER_IDENTIFIER: '1000000',
  LOGIN_LIMIT_BURST: '1000000',
}

const peer = (name: keyof typeof PEERS, requests: PlannedRequest[], isGuarded = true): Candidate => ({
  name: PEERS[name],
  start: (lab, kratos) => lab.peer(name, kratos),
  requests,
  isGuarded,
})

/** Ours, and the other build of ours where there is one. */
const ours = (
  { base }: OneCore,
  requests: PlannedRequest[],
  { env = {}, isGuarded = true, name = SERVICE }: Partial<Pick<Candidate, 'name' | 'isGuarded'>> & { env?: Record<string, string> } = {},
): Candidate[] => [
  { name, start: (lab, kratos) => lab.service(kratos, { ...PATIENT, ...env }), requests, isGuarded },
  ...(base === undefined
    ? []
    : [{
        name: name === SERVICE ? BASE : `${BASE}, ${name}`,
        start: (lab: Lab, kratos: Kratos) => lab.service(kratos, { ...PATIENT, ...env }, join(base, 'src/server.js')),
        requests,
        isGuarded,
      }]),
]

const atMost = (against: string, must?: number, aim?: number, of = SERVICE): Comparison => ({
  subject: of,
  against,
  figure: 'cpuUs',
  better: 'less',
  ...(must !== undefined && { must }),
  ...(aim !== undefined && { aim }),
})

/** Starts what can be started here; who cannot be is named as skipped. */
async function planOf (
  { fleet, folder, base }: OneCore,
  candidates: Candidate[],
  comparisons: Comparison[],
  cacheForSeconds?: number,
): Promise<Plan> {
  const lab = createLab(fleet, folder)
  const kratos = await lab.standIn(cacheForSeconds === undefined ? {} : { cacheForSeconds })
  const load = createBatchedLoad()
  const targets: Target[] = []
  const skipped: string[] = []
  for (const { name, start, requests, isGuarded = true } of candidates) {
    const program = await start(lab, kratos)
    if (program === undefined) skipped.push(name)
    else targets.push(target(name, program, subject(program, kratos, requests, { isGuarded }), load))
  }
  return { targets, comparisons: [...(base === undefined ? [] : [atMost(BASE)]), ...comparisons], skipped }
}

const CACHED = { SESSION_CACHE_MAX_AGE: '5' }
const DOCUMENTS = `${SERVICE}, GET /api/documents`

export const ONE_CORE_SCENARIOS: readonly OneCoreScenario[] = [
  {
    name: 'small',
    plan: (bench) => planOf(bench, [
      ...ours(bench, ALIVE, { isGuarded: false }),
      peer('fastify-logged', ALIVE, false),
      { name: 'nginx', start: (_lab, _kratos) => nginxPeer(bench), requests: ALIVE, isGuarded: false },
      { name: 'Go net/http', start: (_lab, _kratos) => goPeer(bench), requests: ALIVE, isGuarded: false },
    ], [atMost(PEERS['fastify-logged'], 1.35, 1.15), atMost('nginx'), atMost('Go net/http')]),
  },
  {
    name: 'cached',
    plan: (bench) => planOf(
      bench,
      [...ours(bench, sessions(64), { env: CACHED }), peer('fastify-cache', sessions(64))],
      [atMost(PEERS['fastify-cache'], 1.5, 1.25)],
      3600,
    ),
  },
  {
    name: 'shared',
    plan: (bench) => planOf(
      bench,
      [...ours(bench, sessions(1)), peer('fastify-coalescing', sessions(1))],
      [atMost(PEERS['fastify-coalescing'], 1.4, 1.2)],
    ),
  },
  {
    name: 'uncached',
    plan: (bench) => planOf(
      bench,
      [
        ...ours(bench, sessions(UNSHARED)),
        peer('fastify-request-logged', sessions(UNSHARED)),
        peer('node-request', sessions(UNSHARED)),
      ],
      [atMost(PEERS['fastify-request-logged']), atMost(PEERS['node-request'])],
    ),
  },
  {
    name: 'documents',
    plan: (bench) => planOf(
      bench,
      [...ours(bench, documentLists(UNSHARED), { name: DOCUMENTS }), ...ours(bench, sessions(UNSHARED))],
      [atMost(SERVICE, undefined, undefined, DOCUMENTS), atMost(`${BASE}, ${DOCUMENTS}`, undefined, undefined, DOCUMENTS)],
    ),
  },
  {
    name: 'login',
    plan: (bench) => planOf(
      bench,
      [
        ...ours(bench, logins(UNSHARED), { env: LOGIN_LIMITS, isGuarded: false }),
        peer('node-request', logins(UNSHARED), false),
      ],
      [atMost(PEERS['node-request'])],
    ),
  },
]
