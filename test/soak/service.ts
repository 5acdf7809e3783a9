import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { START_FLAGS } from '../../bench/start-flags.js'
import { ENVIRONMENT } from '../support/app.js'
import { freePorts, ROOT } from '../support/process.js'

export interface Sample {
  rss: number
  heapUsed: number
  external: number
  openFiles: number
  resources: number
}

export interface SoakedService {
  port: number
  url: string
  /** What the process holds after a collection. */
  sample: () => Promise<Sample>
  /** What it holds as it is. */
  look: () => Promise<Sample>
  /** Everything it wrote to standard error; a warning of Node would be there. */
  stderr: () => string
  /** Its log lines of level error and above. */
  errors: () => string[]
  /** Ends it by SIGTERM; gives the exit code. */
  stop: () => Promise<number | null>
  /** Ends it by SIGKILL. */
  kill: () => Promise<void>
}

function keepErrors (child: ChildProcess): () => string[] {
  const errors: string[] = []
  let rest = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    errors.push(...lines.filter((line) => /"level":(?:50|60)/.test(line)).slice(0, 100 - errors.length))
  })
  return () => errors
}

async function listening (url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`)
    const answer = await fetch(`${url}/health/alive`).catch(() => undefined)
    if (answer?.status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the service does not listen')
}

/** The built service as it runs in production, in a process of its own. */
export async function startService (env: Record<string, string>): Promise<SoakedService> {
  const [port = 0] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'fastify-kratos-soak-'))
  const flags = [...START_FLAGS, '--expose-gc', '--import', './test/soak/report.mjs']
  const child = spawn(process.execPath, [...flags, 'dist/src/server.js'], {
    cwd: ROOT,
    // Empty is not set: here the limits are those that production has by default.
    env: {
      PATH: process.env['PATH'],
      // As in the Dockerfile.
      MALLOC_MMAP_THRESHOLD_: '32768',
      ...ENVIRONMENT,
      MAX_IN_FLIGHT: '',
      MAX_EVENT_LOOP_DELAY_MS: '',
      LOG_LEVEL: 'warn',
      START_CHECKS: 'false',
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: join(folder, 'app.db'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const end = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', end)
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(0, 10_000)
  })
  const errors = keepErrors(child)
  const url = `http://127.0.0.1:${port}`
  await listening(url, child)

  async function ask (what: 'sample' | 'look'): Promise<Sample> {
    child.send(what)
    const [message] = await once(child, 'message') as [Sample]
    return message
  }

  async function stop (): Promise<number | null> {
    const ended = child.exitCode === null ? once(child, 'exit') : Promise.resolve([child.exitCode])
    child.kill('SIGTERM')
    const [code] = await ended as [number | null]
    process.off('exit', end)
    await rm(folder, { recursive: true, force: true })
    return code
  }

  async function kill (): Promise<void> {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    process.off('exit', end)
    await rm(folder, { recursive: true, force: true })
  }

  return { port, url, sample: () => ask('sample'), look: () => ask('look'), stderr: () => stderr, errors, stop, kill }
}
