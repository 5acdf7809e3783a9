import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Kratos } from '../kratos.js'
import type { Answer } from './answer.js'
import { applyCors } from './cors.js'
import { guardCsrf } from './csrf.js'
import { ApiError, errorAnswer, internal } from './errors.js'
import { newExchange, type Exchange, type RequestBody } from './exchange.js'
import { simulateFault, waitForFault, type Faults } from './faults.js'
import { endWithAnswer } from './last-answer.js'
import { AWAY } from '../store/away.js'
import { cleanPath, createRouter, type Route } from './router.js'

const BODY_LIMIT = 5 * 1024 * 1024
const HEADER_LIMIT = 1024 * 1024 + 4096
/** After this time Kratos gives up on its answer and closes the connection (recording 74). */
const WRITE_TIMEOUT_MS = 60_000

export interface ListenOptions {
  host: string
  port: number
  /** Only the public port has CSRF protection. */
  isPublic: boolean
  routes: Route[]
  faults: Faults
}

export interface Listener {
  url: string
  close(): Promise<void>
  /**
   * Stops listening. The returned function listens again on the same port, unless another pause lasts or the server is
   * closed.
   */
  pause(): Promise<() => Promise<void>>
}

/**
 * Uses Node's own server, not a framework: Kratos runs on Go's mux. Its path cleaning, 405 answers, routes for any
 * method and bodies of any type would all have to be added to a framework.
 */
export async function listen (kratos: Kratos, options: ListenOptions): Promise<Listener> {
  const dispatch = createRouter(options.routes)
  const server = createServer({ maxHeaderSize: HEADER_LIMIT, keepAliveTimeout: 120_000 }, (request, response) => {
    serve(kratos, options, dispatch, request, response).catch((error) => {
      kratos.log(`request failed: ${String(error)}`)
      response.destroy()
    })
  })
  server.on('clientError', refuseUnreadable)
  await open(server, options.host, options.port)
  const { port } = server.address() as AddressInfo
  let pauses = 0
  let isClosed = false
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: async () => {
      isClosed = true
      await closeServer(server)
    },
    pause: async () => {
      if (++pauses === 1) await closeServer(server)
      return async () => {
        if (--pauses === 0 && !isClosed) await open(server, options.host, port)
      }
    },
  }
}

async function open (server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function closeServer (server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** Requests that Node cannot parse, answered as Go does (recording 86). */
function refuseUnreadable (error: NodeJS.ErrnoException, socket: Duplex): void {
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  if (socket.writable) {
    socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`)
  }
}

type Dispatch = (ex: Exchange) => Promise<Answer>

async function serve (
  kratos: Kratos,
  options: ListenOptions,
  dispatch: Dispatch,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedAt = kratos.clock.now()
  const target = request.url ?? '/'
  const body = await readBody(request)
  const fault = options.faults.take(request.method ?? 'GET', target.split('?')[0] ?? '')
  const asked = fault?.kind === 'database-away' ? { ...kratos, store: AWAY } : kratos
  const ex = newExchange(asked, {
    method: request.method ?? 'GET',
    target: options.isPublic ? target : underAdmin(target),
    rawHeaders: request.rawHeaders,
    body,
    peer: `${request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''}:${request.socket.remotePort ?? 0}`,
  })
  if (simulateFault(fault, response)) return
  await waitForFault(fault, 'slow-headers', kratos.clock, kratos.closing)
  const answer = await answerFor(ex, options.isPublic, dispatch)
  if (response.destroyed) return
  if (ex.isDropped || (kratos.clock.now() - startedAt > WRITE_TIMEOUT_MS && fault === undefined)) {
    // Destroying a request that was read to its end would not close the connection.
    request.socket.destroy()
    return
  }
  writeHead(ex, answer, response)
  await waitForFault(fault, 'slow-body', kratos.clock, kratos.closing)
  if (body.kind === 'too-large') endWithAnswer(request, response)
  response.end(ex.method === 'HEAD' || answer.body === null ? undefined : answer.body)
}

/**
 * The admin port works with and without the prefix. A path that gets it is cleaned too, so that one slash at its end
 * means nothing (docs/kratos-facts.md, section 15).
 */
function underAdmin (target: string): string {
  if (/^\/admin(?=[/?]|$)/.test(target)) return target
  const [path = '/', query] = target.split(/\?(.*)/s)
  const cleaned = cleanPath(`/admin${path}`).replace(/(?<=.)\/$/, '')
  return query === undefined ? cleaned : `${cleaned}?${query}`
}

async function answerFor (ex: Exchange, isPublic: boolean, dispatch: Dispatch): Promise<Answer> {
  try {
    // For GET only (docs/kratos-facts.md, section 16).
    if (ex.method === 'GET') ex.responseHeaders['Cache-Control'] = 'private, no-cache, no-store, must-revalidate'
    const preflight = isPublic ? applyCors(ex) : undefined
    if (preflight !== undefined) return preflight
    if (isPublic) guardCsrf(ex)
    return await dispatch(ex)
  } catch (error) {
    if (error instanceof ApiError) return errorAnswer(error, ex.headers.get('x-request-id'))
    ex.kratos.log(error instanceof Error ? error.stack ?? error.message : String(error))
    return errorAnswer(internal(String(error)), ex.headers.get('x-request-id'))
  }
}

function writeHead (ex: Exchange, answer: Answer, response: ServerResponse): void {
  const cookies = [...ex.setCookies.values()].filter((line) => line !== undefined)
  // Go does not announce keep-alive, but it confirms `close`.
  if (ex.body.kind === 'too-large' || ex.headers.get('connection')?.toLowerCase() === 'close') {
    response.setHeader('connection', 'close')
  } else {
    response.removeHeader('connection')
  }
  response.writeHead(answer.status, {
    ...ex.responseHeaders,
    ...answer.headers,
    'X-Embedded-Kratos': ex.kratos.version,
    ...(ex.vary.length === 0 ? {} : { Vary: ex.vary }),
    ...(cookies.length === 0 ? {} : { 'Set-Cookie': cookies }),
    ...(answer.body === null || answer.status === 204
      ? {}
      : { 'Content-Length': String(Buffer.byteLength(answer.body)) }),
  })
  response.flushHeaders()
}

async function readBody (request: IncomingMessage): Promise<RequestBody> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length
    if (size > BODY_LIMIT) return { kind: 'too-large' }
    chunks.push(chunk as Buffer)
  }
  return { kind: 'read', bytes: Buffer.concat(chunks) }
}
