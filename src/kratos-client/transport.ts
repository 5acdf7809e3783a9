import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { Pool, type Dispatcher } from 'undici'
import { setCookieLines } from './cookies.js'
import { type Fault, fault, faultOfException, isBrokenIdleSocket } from './fault.js'
import { createGate } from './gate.js'
import { readBody } from './body.js'

export interface UpstreamRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Constant path below the origin's base path; never built from input (D01). */
  path: string
  query?: Record<string, string | undefined> | undefined
  headers?: Record<string, string> | undefined
  /** Sent as JSON. */
  body?: unknown
  /** Overall limit in milliseconds: waiting for a slot, connecting, headers and body together. */
  deadlineMs: number
}

/** A complete answer, whatever its status: the body is read, the socket is free again. */
export interface UpstreamAnswer {
  kind: 'answer'
  status: number
  headers: IncomingHttpHeaders
  setCookie: string[]
  /** Parsed when the answer says it is JSON; undefined when there is no body or it is not JSON. */
  body: unknown
}

/** A request whose path was checked already and whose body is passed on as it came, whole: a slow client must not hold a socket to Kratos. */
export interface StreamedRequest {
  method: Dispatcher.HttpMethod
  /** Path and query below the origin's base path. */
  path: string
  headers: Record<string, string>
  body: Buffer | null
  deadlineMs: number
}

/** An answer whose body is still on its way; it has to be read or destroyed. */
export interface StreamedAnswer { kind: 'stream', status: number, headers: IncomingHttpHeaders, body: Readable }

export interface Transport {
  /** Passes a request on and gives the answer as a stream; the deadline covers the body too. */
  stream: (request: StreamedRequest) => Promise<StreamedAnswer | Fault>
  send: (request: UpstreamRequest) => Promise<UpstreamAnswer | Fault>
  close: () => Promise<void>
}

export interface TransportOptions {
  /** http(s) URL of one Kratos port; a base path is kept. */
  url: string
  connections: number
  queue: number
  connectTimeoutMs: number
  maxBodyBytes: number
  maxHeaderBytes: number
}

const DEADLINE = Symbol('deadline')

function pathOf (basePath: string, { path, query }: UpstreamRequest): string {
  const entries = Object.entries(query ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return basePath + path + (entries.length > 0 ? `?${new URLSearchParams(entries)}` : '')
}

/** undici's form of a request; `Accept` is always JSON, so that Kratos never answers with a redirect meant for a browser (B37). */
function dispatchOptions (basePath: string, request: UpstreamRequest, signal: AbortSignal): Dispatcher.RequestOptions {
  const { method, headers, body } = request
  return {
    method,
    path: pathOf(basePath, request),
    headers: { accept: 'application/json', ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
    signal,
  }
}

/**
 * One pool of sockets towards one Kratos port. `send` never throws: it gives the answer, or says how it failed to get one.
 */
export function createTransport (options: TransportOptions): Transport {
  const { origin, pathname } = new URL(options.url)
  const basePath = pathname.replace(/\/+$/, '')
  const gate = createGate({ slots: options.connections, queue: options.queue })
  const pool = new Pool(origin, {
    connections: options.connections,
    pipelining: 1,
    maxHeaderSize: options.maxHeaderBytes,
    connect: { timeout: options.connectTimeoutMs },
    // Our own deadline covers the whole call; these would only add two more timers per request.
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  /** A GET is sent once more when its connection ended before an answer; once an answer began, what was asked may have happened. */
  async function requestWithRetry (request: UpstreamRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const options = dispatchOptions(basePath, request, signal)
    try {
      return await pool.request(options)
    } catch (error) {
      if (request.method !== 'GET' || !isBrokenIdleSocket(error)) throw error
      return await pool.request(options)
    }
  }

  async function exchange (request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamAnswer> {
    const answer = await requestWithRetry(request, signal)
    const body = await readBody(answer, options.maxBodyBytes)
    return { kind: 'answer', status: answer.statusCode, headers: answer.headers, setCookie: setCookieLines(answer.headers), body }
  }

  async function admitted (request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamAnswer | Fault> {
    const admission = await gate.enter(signal)
    if (admission === 'full') return fault('OVERLOADED')
    if (admission === 'aborted') return fault('UPSTREAM_TIMEOUT')
    try {
      return await exchange(request, signal)
    } catch (error) {
      return signal.aborted && signal.reason === DEADLINE ? fault('UPSTREAM_TIMEOUT', error) : faultOfException(error)
    } finally {
      gate.leave()
    }
  }

  // The race is for a call that still waits for its connection: undici looks at the signal only afterwards (J23).
  async function send (request: UpstreamRequest): Promise<UpstreamAnswer | Fault> {
    const controller = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Fault>((resolve) => {
      timer = setTimeout(() => {
        controller.abort(DEADLINE)
        resolve(fault('UPSTREAM_TIMEOUT'))
      }, request.deadlineMs)
    })
    try {
      return await Promise.race([admitted(request, controller.signal), late])
    } finally {
      clearTimeout(timer)
    }
  }

  async function stream ({ method, path, headers, body, deadlineMs }: StreamedRequest): Promise<StreamedAnswer | Fault> {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(DEADLINE), deadlineMs)
    const release = (): void => {
      clearTimeout(timer)
      gate.leave()
    }
    const admission = await gate.enter(controller.signal)
    if (admission !== 'entered') {
      clearTimeout(timer)
      return fault(admission === 'full' ? 'OVERLOADED' : 'UPSTREAM_TIMEOUT')
    }
    try {
      const answer = await pool.request({ method, path: basePath + path, headers, body, signal: controller.signal })
      // An answer that is given up, or cut off before anybody reads it, fails without a reader: nobody else would take the error.
      answer.body.on('error', () => {}).once('close', release)
      if (answer.statusCode < 600) return { kind: 'stream', status: answer.statusCode, headers: answer.headers, body: answer.body }
      answer.body.destroy()
      return fault('UPSTREAM_ERROR', new Error(`status ${answer.statusCode}`))
    } catch (error) {
      release()
      return controller.signal.aborted ? fault('UPSTREAM_TIMEOUT', error) : faultOfException(error)
    }
  }

  return { send, stream, close: () => pool.destroy() }
}
