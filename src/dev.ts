import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { inspect, parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { parse } from 'yaml'
import { buildPage } from '../examples/spa/server.js'
import { startEmbeddedKratos } from '../kratos/embedded/index.js'
import { buildApp } from './app.js'
import { loadConfig } from './config.js'

const ROOT = join(import.meta.dirname, '..')
const SHUTDOWN_LIMIT_MS = 2000

/** Printed in `kratos/kratos.yml`; `src/server.ts` refuses it. */
const DEVELOPMENT_KEY = 'development-webhook-key-printed-in-kratos-yml'

interface Ports {
  service: number
  page: number
  kratosPublic: number
  kratosAdmin: number
}
const DEFAULT_PORTS: Ports = { service: 3000, page: 3001, kratosPublic: 4433, kratosAdmin: 4434 }

const environment = ({ service, page, kratosPublic, kratosAdmin }: Ports) => ({
  PUBLIC_URL: `http://localhost:${service}`,
  FRONTEND_URL: `http://localhost:${page}/`,
  CORS_ORIGINS: `http://localhost:${page},http://127.0.0.1:${page}`,
  KRATOS_PUBLIC_URL: `http://127.0.0.1:${kratosPublic}`,
  KRATOS_ADMIN_URL: `http://127.0.0.1:${kratosAdmin}`,
  WEBHOOK_KEY: DEVELOPMENT_KEY,
  // The way back from a social login.
  KRATOS_PROXY: 'true',
  DOCS: 'true',
  SHUTDOWN_DELAY_MS: '0',
})

/** A configuration with the ports of this run: it names the default ones in its URLs. */
async function kratosConfig (file: string, ports: Ports) {
  const text = await readFile(join(ROOT, file), 'utf8')
  const names = Object.keys(DEFAULT_PORTS) as Array<keyof Ports>
  const moved = new Map(names.map((name) => [`:${DEFAULT_PORTS[name]}`, `:${ports[name]}`]))
  return parse(text.replace(/:(?:3000|3001|4433|4434)\b/g, (port) => moved.get(port) ?? port))
}

/** Without a data folder nothing is kept. */
async function databases (folder: string | undefined): Promise<{ kratos: string, service: string }> {
  if (folder === undefined) return { kratos: 'memory', service: ':memory:' }
  await mkdir(folder, { recursive: true })
  return { kratos: join(folder, 'kratos.db'), service: join(folder, 'app.db') }
}

interface Run {
  ports: Ports
  /** Folder of the database files; undefined: memory. */
  data: string | undefined
  /** Prints also what the embedded Kratos leaves out. */
  isVerbose: boolean
}

interface Closable {
  close: () => unknown
}

/**
 * Starts the three servers; each is put on the list as soon as it has to be closed.
 * @returns where the service describes itself
 */
async function start ({ ports, data }: Run, started: Closable[], logger: (line: string) => void): Promise<string> {
  const database = await databases(data)
  const { kratosPublic: publicPort, kratosAdmin: adminPort } = ports
  started.push(
    await startEmbeddedKratos({
      config: await kratosConfig('kratos/kratos.yml', ports),
      overrides: await kratosConfig('examples/spa/kratos.yml', ports),
      oidcProvider: { id: 'sample', label: 'Sample ID' },
      folder: join(ROOT, 'kratos'),
      database: database.kratos,
      publicPort,
      adminPort,
      baseUrl: 'keep',
      // Mails are read on its page; few machines have a mail server.
      watchCourier: false,
      messagesPage: true,
      logger,
    }),
  )
  const page = await buildPage(ports.service)
  started.push(page)
  await page.listen({ host: 'localhost', port: ports.page })
  // Last, because it logs that it listens: nothing is printed before every port was had.
  const service = await buildApp(loadConfig({ ...environment(ports), DATABASE_URL: database.service }), {
    log: { pretty: process.stdout.isTTY },
  })
  started.push(service)
  service.get('/', { schema: { hide: true }, config: { auth: false } }, async (_request, reply) =>
    reply.redirect(`http://localhost:${ports.page}/`))
  await service.listen({ host: 'localhost', port: ports.service })
  const described = ['/docs', '/openapi.json'].filter((url) => service.hasRoute({ method: 'GET', url }))
  return described[0] ?? ''
}

const banner = ({ ports, data }: Run, described: string): string => `
  demo           http://localhost:${ports.page}
  mails          http://127.0.0.1:${ports.kratosAdmin}/, and printed here with their codes; never sent
  service        http://localhost:${ports.service}${described}
  Kratos public  http://127.0.0.1:${ports.kratosPublic}  (embedded, for development only)
  Kratos admin   http://127.0.0.1:${ports.kratosAdmin}
  data           ${data ?? 'in memory, gone at the end'}

  first request  curl http://localhost:${ports.service}/api/auth/flows/registration
  Ctrl-C stops everything.

`

/** One line that says what is in the way; a port that is taken is the usual case. */
function reason (error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const taken = 'code' in error && error.code === 'EADDRINUSE' && 'port' in error
  return taken
    ? `port ${String(error.port)} is taken; free it, or choose others (npm run dev -- --help)`
    : error.message
}

async function closeAll (started: Closable[]): Promise<void> {
  await Promise.allSettled(started.map(async (part) => part.close()))
}

const HELP =
  `npm run dev -- [--memory] [--data data] [--port 3000] [--page-port 3001] [--kratos-port 4433] [--kratos-admin-port 4434] [--verbose]

  --memory   keep nothing; without it the data folder survives a restart
  --verbose  print what the embedded Kratos does not have
`

function readArguments (): Run & { help: boolean } {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      memory: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      data: { type: 'string', default: join(ROOT, 'data') },
      port: { type: 'string', default: String(DEFAULT_PORTS.service) },
      'page-port': { type: 'string', default: String(DEFAULT_PORTS.page) },
      'kratos-port': { type: 'string', default: String(DEFAULT_PORTS.kratosPublic) },
      'kratos-admin-port': { type: 'string', default: String(DEFAULT_PORTS.kratosAdmin) },
    },
  })
  const port = (name: 'port' | 'page-port' | 'kratos-port' | 'kratos-admin-port'): number => {
    const number = Number(values[name])
    if (!Number.isInteger(number) || number < 1 || number > 65_535) { throw new RangeError(`--${name} wants a port number`) }
    return number
  }
  const ports = {
    service: port('port'),
    page: port('page-port'),
    kratosPublic: port('kratos-port'),
    kratosAdmin: port('kratos-admin-port'),
  }
  return {
    help: values.help,
    ports,
    data: values.memory ? undefined : resolve(values.data),
    isVerbose: values.verbose,
  }
}

async function run (started: Closable[]): Promise<void> {
  const asked = readArguments()
  if (asked.help) {
    process.stdout.write(HELP)
    return
  }
  // Under a loader @fastify/autoload cannot tell that it may import TypeScript.
  process.env['FASTIFY_AUTOLOAD_TYPESCRIPT'] = '1'
  const held: string[] = []
  let log = (line: string): void => {
    held.push(line)
  }
  const described = await start(asked, started, (line) => log(line))
  closeWithGrace({ delay: SHUTDOWN_LIMIT_MS, logger: false }, ({ err }) => {
    if (err !== undefined) process.stderr.write(`${inspect(err)}\n`)
    return closeAll(started)
  })
  process.stdout.write(banner(asked, described))
  log = (line) => {
    process.stdout.write(`Kratos: ${line}\n`)
  }
  if (asked.isVerbose) held.forEach(log)
}

const started: Closable[] = []
try {
  await run(started)
} catch (error) {
  await closeAll(started)
  process.stderr.write(`fastify-kratos dev cannot start: ${reason(error)}\n`)
  process.exit(1)
}
