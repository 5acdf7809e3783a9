import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isIdentityList } from './compare-identities.js'
import type { ManualClock } from './clock.js'
import { createOtherRun, type OtherRun } from './mock-values.js'
import { mockRequestFault } from './mock-request.js'
import type { StartLive } from './run.js'
import { send } from './send.js'
import type { Answer, Exchange, HeaderPair, HookStep, NamedRecording } from './types.js'

/**
 * A mock server that behaves exactly as recorded, but with other ids, tokens and codes. It checks that each request is
 * the recorded one with the mock's values, and answers 599 if not. So it tests substitution and comparison without a
 * real server.
 */
export function mockLive (recording: NamedRecording): StartLive {
  return async (config, clock) => {
    const run = createOtherRun()
    const answers = recording.exchanges.map(({ response }) => run.answer(response))
    const mails = (recording.mails ?? []).map((mail) => run.json({ ...mail }, { member: 'body' }))
    const visibleFrom = mailTimes(recording)
    const hookTarget = /127\.0\.0\.1:\d+(?=\/(?:internal|basic))/.exec(JSON.stringify(config))?.[0]
    let next = 0

    async function handle (request: IncomingMessage, response: ServerResponse): Promise<void> {
      const body = await bodyOf(request)
      if (request.url === '/admin/courier/messages?page_size=500') {
        write(response, {
          status: 200,
          headers: [],
          body: mails.filter((_, mail) => (visibleFrom[mail] ?? 0) <= next).reverse(),
        })
        return
      }
      const index = next++
      const exchange = recording.exchanges[index]
      if (exchange === undefined) {
        response.destroy()
        return
      }
      const fault = mockRequestFault(exchange, request, body, run.values, clock.now())
      const calls = recording.webhook_calls?.find(({ during }) => during === exchange.step)
      if (calls !== undefined && hookTarget !== undefined) playCalls(calls, hookTarget, run, clock).catch(() => {})
      if ((exchange.elapsed_ms ?? 0) > 100) await clock.sleep(exchange.elapsed_ms ?? 0)
      const answer = fault === undefined
        ? shuffled(exchange, answers[index])
        : { status: 599, headers: [], body: fault }
      if (answer.status === 0) response.destroy()
      else write(response, answer)
    }

    const servers = await Promise.all([listen(handle), listen(handle)])
    const [publicUrl = '', adminUrl = ''] = servers.map(
      (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    )
    return {
      publicUrl,
      adminUrl,
      close: async () => {
        await Promise.all(servers.map(close))
      },
    }
  }
}

/** From which exchange on each mail exists: when its code is first used, or with the next mail. */
function mailTimes ({ mails = [], exchanges }: NamedRecording): number[] {
  const firstUses = mails.map(({ subject }) => {
    const code = /\d{6}/.exec(subject)?.[0] ?? '?'
    const use = exchanges.findIndex(({ request }) => `${request.url} ${JSON.stringify(request.body)}`.includes(code))
    return use === -1 ? exchanges.length : use
  })
  return firstUses.map((_, mail) => Math.min(...firstUses.slice(mail)))
}

/** A list that is sorted by random ids has another order. */
function shuffled (exchange: Exchange, answer: Answer = { status: 599, headers: [] }): Answer {
  if (!isIdentityList(exchange) || !Array.isArray(answer.body)) return answer
  return { ...answer, body: [...answer.body].reverse() }
}

async function playCalls ({ calls }: HookStep, target: string, run: OtherRun, clock: ManualClock): Promise<void> {
  const start = clock.now()
  for (const { at_ms: atMs, request } of calls) {
    // A server waits whole seconds between attempts; the rest of the recorded time is its own delay.
    await clock.sleep(Math.max(0, start + Math.floor(atMs / 1000) * 1000 - clock.now()))
    const body = Buffer.from(JSON.stringify(run.json(request.body ?? null)))
    const headers = request.headers.map((
      [name, value],
    ): HeaderPair => [
      name,
      name === 'Host' ? target : name === 'Content-Length' ? String(body.length) : run.text(value),
    ])
    send(`http://${target}`, {
      method: request.method,
      path: request.url.replace('webhook:', ''),
      headers,
      body,
    }).catch(() => {})
  }
}

async function listen (handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<Server> {
  const server = createServer({ maxHeaderSize: 2 ** 21, insecureHTTPParser: true }, (request, response) => {
    handle(request, response).catch(() => {
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return server
}

async function close (server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => {
    server.close(resolve)
  })
}

async function bodyOf (request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Written by hand, because Node would add headers. */
function write (response: ServerResponse, { status, headers, body = null }: Answer): void {
  const text = body === null ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const own = headers.filter(([name]) => !/^(content-length|transfer-encoding|date)$/i.test(name))
  const lines = [
    ...own,
    ['Content-Length', String(Buffer.byteLength(text))],
    ['Date', 'Thu, 01 Jan 2026 00:00:00 GMT'],
    ['X-Embedded-Kratos', 'mock'],
  ]
  const head = `HTTP/1.1 ${status} Mock\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  response.socket?.end(head + (response.req.method === 'HEAD' ? '' : text))
}
