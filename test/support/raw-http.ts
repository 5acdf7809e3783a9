import { connect, type AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { envelopeProblems } from './envelope.js'

export interface Plain {
  status: number
  headers: Record<string, unknown>
  body: string
}
export const plain = ({ statusCode, headers, body }: LightMyRequestResponse): Plain => ({
  status: statusCode,
  headers,
  body,
})

/** What every answer says about itself (C16). */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-site',
  'content-security-policy': /frame-ancestors 'none'/,
  'referrer-policy': 'no-referrer',
}

const FAILURE_HEADERS = {
  'content-type': /^application\/json/,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-request-id': /^[\w.-]{1,64}$/,
}

/** Every answer that is no success: the envelope, never cached. One assertion, because there are hundreds. */
export function refused (
  t: Test,
  { status, headers, body }: Plain,
  expected: number,
  code: string,
  name: string,
): void {
  const found = {
    status,
    headers,
    body: JSON.parse(body === '' ? '{}' : body) as unknown,
    problems: envelopeProblems(body),
  }
  t.match(found, {
    status: expected,
    headers: FAILURE_HEADERS,
    body: { success: false, error: /./, code },
    problems: [],
  }, name)
}

/** Sends bytes on a connection of its own and gives what came back until the service closed it, or one whole answer. */
export function speak (
  app: FastifyInstance,
  bytes: string,
  { untilClosed = false } = {},
): Promise<Plain & { closed: boolean, ms: number, raw: string }> {
  const start = Date.now()
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  let raw = ''
  return new Promise((resolve) => {
    const finish = (closed: boolean): void => {
      const [head = '', body = ''] = raw.split('\r\n\r\n', 2)
      const [statusLine = '', ...lines] = head.split('\r\n')
      const headers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      )
      socket.destroy()
      resolve({ status: Number(statusLine.split(' ')[1]), headers, body, closed, ms: Date.now() - start, raw })
    }
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      raw += chunk
      const length = /\r\ncontent-length: (\d+)/i.exec(raw)?.[1]
      const complete = length !== undefined && raw.length >= raw.indexOf('\r\n\r\n') + 4 + Number(length)
      if (complete && !untilClosed && !/\r\nconnection: close/i.test(raw)) finish(false)
    })
    socket.on('close', () => finish(true)).on('error', () => {}).write(bytes, 'latin1')
  })
}

/** A request without a body, as it stands on the wire. */
export const request = (line: string, ...headers: string[]): string =>
  [line, 'Host: localhost:3000', ...headers, '', ''].join('\r\n')
