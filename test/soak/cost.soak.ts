import { fork } from 'node:child_process'
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack } from './cost/attack.js'
import { ATTACKS, CONTROL, type Orders } from './cost/attacker.js'
import { ask, comeAndGo, type People, probe } from './cost/others.js'
import { numberFrom, type Result, verdict } from './result.js'
import { type SoakedService, startService } from './service.js'
import { startStandIn } from './stand-in.js'

const MIB = 1024 * 1024
/** What an attack may leave behind, beside what the control leaves. */
const MAY_KEEP_BYTES = 64 * MIB
const USERS = 16
const DOCUMENT = { title: 'the largest', content: 'x'.repeat(200_000) }
/** Kratos takes a moment, as it does. */
const KRATOS_MS = 10

interface Phase {
  aliveMs: number[]
  rss: number
  people: People
  failedProbes: number
  slowest: string | undefined
}

const p99 = (times: number[]): number => {
  const sorted = [...times].sort((a, b) => a - b)
  return Math.round(sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0)
}
const mib = (bytes: number): number => Math.round(bytes / MIB)

function joined (counts: Array<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [name, count] of counts.flatMap((one) => Object.entries(one))) sums[name] = (sums[name] ?? 0) + count
  return sums
}

interface Stage {
  service: SoakedService
  target: Omit<Orders, 'name' | 'seconds'>
  seconds: number
  settleSeconds: number
}

/** Some time of it, beside people who come and go, and then the memory once it has been over for a while. */
async function phase ({ name }: Attack, { service, target, seconds, settleSeconds }: Stage): Promise<Phase> {
  const orders: Orders = { ...target, name, seconds }
  const child = fork(join(import.meta.dirname, 'cost/attacker.ts'), [JSON.stringify(orders)], {
    execArgv: ['--import', 'tsx'],
  })
  let slowest: string | undefined
  child.on('message', (message) => {
    if (message === 'begins') began()
    else slowest = String(message)
  })
  let began = (): void => {}
  await new Promise<void>((resolve) => {
    began = resolve
  })
  const over = new AbortController()
  setMaxListeners(0, over.signal)
  child.once('exit', () => over.abort())
  const [alive, people] = await Promise.all([probe(service.port, over.signal), comeAndGo(service.port, over.signal)])
  if (child.exitCode !== 0) throw new Error(`the attack "${name}" broke off`)
  await sleep(settleSeconds * 1000)
  const { rss } = await service.look()
  return { aliveMs: alive.times, failedProbes: alive.failed, rss, people, slowest }
}

/** The service as an operator starts it, with the limits that it has by default, and a user with a large document. */
async function withService<T> (work: (stage: Pick<Stage, 'service' | 'target'>) => Promise<T>): Promise<T> {
  const kratos = await startStandIn({ delayMs: KRATOS_MS, resets: 0 })
  const service = await startService({
    KRATOS_PUBLIC_URL: kratos.url,
    KRATOS_PROXY: 'true',
    LOG_LEVEL: 'error',
    SHUTDOWN_DELAY_MS: '',
    LOGIN_LIMIT_PER_ADDRESS: '',
    LOGIN_LIMIT_PER_IDENTIFIER: '',
    LOGIN_LIMIT_BURST: '',
    LOGIN_LIMIT_FAILING_CREDENTIALS: '',
  })
  try {
    const { port } = service
    const tokens = await kratos.issue(Array.from({ length: USERS }, (_, user) => ({ user, sealed: false })))
    const headers = { authorization: `Bearer ${tokens[0] ?? ''}` }
    const write = () => ask({ port, method: 'POST', path: '/api/documents', headers, body: DOCUMENT })
    for (let n = 0; n < 20; n++) await write()
    const documentId = /"id":"([0-9a-f-]{36})"/.exec((await write()).body)?.[1]
    if (documentId === undefined) throw new Error('the service takes no document')
    return await work({ service, target: { port, tokens, documentId, sockets: numberFrom('SOAK_SOCKETS', 12_000) } })
  } finally {
    await service.stop()
    kratos.stop()
  }
}

interface Figures {
  p99Ms: [control: number, attack: number]
  /** Of the round in which the attack left most. */
  rssMib: [control: number, attack: number]
  keptBytes: number
  logins: number
  logouts: number
  failed: Record<string, number>
  slowest: string | undefined
}

async function measure (attack: Attack, rounds: number, times: Pick<Stage, 'seconds' | 'settleSeconds'>): Promise<Figures> {
  return await withService(async (parts) => {
    const stage = { ...parts, ...times }
    // What a process takes at its first load it keeps.
    await phase(CONTROL, { ...stage, settleSeconds: 0 })
    const pairs: Array<[control: Phase, attack: Phase]> = []
    for (let round = 0; round < rounds; round++) pairs.push([await phase(CONTROL, stage), await phase(attack, stage)])
    const kept = pairs.map(([control, attacked]) => attacked.rss - control.rss)
    const [control, worst] = pairs[kept.indexOf(Math.max(...kept))] as [Phase, Phase]
    const attacks = pairs.map(([, attacked]) => attacked)
    const probes = attacks.reduce((sum, { failedProbes }) => sum + failedProbes, 0)
    return {
      p99Ms: [p99(pairs.flatMap(([{ aliveMs }]) => aliveMs)), p99(attacks.flatMap(({ aliveMs }) => aliveMs))],
      rssMib: [mib(control.rss), mib(worst.rss)],
      keptBytes: worst.rss - control.rss,
      logins: attacks.reduce((sum, { people }) => sum + people.logins, 0),
      logouts: attacks.reduce((sum, { people }) => sum + people.logouts, 0),
      failed: joined([...attacks.map(({ people }) => people.failed), probes > 0 ? { 'health/alive': probes } : {}]),
      slowest: attacks.find(({ slowest }) => slowest !== undefined)?.slowest,
    }
  })
}

function checksOf ({ name, mayAdd }: Attack, figures: Figures): Array<[boolean, string]> {
  const { p99Ms: [control, attacked], keptBytes, failed, logins, logouts } = figures
  return [
    [attacked <= control + mayAdd, `${name}: /health/alive takes ${attacked} ms, beside the control ${control}`],
    [keptBytes <= MAY_KEEP_BYTES, `${name}: leaves ${mib(keptBytes)} MiB more than the control`],
    [Object.keys(failed).length === 0, `${name}: others are refused: ${JSON.stringify(failed)}`],
    [logins > 0 && logouts > 0, `${name}: nobody came and went`],
  ]
}

/** Nothing that a client sends costs more than it cost the client (N07). */
export async function run (): Promise<Result> {
  const rounds = numberFrom('SOAK_ROUNDS', 3)
  const times = { seconds: numberFrom('SOAK_ATTACK_SECONDS', 20), settleSeconds: numberFrom('SOAK_SETTLE_SECONDS', 30) }
  const wanted = new RegExp(process.env['SOAK_ATTACKS'] ?? '')
  const figures: Record<string, unknown> = { rounds, attackSeconds: times.seconds, settleSeconds: times.settleSeconds }
  const checks: Array<[boolean, string]> = []
  for (const attack of ATTACKS.filter(({ name }) => wanted.test(name))) {
    const found = await measure(attack, rounds, times)
    const { keptBytes: _, ...shown } = found
    checks.push(...checksOf(attack, found))
    figures[attack.name] = shown
    process.stdout.write(`# ${attack.name} ${JSON.stringify(shown)}\n`)
  }
  return verdict('what attacks cost', figures, checks)
}
