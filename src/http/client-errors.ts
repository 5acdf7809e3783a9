import type { Socket } from 'node:net'
import { STATUS_CODES } from 'node:http'
import { type ErrorCode, serviceError } from '../errors.js'
import { envelope } from './error-handler.js'

/** What Node's HTTP parser can complain about before there is a request; the rest is plain bad framing (B09, B29, L13). */
const CODE_OF_PARSER_ERROR: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** Answers in the envelope on the raw socket and closes it: what follows on it cannot be trusted. */
export function answerClientError (error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const shown = serviceError(CODE_OF_PARSER_ERROR[error.code ?? ''] ?? 'VALIDATION_ERROR')
  const body = JSON.stringify(envelope(shown))
  socket.end([
    `HTTP/1.1 ${shown.statusCode} ${STATUS_CODES[shown.statusCode]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
    '', body
  ].join('\r\n'))
}
