import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { WEBHOOK_KEY } from '../support/app.js'
import { preparePostgres } from '../store/postgres-server.js'
import { startGate } from './gate.js'
import { Pipe, type Reply, type SoakRequest } from './pipe.js'
import { type Receiver, startReceiver } from './receiver.js'
import { numberFrom, type Result, verdict } from './result.js'
import { type SoakedService, startService } from './service.js'
import { startStandIn, type StandIn } from './stand-in.js'

const LOGOUTS = numberFrom('SOAK_LOGOUTS', 200)
const KILLS = numberFrom('SOAK_KILLS', 8)
const REPLICAS = 4
const LANES = 4
/** As many logouts while the bus is cut, all at once. */
const LOGOUTS_WHILE_CUT = 20
const USERS = 200
const PAUSE_BETWEEN_KILLS_MS = 3000
const POLL_MS = 10
const LATEST_MS = 15_000
/** Of events, after the last kill. */
const DELIVERED_MS = 120_000

const headersOf = (token: string): Record<string, string> => ({ 'x-session-token': token })
const quantile = (sorted: number[], part: number): number | undefined =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]

/** One request on a connection of its own, by plain HTTP: fetch says that it is a browser. */
async function ask (url: string, request: SoakRequest): Promise<Reply> {
  const pipe = new Pipe(Number(new URL(url).port))
  try {
    return await pipe.one(request)
  } finally {
    pipe.close()
  }
}

const statusOf = async (url: string, token: string): Promise<number> =>
  (await ask(url, { path: '/api/auth/whoami', headers: headersOf(token) })).status

/** Milliseconds after "logged out" until a replica says 401. */
async function lastAccepted (url: string, token: string, since: number): Promise<number> {
  for (let accepted = 0; ;) {
    const askedAt = performance.now()
    if (await statusOf(url, token) === 401) return accepted
    accepted = askedAt - since
    if (accepted > LATEST_MS) return accepted
    await sleep(POLL_MS)
  }
}

/** One session, kept by all replicas, is ended at one of them; when each accepted it last. */
async function logOut (kratos: StandIn, urls: string[], user: number): Promise<number[]> {
  const [token = ''] = await kratos.issue([{ user, sealed: false }])
  const before = await Promise.all(urls.map((url) => statusOf(url, token)))
  if (before.some((status) => status !== 200)) throw new Error(`a valid session is answered ${before.join()}`)
  const leaving = urls[user % urls.length] ?? ''
  const { status, body } = await ask(leaving, {
    method: 'POST',
    path: '/api/auth/logout',
    headers: headersOf(token),
    body: {},
  })
  if (status !== 200) throw new Error(`logout is answered ${status} ${body}`)
  const since = performance.now()
  return await Promise.all(urls.map((url) => lastAccepted(url, token, since)))
}

const inOrder = (values: number[][]): number[] => values.flat().map(Math.round).sort((one, other) => one - other)

async function logOutMany (kratos: StandIn, urls: string[], count: number, lanes: number): Promise<number[]> {
  const times: number[][] = []
  let started = 0
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (started < count) times.push(await logOut(kratos, urls, started++ % USERS))
  }))
  return inOrder(times)
}

/** As Kratos does after a registration: acknowledged, the event of the new user must be delivered some time. */
async function registerOne (url: string): Promise<string | undefined> {
  const id = randomUUID()
  const reply = await ask(url, {
    method: 'POST',
    path: '/internal/auth/user-created',
    headers: { 'x-webhook-key': WEBHOOK_KEY },
    body: { identity: { id, traits: { email: `${id}@example.test` }, updated_at: '2026-01-01T00:00:00Z' } },
  }).catch(() => undefined)
  return reply?.status === 200 ? id : undefined
}

/** Documents are written, and users made, all the time while one replica after the other is killed and started anew. */
async function killInTurn (
  kratos: StandIn,
  replicas: SoakedService[],
  restart: (index: number) => Promise<SoakedService>,
) {
  const tokens = await kratos.issue(Array.from({ length: USERS }, (_, user) => ({ user, sealed: false })))
  const acknowledged: string[] = []
  const users: string[] = []
  let falseRefusals = 0
  const over = new AbortController()
  let sent = 0
  const writers = Array.from({ length: LANES }, async (_, lane) => {
    while (!over.signal.aborted) {
      const number = sent++
      const { url } = replicas[(number + lane) % replicas.length] as SoakedService
      const reply = await ask(url, {
        method: 'POST',
        path: '/api/documents',
        headers: headersOf(tokens[number % USERS] ?? ''),
        body: { title: `Document ${number}`, content: 'x' },
      }).catch(() => undefined)
      if (reply?.status === 401) falseRefusals++
      const id = /"id":"([0-9a-f-]{36})"/.exec(reply?.body ?? '')?.[1]
      if (reply?.status === 201 && id !== undefined) acknowledged.push(id)
      const user = await registerOne(url)
      if (user !== undefined) users.push(user)
      await sleep(5)
    }
  })
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(PAUSE_BETWEEN_KILLS_MS)
    const index = kill % replicas.length
    await replicas[index]?.kill()
    replicas[index] = await restart(index)
  }
  over.abort()
  await Promise.all(writers)
  return { sent, acknowledged, users, falseRefusals }
}

