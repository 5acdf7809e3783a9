/** A command of the service. */
export interface Command {
  /** What follows the name, for the list of commands. */
  usage: string
  /** What it does, in one or two lines. */
  about: string
  /** @returns the exit status @throws UsageError for arguments that it does not know */
  run: (args: string[], io: CommandIo) => Promise<number>
}

/** What a command may touch of the process. */
export interface CommandIo {
  env: Record<string, string | undefined>
  print: (text: string) => void
  /** Progress and trouble, apart from the result. */
  tell: (line: string) => void
  /** Aborted by the first SIGINT or SIGTERM: end in order, so that it can be started again. */
  signal: AbortSignal
}

/** Arguments that cannot be understood: exit status 2, with the help. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Runs a parser of arguments; what it does not like is a usage error. */
export function parsed<T> (parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** A whole number of at least one. @throws UsageError */
export function positive (name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`--${name} wants a whole number of at least 1`)
  return number
}
