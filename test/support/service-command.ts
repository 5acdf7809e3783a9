import { runCommand } from '../../src/cli/run-command.js'

export interface CommandResult {
  code: number
  /** What it printed and told, in that order of time. */
  output: string
}

/** `service <name> ...` in this process: what a process of its own adds is tried in test/programs, once. */
export async function runService (args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
  const [name = '', ...rest] = args
  let output = ''
  const code = await runCommand(name, rest, {
    env,
    print: (text) => {
      output += text
    },
    tell: (line) => {
      output += `${line}\n`
    },
    signal: new AbortController().signal,
  })
  return { code, output }
}
