import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as requestTls } from 'node:https'
import { gunzipSync } from 'node:zlib'
import type { Clock } from '../clock.js'

export interface OutgoingRequest {
  url: string
  method: string
  headers: Record<string, string>
  body: string
  /** Whether to read the body of the answer. */
  readsAnswer: boolean
}

/** The answer, or why there is none. */
export type Outcome =
  | { kind: 'answered', status: number, headers: IncomingHttpHeaders, body: Buffer }
  | { kind: 'failed', reason: string, isTimeout: boolean, isFinal: boolean }

/** Time limit of one attempt, including redirects. */
const TIMEOUT_MS = 30_000
const MAX_REDIRECTS = 10
const BODY_LIMIT = 5 * 1024 * 1024

/**
 * One attempt, made as Go's client does: follows redirects, unpacks gzip, ends after 30 seconds.
 * @param closing aborts it
 */
export async function attempt (wanted: OutgoingRequest, clock: Clock, closing: AbortSignal): Promise<Outcome> {
  const settled = new AbortController()
  const late = new AbortController()
  // On the server's clock, so that tests need not wait.
  clock.sleep(TIMEOUT_MS, settled.signal).then(() => late.abort(), () => {})
  try {
    return await followed(wanted, AbortSignal.any([late.signal, closing]))
  } catch (error) {
    closing.throwIfAborted()
    if (!late.signal.aborted) {
      return { kind: 'failed', reason: goReason(wanted, error), isTimeout: false, isFinal: false }
    }
    return {
      kind: 'failed',
      reason: `${errorHead(wanted)}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
      isTimeout: true,
      isFinal: false,
    }
  } finally {
    settled.abort()
  }
}

async function followed (first: OutgoingRequest, signal: AbortSignal): Promise<Outcome> {
  let next: OutgoingRequest = first
  let location: string | undefined = ''
  for (let redirects = 0; redirects < MAX_REDIRECTS; redirects++) {
    const { status, headers, body } = await exchanged(next, signal)
    location = headers.location
    const target = redirected(next, status, location)
    if (target === undefined) return { kind: 'answered', status, headers, body }
    next = target
  }
  return {
    kind: 'failed',
    reason: `${errorHead({ ...first, url: location ?? '' })}: stopped after ${MAX_REDIRECTS} redirects`,
    isTimeout: false,
    isFinal: true,
  }
}

/** The request for a redirect. Only 307 and 308 keep method and body. */
function redirected (from: OutgoingRequest, status: number, location: string | undefined): OutgoingRequest | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined
  const url = new URL(location, from.url)
  const keepsBody = status > 303
  const isSameHost = url.host === new URL(from.url).host
  const dropped = [
    ...(keepsBody ? [] : ['Content-Type', 'Content-Length']),
    ...(isSameHost ? [] : ['Authorization', 'Cookie']),
  ]
  return {
    ...from,
    url: url.toString(),
    method: keepsBody || from.method === 'HEAD' ? from.method : 'GET',
    headers: {
      ...Object.fromEntries(Object.entries(from.headers).filter(([name]) => !dropped.includes(name))),
      Referer: from.url,
    },
    body: keepsBody ? from.body : '',
  }
}

interface Received {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

async function exchanged (wanted: OutgoingRequest, signal: AbortSignal): Promise<Received> {
  const { url, method, headers, body } = wanted
  const open = url.startsWith('https:') ? requestTls : request
  return await new Promise((resolve, reject) => {
    const call = open(url, { method, headers, agent: false, signal }, (response) => {
      received(response, wanted.readsAnswer).then(resolve, reject)
    })
    // Go keeps connections alive without sending the header.
    call.removeHeader('connection')
    call.on('error', reject)
    call.end(body)
  })
}

async function received (response: IncomingMessage, readsAnswer: boolean): Promise<Received> {
  const { statusCode: status = 0, headers } = response
  if (readsAnswer) return { status, headers, body: await readBody(response) }
  response.on('error', () => {}).resume()
  return { status, headers, body: Buffer.alloc(0) }
}

async function readBody (response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size >= BODY_LIMIT) break
  }
  const bytes = Buffer.concat(chunks).subarray(0, BODY_LIMIT)
  return response.headers['content-encoding'] === 'gzip' && bytes.length > 0 ? gunzipSync(bytes) : bytes
}

/** The beginning of Go's message for a failed request. */
const errorHead = ({ method, url }: OutgoingRequest): string =>
  `${method.charAt(0)}${method.slice(1).toLowerCase()} ${JSON.stringify(url)}`

function goReason (wanted: OutgoingRequest, error: unknown): string {
  const {
    code = '',
    address = '',
    port = 0,
    message,
  } = error as NodeJS.ErrnoException & { address?: string, port?: number }
  const reasons: Record<string, string> = {
    ECONNREFUSED: `dial tcp ${address}:${port}: connect: connection refused`,
    ECONNRESET: 'EOF',
    ENOTFOUND: `dial tcp: lookup ${new URL(wanted.url).hostname}: no such host`,
  }
  return `${errorHead(wanted)}: ${reasons[code] ?? message}`
}
