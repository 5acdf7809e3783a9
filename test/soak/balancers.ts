import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts, ROOT } from '../support/process.js'
import { isReady } from './replica.js'

/** As often as balancers usually look. */
export const PROBE_INTERVAL_MS = 500
const CONNECTIONS = 16
const START_MS = 10_000
/** Longer than a soak keeps its clients' connections idle: who reuses one that is about to close loses a request. */
const KEPT_MS = 600_000

export interface Balancer {
  port: number
  /** Of clients with keep-alive connections to it; it checks the certificate where there is one. */
  agentFrom: (localAddress?: string) => http.Agent | https.Agent
  isTls: boolean
  close: () => void
}

export type StartBalancer = (replicas: number[]) => Promise<Balancer>

/**
 * A balancer with keep-alive connections: a replica takes part while its probe says 200, and a request that fails is
 * never sent again.
 */
const startOwn: StartBalancer = async (ports) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  let healthy = [...ports]
  const probe = setInterval(async () => {
    const answers = await Promise.all(ports.map(isReady))
    healthy = ports.filter((_, index) => answers[index])
  }, PROBE_INTERVAL_MS)
  let turn = 0
  const server = http.createServer({ keepAliveTimeout: KEPT_MS }, (request, response) => {
    const port = healthy[turn++ % healthy.length]
    const upstream = http.request(
      { agent, host: '127.0.0.1', port, method: request.method, path: request.url, headers: request.headers },
      (answer) => {
        // How long a connection is kept is a matter of its two ends (RFC 9110, section 7.6.1).
        const { connection: _, 'keep-alive': _limit, ...headers } = answer.headers
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
    agentFrom: () => new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS }),
    isTls: false,
    close: () => {
      clearInterval(probe)
      agent.destroy()
      server.closeAllConnections()
      server.close()
    },
  }
}

const TLS = join(ROOT, 'test/fixtures/tls')
const tls = (file: string): string => readFileSync(join(TLS, file), 'utf8')

const SERVER = /^ *server .*10\.0\.0\.\d+:3000.*\n/m

/** The text of an example with addresses of this machine; what cannot be replaced is there no more. */
function adapted (file: string, replicas: number[], replacements: Array<[what: RegExp | string, by: string]>): string {
  const example = readFileSync(join(ROOT, file), 'utf8')
  const [line = ''] = SERVER.exec(example) ?? []
  const lines = replicas.map((port, index) =>
    line.replace(/10\.0\.0\.\d+:3000/, `127.0.0.1:${port}`).replace(' one ', ` number${index} `),
  )
  const all: typeof replacements = [[new RegExp(`(?:${SERVER.source})+`, 'm'), lines.join('')], ...replacements]
  return all.reduce((text, [what, by]) => {
    const next = text.replace(what, by)
    if (next === text) throw new Error(`${file} has no ${String(what)}`)
    return next
  }, example)
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).once('connect', () => socket.destroy())
  })

interface Program {
  name: string
  /** What the example becomes, and how the program is told to use it. */
  prepare: (folder: string, port: number, replicas: number[]) => { text: string, check: string[], run: string[] }
}

const PROGRAMS: Program[] = [
  {
    name: 'nginx',
    prepare: (folder, port, replicas) => {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${folder}/${name};`)
      const text = adapted('examples/deploy/nginx.conf', replicas, [
        ['http {', `http { access_log off; ${temporary.join(' ')}`],
        [/^ *listen 443 /m, `listen 127.0.0.1:${port} `],
        [/\/etc\/nginx\/tls\/\S+\.crt/, join(TLS, 'good.pem')],
        [/\/etc\/nginx\/tls\/\S+\.key/, join(TLS, 'server.key')],
      ])
      const common = ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx'), '-g', `daemon off; pid ${folder}/pid;`]
      return { text, check: ['-t', ...common], run: common }
    },
  },
  {
    name: 'haproxy',
    prepare: (folder, port, replicas) => {
      const certificate = join(folder, 'certificate.pem')
      writeFileSync(certificate, tls('good.pem') + tls('server.key'))
      const text = adapted('examples/deploy/haproxy.cfg', replicas, [
        ['bind :443 ', `bind 127.0.0.1:${port} `],
        [/\/etc\/haproxy\/tls\/\S+\.pem/, certificate],
      ])
      return { text, check: ['-c', '-f', join(folder, 'haproxy')], run: ['-db', '-f', join(folder, 'haproxy')] }
    },
  },
]

/** The example of examples/deploy as an operator uses it: checked by the program itself, then run. */
const startProgram = ({ name, prepare }: Program): StartBalancer => async (replicas) => {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-kratos-proxy-'))
  // Its workers are somebody else where root starts it.
  chmodSync(folder, 0o755)
  const [port = 0] = await freePorts(1)
  const { text, check, run } = prepare(folder, port, replicas)
  writeFileSync(join(folder, name), text)
  execFileSync(name, check, { stdio: 'pipe' })
  const child: ChildProcess = spawn(name, run, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-2000)
  })
  const end = (): void => {
    child.kill('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', end)
  for (const deadline = Date.now() + START_MS; !await listens(port); await sleep(50)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${name} does not listen:\n${log}`)
  }
  return {
    port,
    agentFrom: (localAddress) => new https.Agent({
      keepAlive: true,
      maxSockets: CONNECTIONS,
      ca: tls('authority.pem'),
      ...(localAddress === undefined ? {} : { localAddress }),
    }),
    isTls: true,
    close: () => {
      process.off('exit', end)
      end()
    },
  }
}

const isOnPath = (name: string): boolean => spawnSync(name, ['-v'], { stdio: 'ignore' }).status === 0

/** By their names; undefined: not on the PATH. */
export const balancers = (): Record<string, StartBalancer | undefined> => ({
  own: startOwn,
  ...Object.fromEntries(PROGRAMS.map((program) => [
    program.name,
    isOnPath(program.name) ? startProgram(program) : undefined,
  ])),
})
