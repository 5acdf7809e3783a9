import { randomUUID } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type ErrorCode, serviceError } from '../errors.js'
import { envelope } from './error-handler.js'
import { responseHeaders } from './rules.js'

/** What Node's HTTP parser can complain about before there is a request; the rest is plain bad framing (B09, B29, L13). */
const CODE_OF_PARSER_ERROR: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** The last request of a socket that was answered; it may still be sending its body. */
const lastAnswered = new WeakMap<Socket, IncomingMessage>()

/** Notes answers, so that the handler below does not add a second one to a request that was refused before its body came. */
export function noteAnswers (app: FastifyInstance): void {
  app.addHook('onResponse', async ({ raw }) => {
    lastAnswered.set(raw.socket, raw)
  })
}

const wasAnswered = (socket: Socket): boolean => lastAnswered.get(socket)?.complete === false

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
    const shown = serviceError(CODE_OF_PARSER_ERROR[error.code ?? ''] ?? 'VALIDATION_ERROR')
    const body = JSON.stringify(envelope(shown))
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...responseHeaders(https),
      'x-request-id': randomUUID(),
      connection: 'close',
    }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    socket.end([`HTTP/1.1 ${shown.statusCode} ${STATUS_CODES[shown.statusCode]}`, ...lines, '', body].join('\r\n'))
    // `end` closes our half only: a client that never closes its own would keep the socket for ever (L13).
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }
}
