import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { movedBaseUrl } from './config/base-url.js'
import { readConfig } from './config/load.js'
import { startEmbeddedKratos, type EmbeddedKratos } from './index.js'

const HELP = `embedded-kratos [--config kratos.yml]... [--strict] [--schema file] [--database file|memory]
                [--public-port 4433] [--admin-port 4434] [--no-watch-courier]

  An Ory Kratos for development, without Docker or a network. Never run it in production.

  --config, -c   a kratos.yml; of several, later ones are merged over earlier ones. Default the one in this folder,
                 else an example with e-mail and password. Environment variables in Kratos' naming come last.
  --strict       do not start with settings that are left out because they are not built
  --schema       identity schema to use instead of the configured ones
  --database     file that keeps the data; default memory: nothing is kept
  --public-port  default serve.public.port of the configuration, else 4433; base_url follows
  --admin-port   default serve.admin.port of the configuration, else 4434; base_url follows
  --no-watch-courier
                 deliver no mails and text messages, whatever the configuration says

  At / of the admin port is a page with all mails and text messages.
`

/** The shutdown after Ctrl-C takes no longer than this. */
const SHUTDOWN_LIMIT_MS = 1500

interface CliOptions {
  /** Paths of the configuration; none means the packaged example. */
  config: string[]
  isStrict: boolean
  watchCourier: boolean
  schema: string | undefined
  database: string
  publicPort: number | undefined
  adminPort: number | undefined
}

function port (name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) throw new RangeError(`--${name} wants a port number`)
  return number
}

/** @throws TypeError or RangeError for invalid arguments */
function readArguments (args: string[]): CliOptions {
  const { values } = parseArgs({
    args,
    options: {
      config: { type: 'string', short: 'c', multiple: true },
      strict: { type: 'boolean', default: false },
      'no-watch-courier': { type: 'boolean', default: false },
      schema: { type: 'string' },
      database: { type: 'string', default: 'memory' },
      'public-port': { type: 'string' },
      'admin-port': { type: 'string' },
    },
  })
  return {
    config: values.config ?? (existsSync('kratos.yml') ? ['kratos.yml'] : []),
    isStrict: values.strict,
    watchCourier: !values['no-watch-courier'],
    schema: values.schema,
    database: values.database === 'memory' ? 'memory' : resolve(values.database),
    publicPort: port('public-port', values['public-port']),
    adminPort: port('admin-port', values['admin-port']),
  }
}

const paths = (config: string[]): string => config.map((path) => resolve(path)).join(', ')

const banner = (kratos: EmbeddedKratos, { config, database }: CliOptions): string => `
  public port    ${kratos.publicUrl}
  admin port     ${kratos.adminUrl}
  configuration  ${config.length === 0 ? 'the example of the package; --config names another' : paths(config)}
  data           ${database === 'memory' ? 'in memory, gone at the end' : database}
  mails          ${kratos.adminUrl}/, and printed here with their codes

  For development only. Ctrl-C stops it.

`

const print = (text: string): void => {
  process.stdout.write(text)
}

/** @throws Error with one clear message when the server cannot start */
async function start (args: string[]): Promise<EmbeddedKratos> {
  const options = readArguments(args)
  const { config, schema, database, isStrict: strict, watchCourier } = options
  const { serve } = readConfig({ config, hasSchema: schema !== undefined, strict }).values
  const { publicPort = serve.public.port, adminPort = serve.admin.port } = options
  if (database !== 'memory') await mkdir(dirname(database), { recursive: true })
  const kratos = await startEmbeddedKratos({
    ...(config.length === 0 ? {} : { config }),
    strict,
    watchCourier,
    messagesPage: true,
    ...(schema === undefined ? {} : { schema }),
    overrides: {
      serve: {
        public: { base_url: movedBaseUrl(serve.public.base_url, serve.public.port, publicPort) },
        admin: { base_url: movedBaseUrl(serve.admin.base_url, serve.admin.port, adminPort) },
      },
    },
    database,
    publicPort,
    adminPort,
    baseUrl: 'keep',
    logger: (line) => print(`${line}\n`),
  })
  print(banner(kratos, options))
  return kratos
}

/** One line about why the server cannot start; a port in use is the usual case. */
function reason (error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const isTaken = 'code' in error && error.code === 'EADDRINUSE' && 'port' in error
  if (!isTaken) return error.message
  return `port ${String(error.port)} is taken; free it or choose others with --public-port and --admin-port`
}

/**
 * The command `embedded-kratos`: runs the server until a signal ends the process. Sets the exit status to 1 when it
 * cannot.
 * @param args what the user wrote after the command
 */
export async function runCli (args: string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) return print(HELP)
  try {
    const kratos = await start(args)
    closeWithGrace({ delay: SHUTDOWN_LIMIT_MS, logger: false }, async ({ err }) => {
      if (err !== undefined) process.stderr.write(`${err.stack ?? err.message}\n`)
      await kratos.close()
    })
  } catch (error) {
    process.stderr.write(`embedded-kratos cannot start: ${reason(error)}\n`)
    process.exitCode = 1
  }
}
