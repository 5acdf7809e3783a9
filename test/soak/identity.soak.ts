import { GUARDED, type HeldSession, identityIn, login, logout, pick, proof } from './sessions.js'
import { Pipe, type Reply } from './pipe.js'
import { numberFrom, type Result, verdict } from './result.js'
import { startService } from './service.js'
import { identityOf, startStandIn } from './stand-in.js'

const USERS = 1000
const CONNECTIONS = 8
/** With all connections fewer than whoami's lane takes, so that nothing is refused for being too much. */
const BATCH = 12
/** Part of the batches that are followed by a logout and a login. */
const CHANGES = 0.2
const DEAD_KEPT = 4

interface User {
  number: number
  sessions: HeldSession[]
  dead: HeldSession[]
  changes: number
  isChanging: boolean
}

interface Tally {
  requests: number
  right: number
  mismatches: string[]
  wronglyRefused: string[]
  revived: string[]
  faults: number
  logins: number
  logouts: number
  failedLogouts: number
}

interface Asked {
  user: User
  isDead: boolean
  session: HeldSession
  changes: number
  isSteady: boolean
}

function judge (tally: Tally, { user, isDead, session, changes, isSteady }: Asked, reply: Reply): void {
  tally.requests++
  const { status } = reply
  if (status === 200) {
    const found = identityIn(reply)
    if (found === identityOf(user.number).id) tally.right++
    else tally.mismatches.push(`${String(found)} for user ${user.number}`)
    if (isDead) tally.revived.push(`${session.value.slice(0, 12)} of user ${user.number}`)
  } else if (status === 401) {
    // Whoever logged out in the meantime is refused rightly.
    if (!isDead && isSteady && user.changes === changes && !user.isChanging) { tally.wronglyRefused.push(`user ${user.number}`) }
  } else {
    tally.faults++
  }
}

/** Ends one of a user's sessions and begins another, while other connections go on asking with it. */
async function change (pipe: Pipe, user: User, tally: Tally): Promise<void> {
  if (user.isChanging) return
  user.isChanging = true
  const session = pick(user.sessions)
  const reply = await logout(pipe, session)
  if (reply.status === 200) {
    tally.logouts++
    user.dead = [session, ...user.dead].slice(0, DEAD_KEPT)
  } else {
    tally.failedLogouts++
  }
  user.sessions = [
    ...user.sessions.filter((other) => other !== session),
    await login(pipe, user.number, Math.random() < 0.3),
  ]
  tally.logins++
  user.changes++
  user.isChanging = false
}

async function work (pipe: Pipe, users: User[], tally: Tally, goal: number): Promise<void> {
  while (tally.requests < goal) {
    const asked = Array.from({ length: BATCH }, (): Asked => {
      const user = pick(users)
      const isDead = user.dead.length > 0 && Math.random() < 0.1
      return {
        user,
        isDead,
        session: pick(isDead ? user.dead : user.sessions),
        changes: user.changes,
        isSteady: !user.isChanging,
      }
    })
    const replies = await pipe.send(asked.map(({ session }) => {
      const request = pick(GUARDED)
      return { ...request, headers: proof(session) }
    }))
    replies.forEach((reply, index) => judge(tally, asked[index] as Asked, reply))
    if (Math.random() < CHANGES) await change(pipe, pick(users), tally)
  }
}

/** Every answer belongs to the credential that asked (I02, figure 2). */
export async function run (cacheSeconds: number): Promise<Result> {
  const goal = numberFrom('SOAK_REQUESTS', 1_000_000)
  const kratos = await startStandIn({ delayMs: 2, resets: 0.001 })
  const service = await startService({
    KRATOS_PUBLIC_URL: kratos.url,
    SESSION_CACHE_MAX_AGE: String(cacheSeconds),
    TRUST_PROXY: '127.0.0.1',
    LOG_LEVEL: 'error',
  })
  const tally: Tally = {
    requests: 0,
    right: 0,
    mismatches: [],
    wronglyRefused: [],
    revived: [],
    faults: 0,
    logins: 0,
    logouts: 0,
    failedLogouts: 0,
  }
  const start = Date.now()
  try {
    const wanted = Array.from({ length: USERS }, (_, user) => [{ user, sealed: false }, { user, sealed: true }]).flat()
    const issued = await kratos.issue(wanted)
    const users = Array.from(
      { length: USERS },
      (_, number): User => ({
        number,
        sessions: [{ value: issued[2 * number] ?? '', sealed: false }, {
          value: issued[2 * number + 1] ?? '',
          sealed: true,
        }],
        dead: [],
        changes: 0,
        isChanging: false,
      }),
    )
    const pipes = Array.from({ length: CONNECTIONS }, () => new Pipe(service.port))
    await Promise.all(pipes.map((pipe) => work(pipe, users, tally, goal)))
    pipes.forEach((pipe) => pipe.close())
    const { mismatches, revived, wronglyRefused, faults } = tally
    return verdict(`identity mix-up, cache ${cacheSeconds} s`, {
      ...tally,
      mismatches: mismatches.length,
      revived: revived.length,
      wronglyRefused: wronglyRefused.length,
      perSecond: Math.round(tally.requests / (Date.now() - start) * 1000),
    }, [
      [mismatches.length === 0, `answers of somebody else: ${mismatches.slice(0, 5).join(', ')}`],
      [revived.length === 0, `sessions that lived on after their logout: ${revived.slice(0, 5).join(', ')}`],
      [wronglyRefused.length === 0, `valid sessions refused with 401: ${wronglyRefused.slice(0, 5).join(', ')}`],
      [faults < 0.02 * tally.requests, 'more faults than the resets explain'],
      [tally.logouts > 0 && tally.logins > 0, 'nobody logged out'],
      [service.stderr() === '', `on standard error: ${service.stderr()}`],
    ])
  } finally {
    await service.stop()
    kratos.stop()
  }
}
