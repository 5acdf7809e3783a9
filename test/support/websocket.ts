import { request as requestHttp } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'

export interface WebSocketClient {
  status: number
  /** The next frame: its text, or `close` and its code; `gone` when the connection has ended without. */
  next: () => Promise<string>
  leave: () => void
}

const HEAD = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': btoa('x'.repeat(16)),
}

/** Short frames of a server are not masked: two bytes, then what they hold. */
function frameOf (bytes: Buffer): { text: string, length: number } | undefined {
  const [kind = 0, size = 0] = bytes
  if (bytes.length < 2 || bytes.length < 2 + size) return undefined
  const content = bytes.subarray(2, 2 + size)
  return { text: kind === 0x88 ? `close ${content.readUInt16BE(0)}` : content.toString(), length: 2 + size }
}

function reader (socket: Socket, first: Buffer): () => Promise<string> {
  let bytes = first
  let isGone = false
  let wake = (): void => {}
  socket.on('data', (more: Buffer) => {
    bytes = Buffer.concat([bytes, more])
    wake()
  }).on('close', () => {
    isGone = true
    wake()
  }).on('error', () => {})
  return async () => {
    for (;;) {
      const frame = frameOf(bytes)
      if (frame !== undefined) {
        bytes = bytes.subarray(frame.length)
        return frame.text
      }
      if (isGone) return 'gone'
      await new Promise<void>((resolve) => { wake = resolve })
    }
  }
}

/** Opens a WebSocket by hand; it ends with the test. */
export async function openWebSocket (t: Test, url: string, headers: Record<string, string>): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    // A connection of its own: after a refusal @fastify/websocket ends it without a word.
    requestHttp(url, { agent: false, headers: { ...HEAD, ...headers } })
      .on('response', (answer) => {
        answer.resume()
        resolve({ status: answer.statusCode ?? 0, next: async () => 'gone', leave: () => {} })
      })
      .on('upgrade', (answer, socket, first) => {
        t.teardown(() => socket.destroy())
        resolve({ status: answer.statusCode ?? 0, next: reader(socket, first), leave: () => socket.destroy() })
      })
      .on('error', reject).end()
  })
}
