import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ENVIRONMENT } from '../support/app.js'
import { freePorts, ROOT } from '../support/process.js'
import { SESSION } from '../support/faults.js'
import { preparePostgres } from '../store/postgres-server.js'
import { numberFrom, type Result, verdict } from './result.js'

/** Whole rounds in which each of the replicas is restarted. */
const RESTARTS = numberFrom('SOAK_RESTARTS', 10)
const POSTS = numberFrom('SOAK_POSTS', 2000)
/** As often as balancers usually look. */
const PROBE_INTERVAL_MS = 500
const CONNECTIONS = 16

/** A Kratos in good health, to whom every token is the same person's. */
async function startKratos (): Promise<{ url: string, close: () => void }> {
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(SESSION))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

interface Replica {
  port: number
  /** Ends it by SIGTERM and starts it again on its port; resolves when it is ready. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

/** The built service with what production has by default; two of them share a Postgres. */
async function startReplica (port: number, env: Record<string, string>): Promise<Replica> {
  const start = async () => {
    const child = spawn(process.execPath, ['dist/src/server.js'], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        ...ENVIRONMENT,
        // Empty is not set; with 0 this soak fails.
        SHUTDOWN_DELAY_MS: process.env['SHUTDOWN_DELAY_MS'] ?? '',
        MAX_IN_FLIGHT: '',
        MAX_EVENT_LOOP_DELAY_MS: '',
        LOG_LEVEL: 'warn',
        HOST: '127.0.0.1',
        PORT: String(port),
        ...env,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    while (!await isReady(port)) await sleep(50)
    return child
  }
  let child = await start()
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
  return {
    port,
    stop,
    restart: async () => {
      await stop()
      child = await start()
    },
  }
}

const isReady = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health/ready`).then(({ status }) => status === 200, () => false)

/**
 * A balancer with keep-alive connections: a replica takes part while its probe says 200, and a request that fails is
 * never sent again.
 */
async function startProxy (ports: number[]) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  let healthy = [...ports]
  const probe = setInterval(async () => {
    const answers = await Promise.all(ports.map(isReady))
    healthy = ports.filter((_, index) => answers[index])
  }, PROBE_INTERVAL_MS)
  let turn = 0
  const server = http.createServer((request, response) => {
    const port = healthy[turn++ % healthy.length]
    const upstream = http.request(
      { agent, host: '127.0.0.1', port, method: request.method, path: request.url, headers: request.headers },
      (answer) => {
        const { connection: _, ...headers } = answer.headers
        response.writeHead(answer.statusCode ?? 502, headers)
        answer.pipe(response)
      },
    )
    upstream.on('error', () => response.writeHead(502).end())
    request.pipe(upstream)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      clearInterval(probe)
      agent.destroy()
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Rolling restarts of two replicas under a stream of POSTs, none of which may be lost (L05, N08). */
export async function run (): Promise<Result> {
  const kratos = await startKratos()
  const postgres = await preparePostgres()
  await postgres.start()
  const env = {
    KRATOS_PUBLIC_URL: kratos.url,
    KRATOS_ADMIN_URL: `${kratos.url}/admin`,
    DATABASE_URL: postgres.url,
    // All documents are one user's.
    DOCUMENTS_PER_USER: '1000000',
    DOCUMENT_BYTES_PER_USER: '999999999',
  }
  const ports = await freePorts(2)
  const replicas = await Promise.all(ports.map((port) => startReplica(port, env)))
  const proxy = await startProxy(ports)
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const outcomes = new Map<string, number>()

  async function post (n: number): Promise<void> {
    const body = JSON.stringify({ title: `Document ${n}`, content: 'x' })
    const outcome = await new Promise<string>((resolve) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-session-token': `ory_st_${String(n % 20).padStart(32, 'a')}`,
      }
      const target = { agent, host: '127.0.0.1', port: proxy.port, method: 'POST', path: '/api/documents', headers }
      http.request(target, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        // A refusal tells why.
        const why = (): string => answer.statusCode === 201 ? '' : ` ${/"code":"(\w+)"/.exec(text)?.[1] ?? 'no code'}`
        answer.on('end', () => resolve(`${answer.statusCode}${why()}`))
      }).on('error', () => resolve('lost')).end(body)
    })
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }

  let restarts = 0
  const over = new AbortController()
  const rolling = (async () => {
    for (; restarts < RESTARTS; restarts++) {
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
  proxy.close()
  await Promise.all(replicas.map(({ stop }) => stop()))
  kratos.close()
  await postgres.remove()

  const lost = sent - (outcomes.get('201') ?? 0)
  const figures = { restarts, posts: sent, lost, ...Object.fromEntries(outcomes) }
  return verdict('no POST is lost in rolling restarts (L05)', figures, [
    [lost === 0, `${lost} of ${sent} POSTs were lost`],
    [sent >= POSTS, `only ${sent} POSTs`],
  ])
}
