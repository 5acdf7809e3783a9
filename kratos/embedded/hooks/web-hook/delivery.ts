import { request } from 'node:http'
import { request as requestTls } from 'node:https'
import { ApiError } from '../../http/errors.js'
import type { Kratos } from '../../kratos.js'
import { newId } from '../../random.js'
import type { HookSettings } from './settings.js'

/** How long one attempt may take (recording 74). */
const TIMEOUT_MS = 30_000
/** Waits before the second and the third attempt (facts 1 vi). */
const WAITS_MS = [1000, 2000]

/** Status of an answer, or the failure of an attempt. */
type Attempt = { kind: 'answered', status: number } | { kind: 'failed', error: unknown }

/** Connection errors, 429 and 5xx except 501 are tried again; anything else decides at once. */
const isWorthRetrying = (attempt: Attempt): boolean =>
  attempt.kind === 'failed' || attempt.status === 429 || (attempt.status >= 500 && attempt.status !== 501)

/** @throws ApiError 502 for 4xx; 400 with error.code 500 when no attempt succeeds (recordings 72, 73) */
export async function deliver (kratos: Kratos, settings: HookSettings, body: string): Promise<void> {
  const triggerId = newId()
  let attempt = await send(kratos, settings, body, triggerId)
  for (const waitMs of WAITS_MS) {
    if (!isWorthRetrying(attempt)) break
    await kratos.clock.sleep(waitMs, kratos.closing)
    attempt = await send(kratos, settings, body, triggerId)
  }
  if (attempt.kind === 'answered' && attempt.status < 400) return
  if (attempt.kind === 'answered' && !isWorthRetrying(attempt)) {
    throw new ApiError({ code: 502, message: `webhook failed with status code ${attempt.status}`, reason: 'A third-party upstream service responded improperly. Please try again later.' })
  }
  throw new ApiError({ code: 500, httpStatus: 400, message: `${settings.method} ${settings.url} giving up after ${WAITS_MS.length + 1} attempt(s)` })
}

function authHeaders ({ auth }: HookSettings): Record<string, string> {
  const { name = '', value = '', user = '', password = '', in: place } = auth?.config ?? {}
  if (auth?.type === 'basic_auth') return { Authorization: `Basic ${Buffer.from(`${String(user)}:${String(password)}`).toString('base64')}` }
  if (auth?.type !== 'api_key') return {}
  return place === 'cookie' ? { Cookie: `${String(name)}=${String(value)}` } : { [String(name)]: String(value) }
}

/** One attempt, with the headers that Kratos sends (facts 17). */
async function send (kratos: Kratos, settings: HookSettings, body: string, triggerId: string): Promise<Attempt> {
  const headers = {
    'User-Agent': 'Go-http-client/1.1',
    'Content-Type': 'application/json',
    'Accept-Encoding': 'gzip',
    ...Object.fromEntries(Object.entries(settings.headers).map(([name, value]) => [name, String(value)])),
    ...authHeaders(settings),
    'Ory-Webhook-Request-Id': newId(),
    'Ory-Webhook-Trigger-Id': triggerId,
    'Content-Length': String(Buffer.byteLength(body))
  }
  const open = settings.url.startsWith('https:') ? requestTls : request
  const finished = new AbortController()
  const attempt = new Promise<Attempt>((resolve) => {
    const call = open(settings.url, { method: settings.method, headers, agent: false }, response => {
      response.resume().on('end', () => resolve({ kind: 'answered', status: response.statusCode ?? 0 }))
      response.on('error', error => resolve({ kind: 'failed', error }))
    })
    // Go says nothing about the connection.
    call.removeHeader('connection')
    call.on('error', error => resolve({ kind: 'failed', error }))
    call.end(body)
    kratos.clock.sleep(TIMEOUT_MS, AbortSignal.any([finished.signal, kratos.closing]))
      .then(() => call.destroy(new Error('the web hook did not answer in time')), () => kratos.closing.aborted && call.destroy())
  })
  return await attempt.finally(() => finished.abort())
}
