import { connect, type Socket } from 'node:net'
import { createAnswerParser } from './answer-parser.js'
import type { Answer, HeaderPair } from './types.js'

export interface LiveRequest {
  method: string
  /** path with query, sent as it is */
  path: string
  headers: HeaderPair[]
  body: Buffer | undefined
}

const timeout = 'timeout'

/** The body of an answer that did not come in time. */
export const timedOut = `<no answer: ${timeout}>`

/**
 * Sends the bytes of one request over its own connection and reads the answer: no cookies, no redirects, no added
 * headers. A connection that closes without an answer is status 0, as in the recordings.
 * @param origin `http://host:port`
 * @param timeoutMs real time after which status 0 is reported
 */
export async function send (origin: string, request: LiveRequest, timeoutMs = 8000): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port) })
  try {
    return await answerOn(socket, request, timeoutMs)
  } finally {
    socket.destroy()
  }
}

async function answerOn (socket: Socket, request: LiveRequest, timeoutMs: number): Promise<Answer> {
  const parser = createAnswerParser(request.method)
  return await new Promise((resolve) => {
    const fail = (reason: string): void => {
      resolve(parser.hasHead() ? parser.answer() : noAnswer(reason))
    }
    const timer = setTimeout(() => {
      fail(timeout)
    }, timeoutMs)
    socket.once('close', () => {
      clearTimeout(timer)
      fail('connection closed')
    })
    // An early answer, such as 431, may close the connection while the request is still being written.
    socket.on('error', (error) => {
      if (!socket.readable) fail(error.message)
    })
    socket.on('end', () => {
      fail('connection closed')
    })
    socket.on('data', (chunk: Buffer) => {
      parser.push(chunk)
      if (parser.isComplete()) resolve(parser.answer())
    })
    socket.write(headOf(request))
    if (request.body !== undefined) socket.write(request.body)
  })
}

function headOf ({ method, path, headers }: LiveRequest): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1')
}

function noAnswer (reason: string): Answer {
  return { status: 0, headers: [], body: `<no answer: ${reason}>` }
}
