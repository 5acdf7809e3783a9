import { setTimeout as sleep } from 'node:timers/promises'
import { GUARDED, type HeldSession, identityIn, logout, pick, proof } from './sessions.js'
import { Pipe, type Reply } from './pipe.js'
import { numberFrom, type Result, verdict } from './result.js'
import { startService } from './service.js'
import { identityOf, startStandIn, type StandIn } from './stand-in.js'

/** Races at a time, each with connections of its own: pipelined, an answer would wait for the one before it. */
const LANES = 12
const LOOKUPS_BEFORE = 4
const LOOKUPS_AFTER = 3
const DELAY_MS = 15

interface Tally {
  races: number
  before: number
  beforeAccepted: number
  after: number
  accepted: string[]
  unclear: number
  mismatches: number
  notLoggedOut: Record<string, number>
}

const ask = (pipe: Pipe, session: HeldSession): Promise<Reply> =>
  pipe.one({ ...pick(GUARDED), headers: proof(session) })

/**
 * One session: look-ups under way while a logout completes, then look-ups once the answer of the logout has arrived.
 * Kratos' delays let some of the first be decided before the logout and answered after it (I07).
 */
async function race (kratos: StandIn, lane: Pipe[], user: number, tally: Tally): Promise<void> {
  const sealed = Math.random() < 0.4
  const [value = ''] = await kratos.issue([{ user, sealed }])
  const session = { value, sealed }
  const [leaving, ...others] = lane as [Pipe, ...Pipe[]]
  const lookups = others.map(async (pipe) => {
    await sleep(Math.random() * 2 * DELAY_MS)
    const reply = await ask(pipe, session)
    tally.before++
    if (reply.status !== 200) return
    tally.beforeAccepted++
    if (identityIn(reply) !== identityOf(user).id) tally.mismatches++
  })
  await sleep(Math.random() * DELAY_MS)
  const { status } = await logout(leaving, session)
  const isOver = status === 200
  if (!isOver) tally.notLoggedOut[status] = (tally.notLoggedOut[status] ?? 0) + 1
  tally.races++
  for (let turn = 0; turn < (isOver ? LOOKUPS_AFTER : 0); turn++) {
    const reply = await ask(leaving, session)
    tally.after++
    if (reply.status === 200) tally.accepted.push(`${session.value.slice(0, 12)}, look-up ${turn + 1} after the logout`)
    else if (reply.status !== 401) tally.unclear++
    // The last one when everything that was under way has come in.
    if (turn === LOOKUPS_AFTER - 2) await Promise.all(lookups)
  }
  await Promise.all(lookups)
}

/** No request is accepted once the answer of its session's logout has left (I06, I07). */
export async function run (cacheSeconds: number): Promise<Result> {
  const goal = numberFrom('SOAK_RACES', 10_000)
  const kratos = await startStandIn({ delayMs: DELAY_MS, resets: 0 })
  const service = await startService({
    KRATOS_PUBLIC_URL: kratos.url,
    SESSION_CACHE_MAX_AGE: String(cacheSeconds),
    // All come from one address, and every one ends with a session that is over.
    LOGIN_LIMIT_FAILING_CREDENTIALS: '1000000',
    LOG_LEVEL: 'error',
  })
  const tally: Tally = {
    races: 0,
    before: 0,
    beforeAccepted: 0,
    after: 0,
    accepted: [],
    unclear: 0,
    mismatches: 0,
    notLoggedOut: {},
  }
  const start = Date.now()
  try {
    let started = 0
    await Promise.all(Array.from({ length: LANES }, async () => {
      const lane = Array.from({ length: 1 + LOOKUPS_BEFORE }, () => new Pipe(service.port))
      while (started < goal) await race(kratos, lane, started++, tally)
      lane.forEach((pipe) => pipe.close())
    }))
    const { accepted, unclear, mismatches, notLoggedOut, beforeAccepted, before } = tally
    const failed = Object.values(notLoggedOut).reduce((sum, count) => sum + count, 0)
    return verdict(`logout races, cache ${cacheSeconds} s`, {
      ...tally,
      accepted: accepted.length,
      perSecond: Math.round(tally.races / (Date.now() - start) * 1000),
    }, [
      [accepted.length === 0, `accepted after a logout: ${accepted.slice(0, 5).join('; ')}`],
      [mismatches === 0, 'answers of somebody else'],
      [failed < 0.01 * goal, `logouts failed: ${JSON.stringify(notLoggedOut)}`],
      [unclear < 0.01 * tally.after, `${unclear} look-ups after a logout were neither refused nor accepted`],
      [beforeAccepted > 0.1 * before && beforeAccepted < before, 'the look-ups did not race the logouts'],
      [service.stderr() === '', `on standard error: ${service.stderr()}`],
    ])
  } finally {
    await service.stop()
    kratos.stop()
  }
}
