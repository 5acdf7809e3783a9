import type { Dispatcher } from 'undici'
import { createAdmissionQueue, type QueueLimits } from './admission-queue.js'
import { BufferedCall, type UpstreamAnswer } from './buffered-call.js'
import { type CallTimes, clientHasGone, onlyReads, type Shared } from './call.js'
import type { Epoch } from './kratos-time.js'
import type { CreatePool } from './pool.js'
import type { RequestScope } from './request-scope.js'
import { StreamedCall, type StreamedAnswer } from './streamed-call.js'
import { type UpstreamFailure, upstreamFailure } from './upstream-failure.js'

export interface UpstreamRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  /** Constant path below the origin's base path; never built from input (D01). */
  path: string
  query?: Record<string, string | undefined> | undefined
  headers?: Record<string, string> | undefined
  body?: unknown
  /** Milliseconds: waiting for a slot, connecting, headers and body together. Zero or less: the call is not made. */
  deadlineMs: number
  /** A call that only reads is given up when the client has gone (J24). */
  scope?: RequestScope | undefined
}

/** The path was checked already. The body is complete: a slow client must not hold a socket to Kratos. */
export interface StreamedRequest {
  method: Dispatcher.HttpMethod
  /** Path and query below the origin's base path. */
  path: string
  headers: Record<string, string>
  body: Buffer | null
  deadlineMs: number
  scope?: RequestScope | undefined
  /** Whether it need not be finished once its client has gone: it changes nothing. */
  isCancellable: boolean
}

export interface Load {
  inside: number
  waiting: number
}

export interface Transport {
  /** The deadline covers the body of the answer too. */
  stream: (request: StreamedRequest) => Promise<StreamedAnswer | UpstreamFailure>
  send: (request: UpstreamRequest) => Promise<UpstreamAnswer | UpstreamFailure>
  load: () => Load
  close: () => Promise<void>
}

export interface TransportOptions extends Omit<QueueLimits, 'slots'> {
  /** http(s) URL of one Kratos port; a base path is kept. */
  url: string
  /** Sockets, and so the queue's slots. */
  connections: number
  connectTimeoutMs: number
  maxBodyBytes: number
  maxHeaderBytes: number
  /**
   * Longest life of one of a few connections in milliseconds, more than eight live longer; each has its own, not below
   * a third of it. Default 3000.
   */
  connectionTtlMs?: number | undefined
  /** Makes a pool of our own, or is somebody else's, who closes it. */
  dispatcher: Dispatcher | CreatePool
  onEpoch?: ((epoch: Epoch) => void) | undefined
  onTimes?: CallTimes | undefined
}

/** Our own deadline covers the whole call; these would only add two more timers. */
const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 }

function pathOf (basePath: string, { path, query }: UpstreamRequest): string {
  if (query === undefined) return basePath + path
  const entries = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return basePath + path + (entries.length > 0 ? `?${new URLSearchParams(entries)}` : '')
}

/** `Accept` is always JSON, so that Kratos never answers with a redirect meant for a browser (B37). */
function dispatchOptions (basePath: string, request: UpstreamRequest): Dispatcher.DispatchOptions {
  const { method, body } = request
  const path = pathOf(basePath, request)
  const headers: Record<string, string> = { accept: 'application/json', ...request.scope?.trace, ...request.headers }
  // undici ends a connection after a HEAD, in case the server sends a body; Kratos does not (recording 31).
  if (method === 'HEAD') return { method, path, headers, reset: false }
  if (body === undefined) return { method, path, headers }
  return { method, path, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

/** `send` never throws. */
export function createTransport (options: TransportOptions): Transport {
  const { origin, pathname } = new URL(options.url)
  const basePath = pathname.replace(/(?<!\/)\/+$/, '')
  const queue = createAdmissionQueue({ ...options, slots: options.connections })
  const { dispatcher } = options
  const isOwn = typeof dispatcher === 'function'
  const pool = isOwn ? dispatcher(origin, options) : dispatcher
  const close = async (): Promise<void> => {
    if (isOwn) await pool.destroy()
  }

  const { maxBodyBytes, onEpoch, onTimes } = options
  const shared: Shared = { pool, queue, maxBodyBytes, onEpoch, onTimes }

  function send (request: UpstreamRequest): Promise<UpstreamAnswer | UpstreamFailure> {
    const { method, deadlineMs, scope } = request
    if (deadlineMs <= 0) return Promise.resolve(upstreamFailure('UPSTREAM_TIMEOUT'))
    if (scope?.isCancelled === true && onlyReads(method)) return Promise.resolve(clientHasGone())
    const upstream = { origin, ...NO_TIMEOUTS, ...dispatchOptions(basePath, request) }
    const options = { request: upstream, deadlineMs, scope }
    return new Promise((resolve) => new BufferedCall(shared, options, resolve).make())
  }

  function stream (request: StreamedRequest): Promise<StreamedAnswer | UpstreamFailure> {
    const { deadlineMs, scope, isCancellable, path, headers, ...rest } = request
    if (deadlineMs <= 0) return Promise.resolve(upstreamFailure('UPSTREAM_TIMEOUT'))
    if (scope?.isCancelled === true && isCancellable) return Promise.resolve(clientHasGone())
    const traced = { ...scope?.trace, ...headers }
    const upstream = { origin, ...NO_TIMEOUTS, ...rest, path: basePath + path, headers: traced }
    const options = { request: upstream, deadlineMs, scope: isCancellable ? scope : undefined }
    return new Promise((resolve) => new StreamedCall(shared, options, resolve).make())
  }

  return {
    send,
    stream,
    load: () => ({ inside: queue.inside(), waiting: queue.waiting() }),
    close,
  }
}
