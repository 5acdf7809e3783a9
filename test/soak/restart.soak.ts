import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../support/process.js'
import { SESSION } from '../support/faults.js'
import { preparePostgres } from '../store/postgres-server.js'
import { type Balancer, balancers, PROBE_INTERVAL_MS } from './balancers.js'
import { brokenRules, LARGE_BYTES, METRICS_TOKEN, OPERATOR_KEY, through } from './proxy-rules.js'
import { type Replica, startReplica } from './replica.js'
import { numberFrom, type Result, verdict } from './result.js'

/** Whole rounds in which each of the replicas is restarted, for each balancer. */
const RESTARTS = numberFrom('SOAK_RESTARTS', 10)
const POSTS = numberFrom('SOAK_POSTS', 2000)
const REPLICAS = numberFrom('SOAK_REPLICAS', 2)

/** A Kratos in good health, to whom every token is the same person's. */
async function startKratos (): Promise<{ url: string, close: () => void }> {
  const large = { text: 'x'.repeat(LARGE_BYTES) }
  const server = http.createServer((request, response) => {
    const body = request.url?.startsWith('/schemas/') === true ? large : SESSION
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

/** A stream of POSTs while the replicas are restarted one after the other; how many were answered what. */
async function postWhileRolling (balancer: Balancer, replicas: Replica[]): Promise<Map<string, number>> {
  const agent = balancer.agentFrom()
  const outcomes = new Map<string, number>()

  async function post (n: number): Promise<void> {
    const { status, text } = await through(balancer, {
      method: 'POST',
      path: '/api/documents',
      headers: { 'x-session-token': `ory_st_${String(n % 20).padStart(32, 'a')}` },
      body: JSON.stringify({ title: `Document ${n}`, content: 'x' }),
    }, agent)
    // A refusal tells why.
    const why = status === 201 || status === 0 ? '' : ` ${/"code":"(\w+)"/.exec(text)?.[1] ?? 'no code'}`
    const outcome = status === 0 ? 'no answer' : `${status}${why}`
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }

  const over = new AbortController()
  const rolling = (async () => {
    for (let round = 0; round < RESTARTS; round++) {
      for (const replica of replicas) {
        await replica.restart()
        // The balancer has to see it before the next one goes.
        await sleep(2 * PROBE_INTERVAL_MS)
      }
    }
  })().finally(() => {
    over.abort()
  })
  const pending = new Set<Promise<void>>()
  let sent = 0
  // For as long as there are restarts, and spread over them.
  while (!over.signal.aborted || sent < POSTS) {
    const one = post(sent++).finally(() => pending.delete(one))
    pending.add(one)
    await sleep(over.signal.aborted ? 1 : 20)
  }
  await Promise.all([...pending, rolling])
  agent.destroy()
  return outcomes
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0)

/**
 * Rolling restarts under a stream of POSTs, none of which may be lost (L05, N08): before a balancer of this file's own,
 * and before nginx and HAProxy by the examples of this repository, where they are on the PATH.
 */
export async function run (): Promise<Result> {
  const kratos = await startKratos()
  const postgres = await preparePostgres()
  await postgres.start()
  const env = {
    PUBLIC_URL: 'https://api.example.com',
    KRATOS_PUBLIC_URL: kratos.url,
    KRATOS_ADMIN_URL: `${kratos.url}/admin`,
    KRATOS_PROXY: 'true',
    DATABASE_URL: postgres.url,
    TRUST_PROXY: '127.0.0.1',
    OPERATOR_KEY,
    METRICS_TOKEN,
    LOGIN_LIMIT_PER_ADDRESS: '',
    LOGIN_LIMIT_PER_IDENTIFIER: '',
    LOGIN_LIMIT_BURST: '',
    // All documents are one user's.
    DOCUMENTS_PER_USER: '1000000',
    DOCUMENT_BYTES_PER_USER: '999999999',
  }
  const ports = await freePorts(REPLICAS)
  const replicas = await Promise.all(ports.map((port) => startReplica(port, env)))
  const figures: Record<string, unknown> = { rounds: RESTARTS, replicas: REPLICAS }
  const checks: Array<[holds: boolean, failure: string]> = []
  try {
    for (const [name, start] of Object.entries(balancers())) {
      if (start === undefined) {
        figures[name] = 'skipped: not on the PATH'
        continue
      }
      const balancer = await start(ports)
      try {
        const broken = balancer.isTls ? await brokenRules(balancer) : []
        const outcomes = await postWhileRolling(balancer, replicas)
        const posts = sum(outcomes.values())
        const lost = posts - (outcomes.get('201') ?? 0)
        figures[name] = { posts, lost, ...Object.fromEntries(outcomes) }
        checks.push(
          [lost === 0, `${name}: ${lost} of ${posts} POSTs were lost`],
          [posts >= POSTS, `${name}: only ${posts} POSTs`],
          ...broken.map((rule): [boolean, string] => [false, `${name}: ${rule}`]),
        )
      } finally {
        balancer.close()
      }
    }
  } finally {
    await Promise.all(replicas.map(({ stop }) => stop()))
    kratos.close()
    await postgres.remove()
  }
  return verdict('no POST is lost in rolling restarts (L05)', figures, checks)
}
