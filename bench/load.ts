import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fleet } from './process.js'

/** One request of a list that is sent in turn, over and over. */
export interface PlannedRequest {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
  /** What the body of a right answer holds: the id of the user who asked. */
  expects: string
}

export interface LoadPlan {
  url: string
  requests: readonly PlannedRequest[]
  seconds: number
  /**
   * Requests per second, at which they are sent whatever the answers do; without it each connection sends when it was
   * answered.
   */
  rate?: number
  /** Ends after this many requests instead of after `seconds`. */
  amount?: number
}

/** `bad`: answers with another status than 2xx; `broken`: requests without an answer. */
export interface LoadResult {
  requests: number
  seconds: number
  p50Ms: number
  p99Ms: number
  bad: number
  broken: number
}

export type Load = (plan: LoadPlan) => Promise<LoadResult>
export type Generator = 'autocannon' | 'wrk'

export const CONNECTIONS = 64

export const hasWrk = (): boolean => spawnSync('wrk', ['--version']).error === undefined

/** The request as it goes over the wire; wrk and the batched client send these bytes. */
export function wireFormat ({ method, path, headers, body }: PlannedRequest, host: string): string {
  const all = { host, ...headers, ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }) }
  return `${method} ${path} HTTP/1.1\r\n${
    Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  }\r\n${body ?? ''}`
}

function parseResult (output: string): LoadResult {
  const line = output.split('\n').findLast((text) => text.startsWith('{'))
  if (line === undefined) throw new Error(`the load generator reported nothing:\n${output}`)
  return JSON.parse(line) as LoadResult
}

/**
 * The load generators, each in a process of its own. wrk can send neither at a fixed rate nor a fixed number, so these
 * two have one generator each, whatever was chosen.
 * @param folder for the plans that the generators read
 */
export function createLoad (
  { fleet, folder, generator }: { fleet: Fleet, folder: string, generator: Generator },
): Load {
  const script = (name: string): string => join(import.meta.dirname, 'load', name)

  async function withWrk ({ url, requests, seconds }: LoadPlan): Promise<LoadResult> {
    const file = join(folder, 'requests.txt')
    const { host } = new URL(url)
    writeFileSync(
      file,
      requests.map((request) => wireFormat(request, host)).map((text) => `${Buffer.byteLength(text)}\n${text}`).join(
        '',
      ),
    )
    const args = [
      '--threads',
      '1',
      '--connections',
      String(CONNECTIONS),
      '--duration',
      `${seconds}s`,
      '--script',
      script('wrk.lua'),
      url,
      '--',
      file,
    ]
    return parseResult(await fleet.run('wrk', args))
  }

  async function withNode (name: string, plan: LoadPlan): Promise<LoadResult> {
    const file = join(folder, 'plan.json')
    const requests = plan.requests.map(({ expects: _, ...request }) => request)
    writeFileSync(file, JSON.stringify({ ...plan, requests, connections: CONNECTIONS }))
    return parseResult(await fleet.run(process.execPath, [script(name), file]))
  }

  return (plan) => {
    if (plan.rate !== undefined) return withNode('paced.mjs', plan)
    return generator === 'wrk' && plan.amount === undefined ? withWrk(plan) : withNode('autocannon.mjs', plan)
  }
}
