import { ApiError, plainError } from '../../http/errors.js'
import type { Kratos } from '../../kratos.js'
import { newId } from '../../random.js'
import { isDecisive, type HookSettings } from './settings.js'
import { attempt, type Outcome } from '../../http/outgoing.js'

/** Waits before the second and third attempts (docs/kratos-facts.md, section 1, row vi). */
const WAITS_MS = [1000, 2000]

export interface HookAnswer {
  status: number
  body: Buffer
}

/**
 * Sends a hook, with retries.
 * @returns the final answer, of any status
 * @throws ApiError 400 with error.code 500 when no attempt succeeds (recordings 72, 73), 504 when the last one timed
 * out
 */
export async function deliver (kratos: Kratos, settings: HookSettings, body: string): Promise<HookAnswer> {
  const triggerId = newId()
  for (const waitMs of [...WAITS_MS, undefined]) {
    const headers = requestHeaders(settings, body, triggerId)
    const request = { url: settings.url, method: settings.method, headers, body, readsAnswer: isDecisive(settings) }
    const outcome = await attempt(request, kratos.clock, kratos.closing)
    if (outcome.kind === 'answered' && !isWorthRetrying(outcome)) return outcome
    if (waitMs === undefined || !isWorthRetrying(outcome)) throw givingUp(settings, outcome)
    await kratos.clock.sleep(waitAskedFor(outcome, kratos.clock.now()) ?? waitMs, kratos.closing)
  }
  throw new Error('unreachable: the last round returns or throws')
}

/** Connection errors, 429 and 5xx except 501 are retried. Everything else is final. */
const isWorthRetrying = (outcome: Outcome): boolean =>
  outcome.kind === 'failed'
    ? !outcome.isFinal
    : outcome.status === 429 || (outcome.status >= 500 && outcome.status !== 501)

/** Retry-After of 429 and 503, in seconds or as a date. */
function waitAskedFor (outcome: Outcome, now: number): number | undefined {
  if (outcome.kind === 'failed' || (outcome.status !== 429 && outcome.status !== 503)) return undefined
  const asked = outcome.headers['retry-after'] ?? ''
  const waitMs = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - now
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs)
}

function givingUp ({ method, url }: HookSettings, outcome: Outcome): ApiError {
  const isFinal = outcome.kind === 'failed' && outcome.isFinal
  const head = `${method} ${url} giving up after ${isFinal ? 1 : WAITS_MS.length + 1} attempt(s)`
  const message = outcome.kind === 'failed' ? `${head}: ${outcome.reason}` : head
  if (outcome.kind === 'answered' || !outcome.isTimeout) return plainError(message)
  return new ApiError({
    code: 504,
    message,
    reason: 'A third-party upstream service could not be reached. Please try again later.',
  })
}

/** The headers that Kratos sends. Each attempt has its own request id (docs/kratos-facts.md, section 17). */
export function requestHeaders (
  { headers, auth, hasIds }: HookSettings,
  body: string,
  triggerId: string,
): Record<string, string> {
  const all: Record<string, string> = {
    'User-Agent': 'Go-http-client/1.1',
    ...headers,
    'Accept-Encoding': 'gzip',
    'Content-Length': String(Buffer.byteLength(body)),
  }
  if (hasIds) Object.assign(all, { 'Ory-Webhook-Request-Id': newId(), 'Ory-Webhook-Trigger-Id': triggerId })
  if (auth.kind === 'basic') {
    all['Authorization'] = `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`
  }
  if (auth.kind === 'header') all[auth.name] = auth.value
  if (auth.kind === 'cookie') {
    all['Cookie'] = [...(all['Cookie'] === undefined ? [] : [all['Cookie']]), `${auth.name}=${auth.value}`].join('; ')
  }
  return all
}
