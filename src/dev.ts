import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyInstance } from 'fastify'
import { startEmbeddedKratos } from '../kratos/embedded/index.js'
import { buildApp } from './app.js'
import { loadConfig } from './config.js'

const ROOT = join(import.meta.dirname, '..')
const PORTS = { service: 3000, page: 3001, kratosPublic: 4433, kratosAdmin: 4434 }
const SHUTDOWN_LIMIT_MS = 2000

/** Development values; the webhook key is the one that `kratos/kratos.yml` prints, and `src/server.ts` refuses it. */
const ENVIRONMENT = {
  PUBLIC_URL: `http://localhost:${PORTS.service}`,
  FRONTEND_URL: `http://localhost:${PORTS.page}/`,
  CORS_ORIGINS: `http://localhost:${PORTS.page},http://127.0.0.1:${PORTS.page}`,
  KRATOS_PUBLIC_URL: `http://127.0.0.1:${PORTS.kratosPublic}`,
  KRATOS_ADMIN_URL: `http://127.0.0.1:${PORTS.kratosAdmin}`,
  WEBHOOK_KEY: 'development-webhook-key-printed-in-kratos-yml',
}

/** The demo page's files and the addresses Kratos may send a browser to; all of the latter show the same page. */
const PAGE_FILES = { '/app.js': 'text/javascript', '/style.css': 'text/css', '/icon.svg': 'image/svg+xml' }
const PAGE_VIEWS = ['/', '/login', '/registration', '/recovery', '/verification', '/settings', '/error']

/** The demo page as another origin of the same site would serve it, under a strict content policy. */
async function buildPage (): Promise<FastifyInstance> {
  const page = Fastify({ forceCloseConnections: true })
  const folder = join(ROOT, 'examples/spa')
  const services = ['localhost', '127.0.0.1'].map((host) => `http://${host}:${PORTS.service}`).join(' ')
  const serve = (path: string, file: string, type: string): void => {
    page.get(path, async (_request, reply) => {
      reply.header('content-security-policy', `default-src 'self'; connect-src ${services}; frame-ancestors 'none'`)
      return reply.type(`${type}; charset=utf-8`).send(await readFile(join(folder, file)))
    })
  }
  for (const [path, type] of Object.entries(PAGE_FILES)) serve(path, path.slice(1), type)
  for (const path of PAGE_VIEWS) serve(path, 'index.html', 'text/html')
  return page
}

/** Where the data of a run is kept: `data/`, or nowhere. */
const databases = (memory: boolean): { kratos: string, service: string } =>
  memory ? { kratos: 'memory', service: ':memory:' } : { kratos: join(ROOT, 'data/kratos.db'), service: join(ROOT, 'data/app.db') }

interface Closable { close: () => unknown }

/** Starts the three servers; a part that cannot start takes the others down again. */
async function start (memory: boolean, started: Closable[]): Promise<void> {
  const database = databases(memory)
  await mkdir(join(ROOT, 'data'), { recursive: true })
  started.push(await startEmbeddedKratos({ database: database.kratos, publicPort: PORTS.kratosPublic, adminPort: PORTS.kratosAdmin }))
  const service = await buildApp(loadConfig({ ...ENVIRONMENT, DATABASE_URL: database.service }), { log: { pretty: process.stdout.isTTY } })
  started.push(service)
  await service.listen({ host: 'localhost', port: PORTS.service, listenTextResolver: () => 'service is up' })
  const page = await buildPage()
  started.push(page)
  await page.listen({ host: 'localhost', port: PORTS.page })
}

const banner = (memory: boolean): string => `
  service        http://localhost:${PORTS.service}
  demo page      http://localhost:${PORTS.page}  (http://127.0.0.1:${PORTS.page} works too)
  Kratos public  http://127.0.0.1:${PORTS.kratosPublic}  (embedded, for development only)
  Kratos admin   http://127.0.0.1:${PORTS.kratosAdmin}
  data           ${memory ? 'in memory, gone at the end' : 'data/'}

  first request  curl http://localhost:${PORTS.service}/api/auth/flows/registration
  Ctrl-C stops everything.

`

/** One line that says what is in the way; a port that is taken is the usual case. */
function reason (error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const taken = 'code' in error && error.code === 'EADDRINUSE' && 'port' in error
  return taken ? `port ${String(error.port)} is taken: stop what listens there and try again` : error.message
}

async function closeAll (started: Closable[]): Promise<void> {
  await Promise.allSettled(started.map(async (part) => part.close()))
}

async function run (): Promise<void> {
  // Under a loader @fastify/autoload cannot tell that it may import TypeScript.
  process.env['FASTIFY_AUTOLOAD_TYPESCRIPT'] = '1'
  const started: Closable[] = []
  try {
    const { values } = parseArgs({ options: { memory: { type: 'boolean', default: false } } })
    await start(values.memory, started)
    closeWithGrace({ delay: SHUTDOWN_LIMIT_MS, logger: false }, () => closeAll(started))
    process.stdout.write(banner(values.memory))
  } catch (error) {
    await closeAll(started)
    process.stderr.write(`fastify-kratos dev cannot start: ${reason(error)}\n`)
    process.exit(1)
  }
}

await run()
