import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { preparePostgres } from '../store/postgres-server.js'
import { startGate } from './gate.js'
import { type Receiver, startReceiver } from './receiver.js'
import { exceedBudgets } from './replicas-budgets.js'
import { quantile, requestsAnswered } from './replicas-calls.js'
import { logOutMany } from './replicas-logouts.js'
import { type Account, restartUnderLoad, ROUNDS } from './replicas-restarts.js'
import { numberFrom, type Result, verdict } from './result.js'
import { type SoakedService, startService } from './service.js'
import { startStandIn } from './stand-in.js'

const LOGOUTS = numberFrom('SOAK_LOGOUTS', 200)
const REPLICAS = 4
const LANES = 4
/** As many logouts while the bus is cut, all at once. */
const LOGOUTS_WHILE_CUT = 20
/** Of events, after the last kill: a lease runs out, and two of the delays between attempts pass. */
const DELIVERED_MS = 240_000

async function missing (url: string, ids: string[]): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query('SELECT count(*)::int AS found FROM documents WHERE id = ANY($1)', [ids])
  await client.end()
  return ids.length - (rows[0] as { found: number }).found
}

/** How many events of each kind that was acknowledged never arrive. */
async function undelivered ({ identitiesOf, requestsOf }: Receiver, account: Account) {
  const deadline = performance.now() + DELIVERED_MS
  const count = (wanted: string[], delivered: Set<string | null>): number =>
    wanted.filter((id) => !delivered.has(id)).length
  for (;;) {
    const ended = requestsOf('session.ended')
    const left = {
      created: count(account.users, identitiesOf('user.created')),
      updated: count(account.changed, identitiesOf('user.updated')),
      ended: count(account.logouts, ended),
      endedAnsweredLate: count(account.slowLogouts, ended),
    }
    const isComplete = Object.values(left).every((number) => number === 0)
    if (isComplete || performance.now() > deadline) return left
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
    TRUST_PROXY: '127.0.0.1',
    LOGIN_LIMIT_PER_ADDRESS: '',
    LOGIN_LIMIT_PER_IDENTIFIER: '',
    LOGIN_LIMIT_BURST: '',
    // All come from one address, and every one ends with a session that is over.
    LOGIN_LIMIT_FAILING_CREDENTIALS: '1000000',
    DOCUMENTS_PER_USER: '1000000',
    LOG_LEVEL: 'error',
  })
  const replicas = await Promise.all(gates.map((_, index) => start(index)))
  try {
    const urls = replicas.map(({ url }) => url)
    await sleep(3000) // until everybody has heard everybody
    const connected = await logOutMany(kratos, urls, LOGOUTS, LANES)
    const budgets = await exceedBudgets(urls)
    gates[0]?.close()
    const oneCut = await logOutMany(kratos, urls, LOGOUTS_WHILE_CUT, LOGOUTS_WHILE_CUT)
    for (const gate of gates) gate.close()
    const allCut = await logOutMany(kratos, urls, LOGOUTS_WHILE_CUT, LOGOUTS_WHILE_CUT)
    for (const gate of gates) gate.open()
    const account = await restartUnderLoad(kratos, replicas, start)
    const { documents, users, changed, logouts, slowLogouts, ...counted } = account
    const lost = await missing(postgres.url, documents)
    const left = await undelivered(receiver, account)
    const [latest = 0, latestOneCut = 0, latestAllCut = 0] = [connected, oneCut, allCut].map((times) => times.at(-1))
    const p99 = quantile(connected, 0.99) ?? 0
    return verdict(`${REPLICAS} replicas, cache 60 s`, {
      requests: requestsAnswered(),
      logouts: LOGOUTS,
      acceptedAfterMs: { p50: quantile(connected, 0.5), p90: quantile(connected, 0.9), p99, latest },
      cut: { one: latestOneCut, all: latestAllCut },
      budgets,
      ...ROUNDS,
      ...counted,
      acknowledged: {
        documents: documents.length,
        users: users.length,
        changes: changed.length,
        logouts: logouts.length,
        logoutsAnsweredLate: slowLogouts.length,
      },
      lost: { documents: lost, ...left },
      deliveries: {
        events: receiver.times.size,
        again: [...receiver.times.values()].filter((count) => count > 1).length,
        clashes: receiver.clashes(),
        outOfOrder: receiver.outOfOrder(),
      },
    }, [
      [latest <= 1000, `accepted ${latest} ms after a logout`],
      [p99 <= 250, `one in a hundred is accepted ${p99} ms after a logout`],
      [budgets.judged > 0 && budgets.wrong.length === 0, `budgets: ${budgets.wrong.join(', ')}`],
      [latestOneCut <= 5000, `accepted ${latestOneCut} ms after a logout while one was cut off`],
      [latestAllCut <= 5000, `accepted ${latestAllCut} ms after a logout while all were cut off`],
      [counted.late === 0, `${counted.late} times accepted 5 s after a logout while replicas were restarted`],
      [counted.badExits === 0, `${counted.badExits} replicas did not end in good order`],
      [documents.length > 100 && lost === 0, `${lost} of ${documents.length} acknowledged documents were lost`],
      [users.length > 100 && left.created === 0, `${left.created} of ${users.length} new users were told to nobody`],
      [left.updated === 0, `${left.updated} of ${changed.length} changes of users were told to nobody`],
      [logouts.length > 10 && left.ended === 0, `${left.ended} of ${logouts.length} logouts were told to nobody`],
      [receiver.clashes() === 0, `${receiver.clashes()} events were delivered twice at the same time`],
      [receiver.outOfOrder() === 0, `${receiver.outOfOrder()} changes were told before the user`],
      [counted.falseRefusals === 0, `${counted.falseRefusals} valid sessions were answered 401`],
    ])
  } finally {
    await Promise.all(replicas.map((replica) => replica.stop()))
    for (const gate of gates) gate.end()
    kratos.stop()
    receiver.stop()
    await postgres.remove()
  }
}
