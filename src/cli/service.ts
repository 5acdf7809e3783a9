import { failed, runCommand } from './run-command.js'

/** What is written to a pipe leaves before the process does. */
const print = (text: string): void => {
  process.stdout.write(text)
}
const tell = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

async function serve (): Promise<void> {
  try {
    await import('../server.js')
  } catch (error) {
    process.exitCode = await failed('serve', error, { tell })
  }
}

async function run (name: string, args: string[]): Promise<void> {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
  process.exitCode = await runCommand(name, args, { env: process.env, print, tell, signal: ending.signal })
}

const [name = 'serve', ...args] = process.argv.slice(2)
await (name === 'serve' ? serve() : run(name, args))
