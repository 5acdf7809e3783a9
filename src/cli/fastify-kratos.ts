#!/usr/bin/env node
import { examine } from '../doctor/plugin-doctor.js'

const HELP = `fastify-kratos dev [arguments of embedded-kratos]

  Starts an Ory Kratos for development, from the package embedded-kratos.
  fastify-kratos dev --help lists the arguments.

fastify-kratos doctor --public-url http://127.0.0.1:4433 [--kratos-config kratos.yml]...

  Says what is wrong between the plugin's options and Kratos, and what to change.
  fastify-kratos doctor --help lists the arguments.
`

const NOT_INSTALLED = 'fastify-kratos dev needs the package embedded-kratos: npm install --save-dev embedded-kratos\n'

/**
 * The installed package, else the one that a build of this repository has beside it. Strings, because TypeScript would
 * look for a package that need not be installed, and this package must not bring the other one.
 */
const EMBEDDED_KRATOS = ['embedded-kratos/cli', new URL('../../kratos/embedded/cli.js', import.meta.url).href]

interface EmbeddedKratosCli {
  runCli: (args: string[]) => Promise<void>
}

/** Also without what it imports: an image without development dependencies has the file alone. */
const isNotInstalled = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'

/** @returns undefined when there is none */
async function loadEmbeddedKratos (): Promise<EmbeddedKratosCli | undefined> {
  for (const place of EMBEDDED_KRATOS) {
    try {
      return await import(place) as EmbeddedKratosCli
    } catch (error) {
      if (!isNotInstalled(error)) throw error
    }
  }
  return undefined
}

async function dev (args: string[]): Promise<void> {
  const embedded = await loadEmbeddedKratos()
  if (embedded === undefined) {
    process.stderr.write(NOT_INSTALLED)
    process.exitCode = 1
  } else {
    await embedded.runCli(args)
  }
}

async function doctor (args: string[]): Promise<void> {
  const { text, isMisused, exitCode } = await examine(args, process.env)
  if (isMisused) process.stderr.write(text)
  else process.stdout.write(text)
  process.exitCode = exitCode
}

const COMMANDS: Record<string, (args: string[]) => Promise<void>> = { dev, doctor }

const [command = '', ...args] = process.argv.slice(2)
if (command === '--help' || command === '-h') {
  process.stdout.write(HELP)
} else if (COMMANDS[command] === undefined) {
  process.stderr.write(`fastify-kratos has two commands, dev and doctor:\n\n${HELP}`)
  process.exitCode = 1
} else {
  await COMMANDS[command](args)
}
