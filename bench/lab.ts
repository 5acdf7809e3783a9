import { join } from 'node:path'
import type { PlannedRequest } from './load.js'
import type { Subject } from './measure.js'
import type { Fleet, Program } from './process.js'
import { START_FLAGS } from './start-flags.js'

/** What scenarios are made of: the stand-in for Kratos, the service as built, the plugin in an app, the peers. */
export interface Lab {
  /**
   * @param cacheForSeconds sent as `Ory-Session-Cache-For`; absent: Kratos allows no caching, as without
   * `cacheable_sessions`
   */
  standIn: (options?: { cacheForSeconds?: number }) => Promise<Kratos>
  /**
   * What `npm start` starts, with its defaults and standard output to a file; what `env` adds or changes.
   * @param script of another build
   */
  service: (kratos: Kratos, env?: Record<string, string>, script?: string) => Promise<Program>
  peer: (peer: Peer, kratos: Kratos) => Promise<Program>
}

export interface Kratos {
  url: string
  calls?: () => Promise<number>
}

/** Files of `peers/` and the names they go by. */
export const PEERS = {
  'express-axios': 'Express + axios',
  'http-proxy': '@fastify/http-proxy',
  'fastify-request': 'Fastify + undici request',
  'fastify-request-logged': 'Fastify + undici request, logged',
  'fastify-cache': 'Fastify with a cache, logged',
  'fastify-coalescing': 'Fastify that coalesces, logged',
  'fastify-logged': 'Fastify, no guard, logged',
  'fastify-bare': 'Fastify, no guard, no log',
  'node-request': 'node:http + undici request',
  'node-dispatch': 'node:http + undici dispatch',
  'plugin-host': 'app with the plugin',
} as const
export type Peer = keyof typeof PEERS

export const SERVICE = 'fastify-kratos'
export const SERVICE_SCRIPT = join(import.meta.dirname, '../dist/src/server.js')

const sum = (numbers: number[]): number => numbers.reduce((total, next) => total + next, 0)

/** @param folder for databases */
export function createLab (fleet: Fleet, folder: string): Lab {
  let databases = 0

  async function standIn ({ cacheForSeconds }: { cacheForSeconds?: number } = {}): Promise<Kratos> {
    const { url } = await fleet.start({
      name: 'stand-in for Kratos',
      script: join(import.meta.dirname, 'stand-in.mjs'),
      env: (port) => ({
        PORT: String(port),
        ...(cacheForSeconds !== undefined && { SESSION_CACHE_FOR: String(cacheForSeconds) }),
      }),
    })
    const calls = async (): Promise<number> =>
      sum(Object.values(await (await fetch(`${url}/bench/calls`)).json() as Record<string, number>))
    return { url, calls }
  }

  const service: Lab['service'] = (kratos, env = {}, script = SERVICE_SCRIPT) =>
    fleet.start({
      name: SERVICE,
      command: () => [process.execPath, ...START_FLAGS, script],
      env: (port) => ({
        PUBLIC_URL: `http://127.0.0.1:${port}`,
        CORS_ORIGINS: 'http://127.0.0.1:3001',
        WEBHOOK_KEY: 'a-key-of-the-benchmark-that-is-long-enough',
        KRATOS_PUBLIC_URL: kratos.url,
        KRATOS_ADMIN_URL: `${kratos.url}/admin`,
        DATABASE_URL: join(folder, `${++databases}.db`),
        HOST: '127.0.0.1',
        PORT: String(port),
        ...env,
      }),
    })

  const peer: Lab['peer'] = (name, kratos) =>
    fleet.start({
      name: PEERS[name],
      script: join(import.meta.dirname, 'peers', `${name}.mjs`),
      env: (port) => ({ PORT: String(port), KRATOS_URL: kratos.url }),
    })

  return { standIn, service, peer }
}

/** A program as something to measure. */
export const subject = (
  program: Program,
  kratos: Kratos,
  requests: readonly PlannedRequest[],
  { isGuarded = true } = {},
): Subject => ({
  url: program.url,
  program,
  requests,
  isGuarded,
  ...(kratos.calls !== undefined && { kratosCalls: kratos.calls }),
})
