import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '../../kratos/embedded/config/load.js'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'

export const DEV_HELP =
  `fastify-kratos dev [--config kratos.yml] [--schema file] [--database file|memory] [--public-port 4433] [--admin-port 4434]

  An Ory Kratos for development, without Docker or a network. Never run it in production.

  --config       a kratos.yml; default the one in this folder, else an example with e-mail and password
  --schema       identity schema to use instead of the configured ones
  --database     file that keeps the data; default memory: nothing is kept
  --public-port  default serve.public.port of the configuration, else 4433; base_url follows
  --admin-port   default serve.admin.port of the configuration, else 4434; base_url follows
`

interface Asked {
  /** Path of the configuration; undefined: the example. */
  config: string | undefined
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

/** @throws TypeError or RangeError for arguments that make no sense */
function readArguments (args: string[]): Asked {
  const { values } = parseArgs({
    args,
    options: {
      config: { type: 'string' },
      schema: { type: 'string' },
      database: { type: 'string', default: 'memory' },
      'public-port': { type: 'string' },
      'admin-port': { type: 'string' },
    },
  })
  return {
    config: values.config ?? (existsSync('kratos.yml') ? 'kratos.yml' : undefined),
    schema: values.schema,
    database: values.database === 'memory' ? 'memory' : resolve(values.database),
    publicPort: port('public-port', values['public-port']),
    adminPort: port('admin-port', values['admin-port']),
  }
}

/** A base URL that names the configured port names the one in use instead; one of a proxy stays as it is. */
function moved (baseUrl: string, from: number, to: number): string {
  const url = new URL(baseUrl)
  if (from === to || Number(url.port) !== from) return baseUrl
  url.port = String(to)
  return url.href
}

const banner = (kratos: EmbeddedKratos, { config, database }: Asked): string => `
  public port    ${kratos.publicUrl}
  admin port     ${kratos.adminUrl}
  configuration  ${config === undefined ? 'the example of the package; --config names another' : resolve(config)}
  data           ${database === 'memory' ? 'in memory, gone at the end' : database}
  mails          are printed here with their codes, never sent

  For development only. Ctrl-C stops it.

`

/**
 * Runs the embedded Kratos on its own.
 * @param args what stands after `dev` on the command line
 * @param print gets what a user should read
 * @throws Error with one clear message when it cannot start
 */
export async function dev (args: string[], print: (text: string) => void): Promise<EmbeddedKratos> {
  const asked = readArguments(args)
  const { config, schema, database } = asked
  const { serve } = readConfig({ config, hasSchema: schema !== undefined }).values
  const { publicPort = serve.public.port, adminPort = serve.admin.port } = asked
  if (database !== 'memory') await mkdir(dirname(database), { recursive: true })
  const kratos = await startEmbeddedKratos({
    ...(config === undefined ? {} : { config }),
    ...(schema === undefined ? {} : { schema }),
    overrides: {
      serve: {
        public: { base_url: moved(serve.public.base_url, serve.public.port, publicPort) },
        admin: { base_url: moved(serve.admin.base_url, serve.admin.port, adminPort) },
      },
    },
    database,
    publicPort,
    adminPort,
    baseUrl: 'keep',
    logger: (line) => print(`${line}\n`),
  })
  print(banner(kratos, asked))
  return kratos
}
