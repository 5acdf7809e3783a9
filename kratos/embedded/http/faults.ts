import type { ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'

const KINDS = ['refuse', 'reset', 'slow-headers', 'slow-body', 'status', 'garbage', 'rate-limit'] as const

/** Something that goes wrong on purpose, so that a client's handling of it can be tested. */
export interface FaultOptions {
  /** Path without query, or a pattern for it; default every path. `refuse` means the whole port: no path was told yet. */
  path?: string | RegExp
  method?: string
  /** Default `public`. */
  port?: 'public' | 'admin'
  /**
   * `refuse`: connections are refused. `reset`: the connection breaks without an answer. `slow-headers`, `slow-body`: the
   * true answer comes late. `status`: this status. `garbage`: bytes that are no HTTP. `rate-limit`: 429 with Retry-After.
   */
  kind: typeof KINDS[number]
  /** How many requests it meets; default all until `clear`. Not for `refuse`: nobody sees a refused connection, so none can be counted. */
  times?: number
  /** For the slow kinds, on the server's clock; default 1000. */
  delayMs?: number
  /** For `status`; default 500. */
  status?: number
  body?: string
  headers?: Record<string, string>
  /** For `rate-limit`, seconds; default 1. */
  retryAfter?: number
}

export interface Fault {
  /** Requests met so far. */
  readonly calls: number
  /** Back to normal. */
  clear (): Promise<void>
}

interface Active { options: FaultOptions, calls: number }

/** The faults of one port. */
export interface Faults {
  add (options: FaultOptions): { calls: () => number, remove: () => void }
  /** The fault that this request meets, which is thereby counted. */
  take (method: string, path: string): FaultOptions | undefined
}

/** @throws TypeError for a fault that could not be played as asked */
export function ensurePlayable ({ kind, times }: FaultOptions): void {
  if (!KINDS.includes(kind)) throw new TypeError(`fault: kind is one of ${KINDS.join(', ')}`)
  if (kind === 'refuse' && times !== undefined) throw new TypeError('fault: refused connections cannot be counted; leave times out and call clear()')
}

const matches = ({ path, method }: FaultOptions, request: { method: string, path: string }): boolean =>
  (method === undefined || method === request.method) &&
  (path === undefined || (typeof path === 'string' ? path === request.path : path.test(request.path)))

export function createFaults (): Faults {
  const active: Active[] = []
  return {
    add: (options) => {
      const fault = { options, calls: 0 }
      active.push(fault)
      return { calls: () => fault.calls, remove: () => { active.splice(active.indexOf(fault), active.includes(fault) ? 1 : 0) } }
    },
    take: (method, path) => {
      const fault = active.find(({ options, calls }) => calls < (options.times ?? Infinity) && matches(options, { method, path }))
      if (fault !== undefined) fault.calls++
      return fault?.options
    }
  }
}

/** Plays a fault that replaces the answer. @returns whether it did */
export function playFault (fault: FaultOptions | undefined, response: ServerResponse): boolean {
  const json = { 'Content-Type': 'application/json', ...fault?.headers }
  switch (fault?.kind) {
    case 'reset':
      response.socket?.resetAndDestroy()
      return true
    case 'garbage':
      response.socket?.end(fault.body ?? '\x00this is not HTTP\r\n\r\n')
      return true
    case 'status':
      response.writeHead(fault.status ?? 500, json).end(fault.body ?? '')
      return true
    case 'rate-limit':
      response.writeHead(429, { ...json, 'Retry-After': String(fault.retryAfter ?? 1) }).end(fault.body ?? JSON.stringify({ error: { code: 429, status: 'Too Many Requests' } }))
      return true
    default:
      return false
  }
}

/** Waits where a slow fault says so; `at` is the part of the answer that is about to be sent. */
export async function waitForFault (fault: FaultOptions | undefined, at: 'slow-headers' | 'slow-body', clock: Clock, closing: AbortSignal): Promise<void> {
  if (fault?.kind === at) await clock.sleep(fault.delayMs ?? 1000, closing)
}
