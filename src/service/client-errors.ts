import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type ErrorCode, serviceError, type ServiceError } from '../errors.js'
import { envelope } from '../http/error-handler.js'
import { responseHeaders } from '../http/rules.js'
import { closeInStages, lingerOverBody } from './lingering-close.js'

/** Of Node's HTTP parser, before there is a request; the rest is plain bad framing (B09, B29, L13). */
const CODE_OF_PARSER_ERROR: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
}

/**
 * What is not wholly answered, or is still sending its body. On the socket: no Set and no WeakMap that changes with
 * each request is free of what has left it before the next full collection.
 */
const EXCHANGES = Symbol('exchanges')

/** Nothing more is read of a request: what came after the last one is broken. */
const IS_BROKEN = Symbol('is broken')

type Noted = Socket & { [EXCHANGES]?: Exchange[], [IS_BROKEN]?: true }

const exchangesOf = (socket: Socket): Exchange[] => (socket as Noted)[EXCHANGES] ?? []

/** Without those that are answered, and have sent all of their body. */
const unfinished = (socket: Socket): Exchange[] =>
  exchangesOf(socket).filter(({ request, response }) => !(response.writableFinished && request.complete))

/** Nothing is filtered here: a packet of thousands of requests would have its list copied for each of them. */
function note (request: IncomingMessage, response: ServerResponse): void {
  const socket: Noted = request.socket
  if (socket.destroyed) return
  socket[EXCHANGES] ??= []
  socket[EXCHANGES].push({ request, response })
}

/** So that the handler below adds nothing to an answer. */
export function noteAnswers (app: FastifyInstance): void {
  app.server.on('request', note)
  // At once: kept until the next request of its connection, one would grow old enough for a full collection.
  app.addHook('onResponse', ({ raw: { socket } }, _reply, done) => {
    (socket as Noted)[EXCHANGES] = unfinished(socket)
    done()
  })
}

/** Bytes of another answer would stand in the middle of one that has begun, or be taken for one that is over. */
const isAnswering = (socket: Socket): boolean =>
  exchangesOf(socket).some(({ request, response }) =>
    response.writableFinished ? !request.complete : response.headersSent && !response.writableEnded)

/** Waits for its turn to be read (see `readInTurns`): nobody knows a request that could be answered. */
const isUnread = (socket: Socket): boolean => socket.isPaused() && exchangesOf(socket).length === 0

/** A turn of the event loop refuses for so long, at least one: each turn accepts a connection, which waits for it. */
const REFUSING_MS = 1

/** Thousands of connections that came together have taken too long together. */
function createTurns (): (work: () => void) => void {
  const due: Array<() => void> = []

  function doSome (): void {
    const endsAt = performance.now() + REFUSING_MS
    let done = 0
    do due[done++]?.()
    while (done < due.length && performance.now() < endsAt)
    due.splice(0, done)
    if (due.length > 0) setImmediate(doSome)
  }

  return (work) => {
    if (due.push(work) === 1) setImmediate(doSome)
  }
}

/** What is here whole has its answer to come, whatever was sent after it. */
const isDue = ({ request, response }: Exchange): boolean =>
  !response.writableFinished && !response.destroyed && (request.complete || response.writableEnded)

function afterAnswers (socket: Socket, work: () => void): void {
  const last = exchangesOf(socket).findLast(isDue)
  if (last === undefined) work()
  else last.response.once('close', () => afterAnswers(socket, work))
}

/** `Expect` with anything but `100-continue` (RFC 9110, section 10.1.1): Node would answer outside our envelope. */
export function refuseExpectations (server: Server, { https }: { https: boolean }): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const socket: Noted = request.socket
    // The answer to the first one closes the connection; a packet has room for thousands.
    if (socket[IS_BROKEN] === true) {
      socket.destroy()
      return
    }
    socket[IS_BROKEN] = true
    note(request, response)
    lingerOverBody(request, response)
    const { statusCode, body, headers } = closingAnswer(serviceError('VALIDATION_ERROR'), https)
    response.writeHead(statusCode, { ...headers, 'x-request-id': randomUUID() }).end(body)
  })
}

/** But for its id. */
function closingAnswer (
  error: ServiceError,
  https: boolean,
): { statusCode: number, headers: Record<string, string | number>, body: string } {
  const body = JSON.stringify(envelope(error))
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...responseHeaders(https),
    connection: 'close',
  }
  return { statusCode: error.statusCode, headers, body }
}

/** Of Node's parser, or its time limit: about what follows the requests that are here. */
const isAboutRequest = ({ code = '' }: NodeJS.ErrnoException): boolean => code.startsWith('HPE_') || code in CODE_OF_PARSER_ERROR

/**
 * Answers on the raw socket, where there is no request that could be answered, and closes it: what follows on it cannot
 * be trusted. Requests before it, which are here whole, have their answers first.
 */
export function createClientErrorHandler ({ https }: { https: boolean }) {
  // A flood of silent connections ends by thousands in one turn of the event loop.
  const texts = new Map<ErrorCode, [beforeId: string, afterId: string]>()
  const inTurns = createTurns()

  function textOf (code: ErrorCode): [beforeId: string, afterId: string] {
    const known = texts.get(code)
    if (known !== undefined) return known
    const { statusCode, headers, body } = closingAnswer(serviceError(code), https)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const text: [string, string] = [
      `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${lines.join('')}x-request-id: `,
      `\r\n\r\n${body}`,
    ]
    texts.set(code, text)
    return text
  }

  function refuse (error: NodeJS.ErrnoException, socket: Socket): void {
    if (socket.writableEnded) return
    if (socket.destroyed || !socket.writable || isAnswering(socket)) {
      socket.destroy()
      return
    }
    const text = textOf(CODE_OF_PARSER_ERROR[error.code ?? ''] ?? 'VALIDATION_ERROR').join(randomUUID())
    // Who has sent nothing has nothing unread that would reset the connection, and the answer with it.
    if (socket.bytesRead === 0) {
      socket.end(text, () => socket.destroy())
      return
    }
    socket.write(text)
    closeInStages(socket)
  }

  return (error: NodeJS.ErrnoException, socket: Noted): void => {
    // Each further chunk is an error of its own.
    if (socket.writableEnded || (socket[IS_BROKEN] === true && isAboutRequest(error))) return
    if (!isAboutRequest(error) || isAnswering(socket)) {
      socket.destroy()
      return
    }
    socket[IS_BROKEN] = true
    // One that was never read has no answer: the delay was ours, and nobody knows what it asked for.
    inTurns(isUnread(socket) ? () => socket.destroy() : () => afterAnswers(socket, () => refuse(error, socket)))
  }
}
