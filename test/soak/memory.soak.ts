import { setTimeout as sleep } from 'node:timers/promises'
import { answer, type FaultServer, type Reaction, startFaultServer } from '../support/fault-server.js'
import { FAULTS, LATE, SESSION } from '../support/faults.js'
import { ABUSES, GOOD_TOKEN, keepUp } from './abuse.js'
import { Pipe, type SoakRequest } from './pipe.js'
import { numberFrom, type Result, slope, verdict } from './result.js'
import { type Sample, type SoakedService, startService } from './service.js'
import { pick } from './sessions.js'

const MIB = 1024 * 1024
/** N01, for the resident set; the heap after a collection has to be as flat. */
const MOST_GROWTH = 0.5
/** Below this many minutes a slope is noise: it is told and not judged. */
const JUDGED_FROM_MINUTES = 5
const SAMPLE_EVERY_MS = 5000

const FLOW = {
  id: SESSION.identity.id,
  type: 'api',
  ui: { action: 'http://127.0.0.1:4433/x', method: 'POST', nodes: [] },
  logout_token: 'ory_lo_x',
}

/** Kratos on a good day: it knows one token, and has a flow for everybody. */
const well: Reaction = (socket, request) => {
  const isKnown = request.header('x-session-token')[0] === GOOD_TOKEN
  if (!request.target.startsWith('/sessions/whoami')) return answer(200, FLOW)(socket, request)
  if (request.method !== 'HEAD') { return answer(isKnown ? 200 : 401, isKnown ? SESSION : { error: { code: 401 } })(socket, request) }
  socket.write(
    `HTTP/1.1 ${isKnown ? 200 : 401} Answer\r\nContent-Type: application/json\r\nContent-Length: 100\r\n${
      isKnown ? `X-Kratos-Authenticated-Identity-Id: ${SESSION.identity.id}\r\n` : ''
    }\r\n`,
  )
}

const isFlood = ([name]: readonly [string, ...unknown[]]): boolean => name.startsWith('5 MiB')
/**
 * Floods first: what they take of the C library's memory for a while (up to 1 MiB for each call under way) it gives
 * back after minutes, if at all. Met for the first time in the half that is judged, it would look like growth.
 */
const ILL = [...FAULTS.filter(isFlood), ...LATE, ...FAULTS.filter((fault) => !isFlood(fault))].map((
  [name, reaction],
): [string, Reaction] => [name, reaction])

interface Tally {
  good: number
  faulty: number
  revealed: string[]
  loggedOut: string[]
  statuses: Record<string, number>
}

/** What Kratos suffers from, and since which change: an answer counts only when it did not change in the meantime. */
interface Weather {
  name: string | undefined
  change: number
}

/** Every third time all is well, so that the service has to recover again and again. */
const TURNS: Array<readonly [name: string | undefined, reaction: Reaction]> = ILL.flatMap((fault, index) =>
  index % 2 === 0 ? [[undefined, well] as const, fault] : [fault],
)
/** In the warm-up each has its turn once: what the worst of them takes, the process may keep. */
const WARM_UP_SECONDS = 2
const WARM_UP_MINUTES = TURNS.length * WARM_UP_SECONDS / 60

async function changeWeather (kratos: FaultServer, weather: Weather, signal: AbortSignal): Promise<void> {
  const seconds = numberFrom('SOAK_FAULT_SECONDS', 10)
  for (let turn = 0; !signal.aborted; turn++) {
    const [name, reaction] = TURNS[turn % TURNS.length] ?? pick(TURNS)
    kratos.react(reaction)
    weather.name = name
    weather.change++
    const lasts = turn < TURNS.length ? WARM_UP_SECONDS : seconds
    for (let waited = 0; waited < lasts && !signal.aborted; waited++) {
      await sleep(1000)
      // The list of what it was asked is for short tests.
      kratos.requests.length = 0
    }
  }
}

