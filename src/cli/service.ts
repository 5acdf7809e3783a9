import type { Command } from './commands/command.js'
import { UsageError } from './commands/command.js'

/** Loaded when they are asked for: the service needs none of them. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  migrate: async () => (await import('./commands/migrate.js')).migrate,
  reconcile: async () => (await import('./commands/reconcile.js')).reconcile,
  import: async () => (await import('./commands/import.js')).importIdentities,
  'dead-letters': async () => (await import('./commands/dead-letters.js')).deadLetters,
  doctor: async () => (await import('./commands/doctor.js')).doctor,
}

async function help (): Promise<string> {
  const lines = await Promise.all(Object.entries(COMMANDS).map(async ([name, load]) => {
    const { usage, about } = await load()
    return `  ${name} ${usage}\n      ${about}\n`
  }))
  return `service [serve]\n      runs the service\n\n${lines.join('\n')}\nThey read the same environment as the service.\n`
}

/** Ended by hand: as shells count signals. */
const INTERRUPTED = 130

/** What is written to a pipe leaves before the process does. */
const print = (text: string): void => {
  process.stdout.write(text)
}
const tell = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

async function run (name: string, args: string[]): Promise<number> {
  const load = COMMANDS[name]
  if (load === undefined) throw new UsageError(`there is no command ${name}`)
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
  const command = await load()
  const code = await command.run(args, { env: process.env, print, tell, signal: ending.signal })
  return ending.signal.aborted ? INTERRUPTED : code
}

const [name = 'serve', ...args] = process.argv.slice(2)
try {
  if (name === 'serve') await import('../server.js')
  else if (/^(?:--help|-h|help)$/.test(name) || args.includes('--help')) print(await help())
  else process.exitCode = await run(name, args)
} catch (error) {
  tell(error instanceof Error ? `${name}: ${error.message}` : `${name}: unknown error`)
  if (error instanceof UsageError) tell(`\n${await help()}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