async function missing (url: string, ids: string[]): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query('SELECT count(*)::int AS found FROM documents WHERE id = ANY($1)', [ids])
  await client.end()
  return ids.length - (rows[0] as { found: number }).found
}

/** How many of these never arrive; a lease has to run out and the first of the delays between attempts to pass. */
async function undelivered ({ identitiesOf }: Receiver, users: string[]): Promise<number> {
  const deadline = performance.now() + DELIVERED_MS
  for (;;) {
    const delivered = identitiesOf('user.created')
    const left = users.filter((id) => !delivered.has(id)).length
    if (left === 0 || performance.now() > deadline) return left
    await sleep(500)
  }
}

/** Four replicas on one Postgres: a logout is heard by all, and nothing that was acknowledged is lost (N03). */
export async function run (): Promise<Result> {
  const postgres = await preparePostgres()
  await postgres.start()
  const kratos = await startStandIn({ delayMs: 5, resets: 0 })
  const receiver = await startReceiver({ delayMs: 2, refuseEvery: 500 })
  const gates = await Promise.all(Array.from({ length: REPLICAS }, () => startGate(postgres.url)))
  const start = (index: number): Promise<SoakedService> => startService({
    KRATOS_PUBLIC_URL: kratos.url,
    DATABASE_URL: postgres.url,
    BUS_DATABASE_URL: gates[index]?.url ?? '',
    SESSION_CACHE_MAX_AGE: '60',
    EVENTS_WEBHOOKS: receiver.url,
    EVENTS_WEBHOOK_SECRET: receiver.secret,
    // All come from one address, and every one ends with a session that is over.
    LOGIN_LIMIT_FAILING_CREDENTIALS: '1000000',
    LOG_LEVEL: 'error',
  })
  const replicas = await Promise.all(gates.map((_, index) => start(index)))
  try {
    const urls = replicas.map(({ url }) => url)
    await sleep(3000) // until everybody has heard everybody
    const connected = await logOutMany(kratos, urls, LOGOUTS, LANES)
    gates[0]?.close()
    const oneCut = await logOutMany(kratos, urls, LOGOUTS_WHILE_CUT, LOGOUTS_WHILE_CUT)
    for (const gate of gates) gate.close()
    const allCut = await logOutMany(kratos, urls, LOGOUTS_WHILE_CUT, LOGOUTS_WHILE_CUT)
    for (const gate of gates) gate.open()
    const { sent, acknowledged, users, falseRefusals } = await killInTurn(kratos, replicas, start)
    const lost = await missing(postgres.url, acknowledged)
    const eventsLost = await undelivered(receiver, users)
    const ended = receiver.countOf('session.ended')
    const logouts = LOGOUTS + 2 * LOGOUTS_WHILE_CUT
    const [latest = 0, latestOneCut = 0, latestAllCut = 0] = [connected, oneCut, allCut].map((times) => times.at(-1))
    return verdict(`${REPLICAS} replicas, cache 60 s`, {
      logouts: LOGOUTS,
      acceptedAfterMs: { p50: quantile(connected, 0.5), p99: quantile(connected, 0.99), latest },
      cut: { one: latestOneCut, all: latestAllCut },
      kills: KILLS,
      writes: sent,
      acknowledged: acknowledged.length,
      lost,
      falseRefusals,
      events: {
        users: users.length,
        undelivered: eventsLost,
        endedSessions: ended,
        again: [...receiver.times.values()].filter((count) => count > 1).length,
      },
    }, [
      [latest <= 1000, `accepted ${latest} ms after a logout`],
      [latestOneCut <= 5000, `accepted ${latestOneCut} ms after a logout while one was cut off`],
      [latestAllCut <= 5000, `accepted ${latestAllCut} ms after a logout while all were cut off`],
      [acknowledged.length > 100 && lost === 0, `${lost} of ${acknowledged.length} acknowledged documents were lost`],
      [users.length > 100 && eventsLost === 0, `${eventsLost} of ${users.length} acknowledged users were told to nobody`],
      [ended >= logouts, `${ended} of ${logouts} logouts were told`],
      [receiver.clashes() === 0, `${receiver.clashes()} events were delivered twice at the same time`],
      [falseRefusals === 0, `${falseRefusals} valid sessions were answered 401`],
    ])
  } finally {
    await Promise.all(replicas.map((replica) => replica.stop()))
    for (const gate of gates) gate.end()
    kratos.stop()
    receiver.stop()
    await postgres.remove()
  }
}
