import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, truncateSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * CPU time so far of a process and its threads, in microseconds, and its resident memory now, in MB; NaN where there is
 * no `/proc`.
 */
export interface Usage {
  cpuUs: number
  rssMb: number
}

/** A server of the benchmark in a process of its own. */
export interface Program {
  name: string
  url: string
  usage: () => Usage
  /** Empties the file that its standard output goes to: a log of a few minutes of load is large. */
  trimLog: () => void
  stop: () => Promise<void>
}

export interface ProgramOptions {
  name: string
  /** A script for this Node, or a command of its own. */
  script?: string
  command?: (port: number) => string[]
  env: (port: number) => Record<string, string>
}

/** All processes of a scenario. */
export interface Fleet {
  /** Starts a script under this Node, with standard output to a file, and waits until it accepts connections. */
  start: (options: ProgramOptions) => Promise<Program>
  /** Runs a command to its end and gives what it printed. */
  run: (command: string, args: string[]) => Promise<string>
  /** Rejects when a server ends that was not told to. */
  died: Promise<never>
  stop: () => Promise<void>
  /** For the moment this process itself ends: kills whatever is left, at once. */
  kill: () => void
}

/** A process of the benchmark ended or never began to listen; the message holds its last words. */
export class ProgramError extends Error {
  override name = 'ProgramError'
}

const START_LIMIT_MS = 15_000
const STOP_LIMIT_MS = 3000
const KEPT_STDERR = 4000

/** A thread may end between the list and the look; the first field is its time on a processor, in nanoseconds. */
function threadTimeUs (pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1000
  } catch {
    return 0
  }
}

/** From `schedstat`: `/proc/<pid>/stat` counts in steps of 10 ms, and of ticks, not of time. */
export function usageOf (pid: number): Usage {
  if (!existsSync('/proc/self/schedstat')) return { cpuUs: NaN, rssMb: NaN }
  const threads = readdirSync(`/proc/${pid}/task`)
  const cpuUs = threads.reduce((sum, thread) => sum + threadTimeUs(pid, thread), 0)
  const rssKb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpuUs, rssMb: Number(rssKb) / 1024 }
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await once(server.close(), 'close')
  return port
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (isOpen: boolean): void => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

async function stopChild (child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await ended
  clearTimeout(timer)
}

/** Only what programs need of our own environment: nothing of it changes what is measured. */
const inherited = (): Record<string, string> =>
  Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR'].flatMap((name) =>
      process.env[name] === undefined ? [] : [[name, String(process.env[name])]],
    ),
  )

/** @param folder where the programs' output goes @param prefix command line in front of every server's own */
export function createFleet (folder: string, prefix: readonly string[] = []): Fleet {
  const children = new Set<ChildProcess>()
  const told = new WeakSet<ChildProcess>()
  let count = 0
  let fail: (error: Error) => void = () => {}
  const died = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  // Whoever starts no program has nobody to hear of it.
  died.catch(() => {})

  function launch (
    command: string,
    args: string[],
    options: { env: Record<string, string>, stdout: number | 'pipe' },
  ): { child: ChildProcess, stderr: () => string } {
    const child = spawn(command, args, { env: options.env, stdio: ['ignore', options.stdout, 'pipe'] })
    let stderr = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-KEPT_STDERR)
    })
    children.add(child)
    child.once('close', () => children.delete(child))
    return { child, stderr: () => stderr }
  }

  async function start ({ name, script = '', command = () => [process.execPath, script], env }: ProgramOptions): Promise<Program> {
    const port = await freePort()
    const log = join(folder, `${++count}.log`)
    const output = openSync(log, 'a')
    const [program = '', ...args] = [...prefix, ...command(port)]
    const { child, stderr } = launch(program, args, {
      env: { ...inherited(), ...env(port) },
      stdout: output,
    })
    closeSync(output)
    child.once('close', (code, signal) => {
      if (!told.has(child)) fail(new ProgramError(`${name} ended by itself (${signal ?? code}):\n${stderr()}`))
    })
    const limit = Date.now() + START_LIMIT_MS
    while (!await accepts(port)) {
      if (!isRunning(child)) await died
      if (Date.now() > limit) throw new ProgramError(`${name} does not listen:\n${stderr()}`)
      await sleep(20)
    }
    return {
      name,
      url: `http://127.0.0.1:${port}`,
      usage: () => usageOf(child.pid ?? 0),
      trimLog: () => truncateSync(log),
      stop: () => {
        told.add(child)
        return stopChild(child)
      },
    }
  }

  async function run (command: string, args: string[]): Promise<string> {
    const { child, stderr } = launch(command, args, { env: inherited(), stdout: 'pipe' })
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const [code] = await once(child, 'close')
    if (code !== 0) throw new ProgramError(`${[command, ...args].join(' ')} ended with ${code}:\n${stderr()}`)
    return output
  }

  return {
    start,
    run,
    died,
    stop: async () => {
      const all = [...children]
      for (const child of all) told.add(child)
      await Promise.all(all.map(stopChild))
    },
    kill: () => {
      for (const child of children) {
        told.add(child)
        child.kill('SIGKILL')
      }
    },
  }
}
