import { type Command, type CommandIo, UsageError } from './commands/command.js'

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

/** Says what went wrong. @returns the exit status */
export async function failed (name: string, error: unknown, { tell }: Pick<CommandIo, 'tell'>): Promise<number> {
  tell(error instanceof Error ? `${name}: ${error.message}` : `${name}: unknown error`)
  if (!(error instanceof UsageError)) return 1
  tell(`\n${await help()}`)
  return 2
}

/** A command of the service by its name, or the list of them. @returns the exit status */
export async function runCommand (name: string, args: string[], io: CommandIo): Promise<number> {
  try {
    if (/^(?:--help|-h|help)$/.test(name) || args.includes('--help')) {
      io.print(await help())
      return 0
    }
    const load = COMMANDS[name]
    if (load === undefined) throw new UsageError(`there is no command ${name}`)
    const code = await (await load()).run(args, io)
    return io.signal.aborted ? INTERRUPTED : code
  } catch (error) {
    return await failed(name, error, io)
  }
}
