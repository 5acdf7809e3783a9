import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ManualClock } from './clock.js'
import type { HeaderPair, HookCall, HookStep, Json } from './types.js'

/** How the target answers one call. */
export interface HookAnswer {
  status: number
  body: Json
  headers?: HeaderPair[]
  /** time on the manual clock before it answers */
  delayMs?: number
}

export interface HookTarget {
  /** `host:port` */
  address: string
  /** Starts to collect and answer the calls of a step. */
  begin: (step: string) => void
  /** Calls so far, by the step during or after which they arrived. */
  callsDuring: (step: string) => HookCall[]
  /** When the current step began. */
  since: () => number
  close: () => Promise<void>
}

/**
 * A web hook target that answers as the recorded one did, in the same order.
 * @param answers by step, where the recording does not say how or when the target answered
 */
export async function startHookTarget (
  recorded: readonly HookStep[],
  answers: Record<string, Partial<HookAnswer>>,
  clock: ManualClock,
): Promise<HookTarget> {
  const calls = new Map<string, HookCall[]>()
  let current = { step: '', since: clock.now() }

  async function handle (request: IncomingMessage, response: ServerResponse): Promise<void> {
    clock.touch()
    const { step, since } = current
    const own = calls.get(step) ?? []
    calls.set(step, own)
    const call: HookCall = { at_ms: clock.now() - since, request: { ...requestOf(request), body: null } }
    own.push(call)
    const position = own.length - 1
    call.request.body = await bodyOf(request)
    await answer(response, answerFor(step, position), clock)
    clock.touch()
  }

  function answerFor (step: string, position: number): HookAnswer {
    const script = recorded.find(({ during }) => during === step)?.calls[position]?.response
    return { status: script?.status ?? 200, body: script === undefined ? {} : script.body, ...answers[step] }
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => {
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    begin: (step) => {
      current = { step, since: clock.now() }
    },
    callsDuring: (step) => calls.get(step) ?? [],
    since: () => current.since,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

function requestOf (request: IncomingMessage): HookCall['request'] {
  const headers: HeaderPair[] = []
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    headers.push([request.rawHeaders[index] ?? '', request.rawHeaders[index + 1] ?? ''])
  }
  return {
    method: request.method ?? '',
    url: `webhook:${request.url ?? ''}`,
    http_version: `HTTP/${request.httpVersion}`,
    headers,
  }
}

async function bodyOf (request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  if (text === '') return null
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

async function answer (
  response: ServerResponse,
  { status, body, headers = [], delayMs = 0 }: HookAnswer,
  clock: ManualClock,
): Promise<void> {
  if (delayMs > 0) await clock.sleep(delayMs)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(status, Object.fromEntries([['Content-Type', type], ...headers]))
  response.end(body === null ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
}
