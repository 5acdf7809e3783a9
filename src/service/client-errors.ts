import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type ErrorCode, serviceError, type ServiceError } from '../errors.js'
import { envelope } from '../http/error-handler.js'
import { responseHeaders } from '../http/rules.js'
import { closeInStages } from './lingering-close.js'

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
 * What is not wholly answered, and the last that was: it may still be sending its body. On the socket: no Set and no
 * WeakMap that changes with each request is free of what has left it before the next full collection.
 */
const EXCHANGES = Symbol('exchanges')

type Noted = Socket & { [EXCHANGES]?: Exchange[] }

const exchangesOf = (socket: Socket): Exchange[] => (socket as Noted)[EXCHANGES] ?? []

/** So that the handler below adds nothing to an answer. */
export function noteAnswers (app: FastifyInstance): void {
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const socket: Noted = request.socket
    const unfinished = exchangesOf(socket).filter((exchange) => !exchange.response.writableFinished)
    socket[EXCHANGES] = [...unfinished, { request, response }]
  })
}

// An answer has begun, or is due to a request that is here whole: bytes of another one would stand in the middle of it,
// or be taken for it. What has failed then is the request after it.
function isAnswering (socket: Socket): boolean {
  return exchangesOf(socket).some(({ request, response }) =>
    response.writableFinished ? !request.complete : response.headersSent || request.complete,
  )
}

/** `Expect` with anything but `100-continue` (RFC 9110, section 10.1.1): Node would answer outside our envelope. */
export function refuseExpectations (app: FastifyInstance, { https }: { https: boolean }): void {
  app.server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const { statusCode, body, headers } = closingAnswer(serviceError('VALIDATION_ERROR'), https)
    response.writeHead(statusCode, headers).end(body)
  })
}

function closingAnswer (
  error: ServiceError,
  https: boolean,
): { statusCode: number, headers: Record<string, string | number>, body: string } {
  const body = JSON.stringify(envelope(error))
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...responseHeaders(https),
    'x-request-id': randomUUID(),
    connection: 'close',
  }
  return { statusCode: error.statusCode, headers, body }
}

/** Answers on the raw socket, before there is a request, and closes it: what follows on it cannot be trusted. */
export function createClientErrorHandler ({ https }: { https: boolean }) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    // Each further chunk is an error of its own.
    if (socket.writableEnded) return
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || isAnswering(socket)) {
      socket.destroy()
      return
    }
    const { statusCode, headers, body } = closingAnswer(
      serviceError(CODE_OF_PARSER_ERROR[error.code ?? ''] ?? 'VALIDATION_ERROR'),
      https,
    )
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    socket.write([`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`, ...lines, '', body].join('\r\n'))
    closeInStages(socket)
  }
}
