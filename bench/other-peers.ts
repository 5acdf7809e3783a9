import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fleet, Program } from './process.js'

/** Undefined where the program is not on the PATH. */
export type StartPeer = (where: { fleet: Fleet, folder: string }) => Promise<Program | undefined>

const isThere = (command: string, ...args: string[]): boolean => spawnSync(command, args).error === undefined

const peerFile = (name: string): string => join(import.meta.dirname, 'peers', name)

/** The small route from a configuration file, one process, with an access log. */
export const nginxPeer: StartPeer = async ({ fleet, folder }) => {
  if (!isThere('nginx', '-v')) return undefined
  const home = join(folder, 'nginx')
  mkdirSync(home, { recursive: true })
  return fleet.start({
    name: 'nginx',
    command: (port) => {
      const text = readFileSync(peerFile('nginx.conf'), 'utf8')
      writeFileSync(join(home, 'nginx.conf'), text.replaceAll('PORT', String(port)).replaceAll('HOME', home))
      return ['nginx', '-p', home, '-c', join(home, 'nginx.conf'), '-e', join(home, 'error.log')]
    },
    env: () => ({}),
  })
}

/** The small route in Go's net/http, compiled first, with a log line a request. */
export const goPeer: StartPeer = async ({ fleet, folder }) => {
  if (!isThere('go', 'version')) return undefined
  const program = join(folder, 'small-go')
  await fleet.run('go', ['build', '-o', program, peerFile('small.go')])
  return fleet.start({ name: 'Go net/http', command: () => [program], env: (port) => ({ PORT: String(port) }) })
}
