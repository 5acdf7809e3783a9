import { connect, type Socket } from 'node:net'

export interface Reply {
  status: number
  head: string
  body: string
}

export interface SoakRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  headers?: Record<string, string>
  body?: object
}

const bytesOf = ({ method = 'GET', path, headers = {}, body }: SoakRequest): string => {
  const text = body === undefined ? '' : JSON.stringify(body)
  const all = {
    host: 'localhost:3000',
    ...headers,
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
  }
  return `${method} ${path} HTTP/1.1\r\n${
    Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  }\r\n${text}`
}

/**
 * The next whole answer in a text, and what follows it; every answer of the service has a length, or none and no body.
 */
function cut (text: string): { reply: Reply, rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  if (text.length < end + 4 + length) return undefined
  return {
    reply: { status: Number(head.slice(9, 12)), head, body: text.slice(end + 4, end + 4 + length) },
    rest: text.slice(end + 4 + length),
  }
}

/**
 * One keep-alive connection that sends requests in batches, each in one piece: the cheapest client there is, so that
 * the service and not its caller is what a million requests wait for.
 */
export class Pipe {
  readonly port: number
  #socket: Socket | undefined
  #text = ''
  #waiting:
    | { replies: Reply[], count: number, done: (replies: Reply[]) => void, failed: (error: Error) => void }
    | undefined

  constructor (port: number) {
    this.port = port
  }

  #connect (): Socket {
    const socket = connect(this.port, '127.0.0.1').setNoDelay(true).setEncoding('latin1')
    const lost = (error?: Error): void => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#text = ''
      this.#waiting?.failed(error ?? new Error('the service closed a connection with unanswered requests'))
      this.#waiting = undefined
    }
    socket.on('data', (chunk: string) => this.#take(chunk)).on('error', lost).on('close', () => lost())
    return socket
  }

  #take (chunk: string): void {
    this.#text += chunk
    for (let found = cut(this.#text); found !== undefined; found = cut(this.#text)) {
      this.#text = found.rest
      this.#waiting?.replies.push(found.reply)
    }
    if (this.#waiting === undefined || this.#waiting.replies.length < this.#waiting.count) return
    const { done, replies } = this.#waiting
    this.#waiting = undefined
    done(replies)
  }

  /** Answers in the order of the requests; rejects when the connection ends before. */
  send (requests: SoakRequest[]): Promise<Reply[]> {
    this.#socket ??= this.#connect()
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      this.#waiting = { replies: [], count: requests.length, done: resolve, failed: reject }
      socket.write(requests.map(bytesOf).join(''))
    })
  }

  async one (request: SoakRequest): Promise<Reply> {
    const [reply] = await this.send([request])
    return reply as Reply
  }

  close (): void {
    this.#socket?.destroy()
  }
}
