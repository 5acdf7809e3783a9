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

/** Ports that were free a moment ago: for programs that insist on being told. */
export async function freePorts (count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
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
