import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type ErrorCode, serviceError, type ServiceError } from '../errors.js'
import { envelope } from '../http/error-handler.js'
import { responseHeaders } from '../http/rules.js'

/**
 * What Node's HTTP parser can complain about before there is a request; the rest is plain bad framing (B09, B29, L13).
 */
const CODE_OF_PARSER_ERROR: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** The last request of a socket that was answered; it may still be sending its body. */
const lastAnswered = new WeakMap<Socket, IncomingMessage>()

/**
 * Notes answers, so that the handler below does not add a second one to a request that was refused before its body
 * came.
 */
export function noteAnswers (app: FastifyInstance): void {
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    lastAnswered.set(raw.socket, raw)
    done()
  })
}

const wasAnswered = (socket: Socket): boolean => lastAnswered.get(socket)?.complete === false

/**
 * `Expect` with anything but `100-continue` (RFC 9110, section 10.1.1), which Node would answer outside our envelope.
 */
export function refuseExpectations (app: FastifyInstance, { https }: { https: boolean }): void {
  app.server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const { statusCode, body, headers } = closingAnswer(serviceError('VALIDATION_ERROR'), https)
    response.writeHead(statusCode, headers).end(body)
  })
}

/** A failure in the envelope that ends its connection. */
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

/** Time for the client to read the answer before the socket goes, whatever it still sends. */
const LINGER_MS = 1000

/**
 * Makes the handler for what Node refuses before there is a request: it answers in the envelope on the raw socket and
 * closes it, because what follows on it cannot be trusted.
 */
export function createClientErrorHandler ({ https }: { https: boolean }) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || wasAnswered(socket)) {
      socket.destroy()
      return
    }
    const { statusCode, headers, body } = closingAnswer(
      serviceError(CODE_OF_PARSER_ERROR[error.code ?? ''] ?? 'VALIDATION_ERROR'),
      https,
    )
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    socket.end([`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`, ...lines, '', body].join('\r\n'))
    // `end` closes our half only: a client that never closes its own would keep the socket for ever (L13).
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }
}