const headers = { 'x-session-token': GOOD_TOKEN }
const GUARDED: SoakRequest[] = [{ path: '/api/auth/whoami', headers }, { path: '/api/documents?limit=5', headers }, {
  path: '/api/auth/whoami?full=true',
  headers,
}, { path: '/api/auth/flows/logout', headers }]

function judge (tally: Tally, weather: Weather, before: Weather, path: string, status: number): void {
  if (before.change !== weather.change) return
  const key = `${weather.name === undefined ? 'well' : 'unavailable'} ${status}`
  tally.statuses[key] = (tally.statuses[key] ?? 0) + 1
  if (weather.name === undefined) {
    tally.good++
    return
  }
  tally.faulty++
  if (status < 300) tally.revealed.push(`${path} during "${weather.name}"`)
  if (status === 401) tally.loggedOut.push(`${path} during "${weather.name}"`)
}

/**
 * Users with a good session, on one connection each: they read, and while Kratos is well they write and take it back.
 */
async function user (port: number, weather: Weather, tally: Tally, signal: AbortSignal): Promise<void> {
  const pipe = new Pipe(port)
  while (!signal.aborted) {
    const before = { ...weather }
    const requests = Array.from({ length: 4 }, () => pick(GUARDED))
    const replies = await pipe.send(requests).catch(() => [])
    replies.forEach(({ status }, index) => judge(tally, weather, before, requests[index]?.path ?? '', status))
    if (weather.name === undefined && Math.random() < 0.2) await write(pipe).catch(() => {})
    await sleep(20)
  }
  pipe.close()
}

async function write (pipe: Pipe): Promise<void> {
  const { body } = await pipe.one({
    method: 'POST',
    path: '/api/documents',
    headers,
    body: { title: 'soak', content: 'x'.repeat(10_000) },
  })
  const id = /"id":"([0-9a-f-]{36})"/.exec(body)?.[1]
  if (id === undefined) return
  await pipe.one({ method: 'PATCH', path: `/api/documents/${id}`, headers, body: { title: 'soaked' } })
  // Kratos may be ill by now; what stays behind is a few rows.
  await pipe.one({ method: 'DELETE', path: `/api/documents/${id}`, headers })
}

type Samples = Array<{ minute: number } & Sample>

async function sampleUntil (service: SoakedService, signal: AbortSignal): Promise<Samples> {
  const samples: Samples = []
  const start = Date.now()
  while (!signal.aborted) {
    samples.push({ minute: (Date.now() - start) / 60_000, ...await service.sample() })
    await sleep(SAMPLE_EVERY_MS)
  }
  return samples
}

/** Waits until nobody holds anything any more, as it was at the start; gives the last look. */
async function settle (service: SoakedService, kratos: FaultServer, baseline: Sample): Promise<Sample> {
  let last = await service.sample()
  for (let second = 0; second < 90 && (kratos.openSockets() > 0 || last.openFiles > baseline.openFiles + 2); second++) {
    await sleep(1000)
    last = await service.sample()
  }
  return last
}

type Measured = 'rss' | 'heapUsed'

const mib = (bytes: number): number => Math.round(bytes / MIB * 10) / 10

/**
 * By the second half: a heap that fills with its steady amount, and V8 that gives it room, rise ever more slowly, a
 * leak does not.
 * @returns MiB a minute
 */
function growth (samples: Samples, of: Measured): number {
  const later = samples.slice(samples.length / 2)
  return Math.round(slope(later.map((sample) => [sample.minute, sample[of] / MIB])) * 1000) / 1000
}

/** Means of five parts of the time, in MiB. */
function course (samples: Samples, of: Measured): number[] {
  const parts = Array.from(
    { length: 5 },
    (_, part) => samples.slice(samples.length * part / 5, samples.length * (part + 1) / 5),
  )
  return parts.map((part) => mib(part.reduce((sum, sample) => sum + sample[of], 0) / part.length))
}

/**
 * Minutes of mixed abuse before a Kratos that suffers from something else every ten seconds (N01, N02, figures 1 and
 * 10).
 */
