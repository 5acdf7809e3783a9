import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'

export const ROOT = join(import.meta.dirname, '../..')

/** Where `transpile.ts` writes the repository's programs as JavaScript, before all tests; tap's folder is ignored. */
export const TRANSPILED = join(ROOT, '.tap/transpiled')

/** @param file a source below the root, such as `src/server.ts`; gives what Node starts */
export const transpiled = (file: string): string => join(TRANSPILED, file.replace(/\.ts$/, '.js'))

/**
 * Below those that systems hand out to whoever wants any port (49152 on, on Linux 32768 on): another test, or a client,
 * would get one of them between the look here and the start of the program.
 */
const [FIRST_PORT, PORTS] = [21_000, 11_000]
/** Test files are processes, and start to look in different places. */
let looked = process.pid * 61

function isFree (port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false)).listen(port, () => server.close(() => resolve(true)))
  })
}

/** Ports that nobody listens at, each told once: for programs that insist on being told. */
export async function freePorts (count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; tries < PORTS && ports.length < count; tries++) {
    const port = FIRST_PORT + looked++ % PORTS
    if (await isFree(port)) ports.push(port)
  }
  if (ports.length < count) throw new Error('no port is free')
  return ports
}

export interface Program {
  child: ChildProcess
  /** Everything it printed so far. */
  output: () => string
  /** Resolves when the output matches; rejects when the program ends before. */
  printed: (pattern: RegExp) => Promise<void>
  /** Exit code and the signal that ended it. */
  ended: Promise<{ code: number | null, signal: NodeJS.Signals | null }>
}

/** Runs a program of the repository, by Node unless another command is named; it ends with the test at the latest. */
export function run (
  t: Test,
  args: string[],
  env: Record<string, string> = {},
  cwd = ROOT,
  command = process.execPath,
): Program {
  const inherited = Object.fromEntries(['PATH', 'HOME', 'TMPDIR'].map((name) => [name, process.env[name]]))
  const child = spawn(command, args, { cwd, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const watchers = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      for (const watch of watchers) watch()
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })

  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (!pattern.test(output)) return
        watchers.delete(watch)
        resolve()
      }
      watchers.add(watch)
      watch()
      ended.then(
        ({ code }) => reject(new Error(`ended with ${code} before it printed ${String(pattern)}:\n${output}`)),
        reject,
      )
    })

  return { child, output: () => output, printed, ended }
}
