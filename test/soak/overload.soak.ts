import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { answer, type Reaction, startFaultServer } from '../support/fault-server.js'
import { SESSION } from '../support/faults.js'
import { ROOT } from '../support/process.js'
import { numberFrom, type Result, verdict } from './result.js'
import { startService } from './service.js'

/**
 * Kratos takes this long for a session: with the 40 sockets that session checks have, 400 a second are all it can do.
 */
const ANSWER_MS = 100
const NOMINAL_RATE = 400
/** Enough that a request never waits at the sender. */
const CONNECTIONS = 512
const REQUESTS = Array.from(
  { length: 4096 },
  () => ({
    method: 'GET',
    path: '/api/auth/whoami',
    headers: { 'x-session-token': `ory_st_${randomBytes(16).toString('hex')}` },
  }),
)
/** Seconds of the phases that are no overload. */
const [WARM_UP, SATURATED, RECOVERED] = [10, 20, 5]

const slowly: Reaction = (socket, request) => {
  setTimeout(() => answer(200, SESSION)(socket, request), ANSWER_MS)
}

interface Latencies {
  count: number
  p50Ms: number
  p99Ms: number
}
interface Flood {
  broken: number
  unexplained: number
  byStatus: Record<string, Latencies>
}

/** Sends at a fixed rate, whatever the answers do, by the benchmark's generator. */
async function flood (folder: string, url: string, rate: number, seconds: number): Promise<Flood> {
  const plan = join(folder, 'plan.json')
  await writeFile(
    plan,
    JSON.stringify({ url, connections: CONNECTIONS, seconds, rate: Math.round(rate), requests: REQUESTS }),
  )
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, 'bench/load/paced.mjs'), plan])
  return JSON.parse(stdout) as Flood
}

const NONE: Latencies = { count: 0, p50Ms: 0, p99Ms: 0 }
const rounded = ({ count, p50Ms, p99Ms }: Latencies): Latencies => ({
  count,
  p50Ms: Math.round(p50Ms),
  p99Ms: Math.round(p99Ms),
})

/**
 * More whoami than a slow Kratos can answer, in an open loop: what fits is served as before, the rest is refused at
 * once (M02, figure 6).
 */
export async function run (): Promise<Result> {
  const seconds = numberFrom('SOAK_OVERLOAD_SECONDS', 60)
  const folder = await mkdtemp(join(tmpdir(), 'fastify-kratos-overload-'))
  const ends: Array<() => unknown> = [() => rm(folder, { recursive: true, force: true })]
  const kratos = await startFaultServer({
    teardown: (end: () => unknown) => {
      ends.push(end)
    },
  }, slowly)
  const forget = setInterval(() => {
    kratos.requests.length = 0
  }, 1000)
  const service = await startService({ KRATOS_PUBLIC_URL: kratos.url })
  try {
    const send = (rate: number, duration: number): Promise<Flood> => flood(folder, service.url, rate, duration)
    await send(NOMINAL_RATE / 2, WARM_UP)
    const { byStatus: { 200: unloaded = NONE } } = await send(NOMINAL_RATE / 2, WARM_UP)
    const { byStatus: { 200: saturated = NONE } } = await send(NOMINAL_RATE * 1.25, SATURATED)
    const peak = saturated.count / SATURATED
    const before = await service.sample()
    const twice = await send(2 * peak, seconds)
    const after = await service.sample()
    const { byStatus: afterwards } = await send(peak / 2, RECOVERED)
    const fiveTimes = await send(5 * peak, seconds / 2)

    const { 200: accepted = NONE, 503: refused = NONE, ...others } = twice.byStatus
    const { 200: recovered = NONE } = afterwards
    const { 200: acceptedOfFive = NONE } = fiveTimes.byStatus
    const goodput = accepted.count / seconds / peak
    const goodputFiveTimes = acceptedOfFive.count / (seconds / 2) / peak
    const rss = after.rss / before.rss
    const share = (part: number): string => `${Math.round(part * 100)} %`
    const figures = {
      peakPerSecond: peak,
      unloaded: rounded(unloaded),
      goodput: share(goodput),
      accepted: rounded(accepted),
      refused: rounded(refused),
      rss: share(rss),
      recovered: rounded(recovered),
      goodputFiveTimes: share(goodputFiveTimes),
      fiveTimes: Object.fromEntries(
        Object.entries(fiveTimes.byStatus).map(([status, latencies]) => [status, rounded(latencies)]),
      ),
    }
    return verdict('twice and five times what Kratos can do', figures, [
      [goodput >= 0.9, `at twice the capacity only ${share(goodput)} of the peak is served`],
      [accepted.p99Ms <= 3 * unloaded.p99Ms, `who is served waits ${accepted.p99Ms} ms`],
      [refused.count > 0 && refused.p99Ms <= 50, `who is refused waits ${refused.p99Ms} ms`],
      [
        Object.keys(others).length === 0 && twice.broken + fiveTimes.broken === 0,
        `answers that are neither: ${JSON.stringify(others)}, ${twice.broken + fiveTimes.broken} broken`,
      ],
      [
        twice.unexplained + fiveTimes.unexplained === 0,
        `${twice.unexplained + fiveTimes.unexplained} refusals without Retry-After`,
      ],
      [rss <= 1.2, `the resident set is ${share(rss)} of what it was`],
      [
        Object.keys(afterwards).join() === '200' && recovered.p99Ms <= 2 * unloaded.p99Ms,
        `afterwards it answers ${JSON.stringify(afterwards)}`,
      ],
      [goodputFiveTimes >= 0.8, `at five times the capacity only ${share(goodputFiveTimes)} of the peak is served`],
      [service.stderr() === '', `on standard error: ${service.stderr()}`],
    ])
  } finally {
    clearInterval(forget)
    await service.stop()
    await Promise.all(ends.map((end) => end()))
  }
}