export async function run (): Promise<Result> {
  const minutes = numberFrom('SOAK_MINUTES', 10)
  const ends: Array<() => unknown> = []
  const kratos = await startFaultServer({
    teardown: (end: () => unknown) => {
      ends.push(end)
    },
  } as never, well)
  const deadlines = { WHOAMI_DEADLINE_MS: '500', SUBMIT_DEADLINE_MS: '1000', KRATOS_DEADLINE_MS: '800' }
  const service = await startService({
    KRATOS_PUBLIC_URL: kratos.url,
    TRUST_PROXY: '127.0.0.1',
    LOG_LEVEL: 'error',
    ...deadlines,
  })
  const pipe = new Pipe(service.port)
  const tally: Tally = { good: 0, faulty: 0, revealed: [], loggedOut: [], statuses: {} }
  const weather: Weather = { name: undefined, change: 0 }
  try {
    await pipe.send(GUARDED)
    pipe.close()
    await sleep(6000)
    const baseline = await service.sample()
    const over = new AbortController()
    const { signal } = over
    const samples = sampleUntil(service, signal)
    const work = [
      changeWeather(kratos, weather, signal),
      ...Array.from({ length: 6 }, () => user(service.port, weather, tally, signal)),
      ...ABUSES.flatMap((abuse) => Array.from({ length: abuse.clients }, () => keepUp(abuse, service.port, signal))),
    ]
    await sleep((WARM_UP_MINUTES + minutes) * 60_000)
    over.abort()
    await Promise.all(work)
    kratos.react(well)
    await sleep(1500)
    const recovered = (await pipe.send(GUARDED.slice(0, 3))).map(({ status }) => status)
    pipe.close()
    const settled = await settle(service, kratos, baseline)
    const taken = await samples
    const judged = taken.filter(({ minute }) => minute >= WARM_UP_MINUTES)
    const [rss, heap] = [growth(judged, 'rss'), growth(judged, 'heapUsed')]
    const isJudged = minutes >= JUDGED_FROM_MINUTES
    const figures = {
      minutes,
      ...tally,
      revealed: tally.revealed.length,
      loggedOut: tally.loggedOut.length,
      rssMibPerMinute: rss,
      heapMibPerMinute: heap,
      rssMib: [mib(baseline.rss), ...course(judged, 'rss'), mib(settled.rss)],
      heapMib: [mib(baseline.heapUsed), ...course(judged, 'heapUsed'), mib(settled.heapUsed)],
      mostFiles: Math.max(...taken.map(({ openFiles }) => openFiles)),
      files: [baseline.openFiles, settled.openFiles],
      resources: [baseline.resources, settled.resources],
      kratosSockets: kratos.openSockets(),
    }
    return verdict('memory and handles under mixed abuse', figures, [
      [tally.revealed.length === 0, `answered without a confirmed session: ${tally.revealed.slice(0, 5).join('; ')}`],
      [tally.loggedOut.length === 0, `401 for a fault: ${tally.loggedOut.slice(0, 5).join('; ')}`],
      [recovered.every((status) => status === 200), `after the last fault it answers ${recovered.join(', ')}`],
      [
        settled.openFiles <= baseline.openFiles + 2,
        `open files grew from ${baseline.openFiles} to ${settled.openFiles}`,
      ],
      [kratos.openSockets() === 0, `${kratos.openSockets()} sockets to Kratos are left`],
      [!isJudged || tally.faulty >= 10_000, `only ${tally.faulty} requests met a fault`],
      [!isJudged || rss < MOST_GROWTH, `the resident set grows by ${rss} MiB a minute`],
      [!isJudged || heap < MOST_GROWTH, `the heap grows by ${heap} MiB a minute`],
      [service.stderr() === '', `on standard error: ${service.stderr()}`],
      [service.errors().length === 0, `logged as our own error: ${service.errors().slice(0, 3).join('\n')}`],
    ])
  } finally {
    await service.stop()
    await Promise.all(ends.map((end) => end()))
  }
}
