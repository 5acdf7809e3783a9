import type { ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'

const KINDS = ['refuse', 'reset', 'slow-headers', 'slow-body', 'status', 'garbage', 'rate-limit', 'database-away'] as const

/** A failure that is simulated, so that a client's handling of it can be tested. */
export interface FaultOptions {
  /** Path without query, or a pattern; default every path. `refuse` always applies to the whole port. */
  path?: string | RegExp
  method?: string
  /** Default `public`; `database-away` is about both unless one is named. */
  port?: 'public' | 'admin'
  /**
   * `refuse`: connections are refused. `reset`: the connection is reset without an answer. `slow-headers`, `slow-body`:
   * the real answer comes late. `status`: an answer with this status. `garbage`: bytes that are not HTTP. `rate-limit`:
   * 429 with Retry-After. `database-away`: Kratos runs and its database is gone, or has no connection left for this
   * request, which it then answers as a real one does: whoami, the list of sessions and settings say 401 as for a
   * session that is over.
   */
  kind: typeof KINDS[number]
  /**
   * Number of requests that fail; default all until `clear`. Not possible for `refuse`, because refused connections are
   * not seen.
   */
  times?: number
  /** For the slow kinds, in milliseconds of the server's clock; default 1000. */
  delayMs?: number
  /** For `status`; default 500. */
  status?: number
  body?: string
  headers?: Record<string, string>
  /** For `rate-limit`, in seconds; default 1. */
  retryAfter?: number
}

export interface Fault {
  /** Requests that failed so far. */
  readonly calls: number
  /** Ends the failure. */
  clear(): Promise<void>
}

interface Active {
  options: FaultOptions
  calls: number
}

/** The faults of one port. */
export interface Faults {
  add(options: FaultOptions): { calls: () => number, remove: () => void }
  /** The fault for this request, if any; it is counted. */
  take(method: string, path: string): FaultOptions | undefined
}

/** @throws TypeError for a fault that cannot be simulated */
export function checkFault ({ kind, times }: FaultOptions): void {
  if (!KINDS.includes(kind)) throw new TypeError(`fault: kind is one of ${KINDS.join(', ')}`)
  if (kind === 'refuse' && times !== undefined) {
    throw new TypeError('fault: refused connections cannot be counted; leave times out and call clear()')
  }
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
      return {
        calls: () => fault.calls,
        remove: () => {
          active.splice(active.indexOf(fault), active.includes(fault) ? 1 : 0)
        },
      }
    },
    take: (method, path) => {
      const fault = active.find(
        ({ options, calls }) => calls < (options.times ?? Infinity) && matches(options, { method, path }),
      )
      if (fault !== undefined) fault.calls++
      return fault?.options
    },
  }
}

/** Simulates a fault that replaces the answer. @returns whether there is one */
export function simulateFault (fault: FaultOptions | undefined, response: ServerResponse): boolean {
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
      response
        .writeHead(429, { ...json, 'Retry-After': String(fault.retryAfter ?? 1) })
        .end(fault.body ?? JSON.stringify({ error: { code: 429, status: 'Too Many Requests' } }))
      return true
    default:
      return false
  }
}

/** Waits if the fault is a slow one; `at` is the part of the answer that is sent next. */
export async function waitForFault (
  fault: FaultOptions | undefined,
  at: 'slow-headers' | 'slow-body',
  clock: Clock,
  closing: AbortSignal,
): Promise<void> {
  if (fault?.kind === at) await clock.sleep(fault.delayMs ?? 1000, closing)
}
