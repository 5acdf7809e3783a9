import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { build } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { request } from '../support/raw-http.js'
import { until } from '../support/until.js'

const TIMES = 2
const PIECES = 1000
const LOGIN = 'POST /api/auth/flows/login HTTP/1.1'
const JSON_TYPE = 'Content-Type: application/json'

/** Sends some megabytes and looks for an answer only then, as simple clients do. Gives the status of the answer. */
async function upload (app: FastifyInstance, head: string, piece: string): Promise<string> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
  let raw = ''
  const over = new Promise((resolve) => socket.once('close', resolve))
  socket.pause().write(head)
  socket.write(piece.repeat(PIECES), () => {
    socket.setEncoding('latin1').on('data', (text: string) => {
      raw += text
    }).resume()
  })
  await over
  return /^HTTP\/1\.1 (\d+) /.exec(raw)?.[1] ?? 'no answer'
}

export default async function (t: Test): Promise<void> {
  const kratos = await startFaultServer(t, answer(500, {}))
  const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const spaces = ' '.repeat(0x4000)
  const chunk = `4000\r\n${spaces}\r\n`
  const uploads: Array<[name: string, head: string, piece: string, status: string]> = [
    ['a chunked body that is too long', request(LOGIN, JSON_TYPE, 'Transfer-Encoding: chunked'), chunk, '413'],
    ['a body that says that it is too long', request(LOGIN, JSON_TYPE, 'Content-Length: 100000000'), spaces, '413'],
    ['a body for a client that wants no other answer', request(LOGIN, 'Content-Type: text/plain', 'Connection: close', 'Content-Length: 100000000'), spaces, '415'],
    ['a body for a path that is not there', request('POST /nowhere HTTP/1.1', 'Connection: close', 'Transfer-Encoding: chunked'), chunk, '404'],
    ['a body for an expectation that nobody meets', request(LOGIN, JSON_TYPE, 'Expect: miracles', 'Content-Length: 100000000'), spaces, '400'],
    ['headers without end', 'GET / HTTP/1.1\r\nX-Long: ', 'x'.repeat(0x4000), '431'],
    ['no HTTP at all', 'GARBAGE\r\n\r\n', spaces, '400'],
  ]

  t.test('who still sends when the connection ends reads the answer all the same', async (t) => {
    for (const [name, head, piece, status] of uploads) {
      const answers = await Promise.all(Array.from({ length: TIMES }, () => upload(app, head, piece)))
      t.same(answers, Array(TIMES).fill(status), name)
    }
  })

  t.test('what comes after that answer is parsed no more', async (t) => {
    let errors = 0
    app.server.on('clientError', () => errors++)
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
    const over = new Promise((resolve) => socket.once('close', resolve))
    const timer = setInterval(() => socket.write('no chunk\r\n'), 20)
    socket.write(request(LOGIN, JSON_TYPE, 'Transfer-Encoding: chunked') + '1\r\n \r\n'.repeat(2000))
    const [first] = await once(socket, 'data') as [Buffer]
    t.match(first.toString(), /^HTTP\/1\.1 413 /)
    await over
    clearInterval(timer)
    t.equal(errors, 0)
  })

  t.test('and no socket is left', async (t) => {
    const left = (): Promise<number> =>
      new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
    await until(async () => await left() === 0)
    t.equal(await left(), 0)
  })
}
