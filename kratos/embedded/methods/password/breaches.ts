import { createHash } from 'node:crypto'
import { ApiError } from '../../http/errors.js'
import { formError } from '../../identity/validation.js'
import type { JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import { MESSAGES } from '../../ui/message.js'

/** One attempt. A real Kratos makes five, which take 15 seconds without a network. */
const TIMEOUT_MS = 1000

/**
 * Refuses a password that is known from breaches. Only five digits of its hash are sent.
 * @param config of the method; `ignore_network_errors`, on by default, accepts the password when the lookup fails
 * @throws FormError 4000034 at the node `password`; ApiError 502 when the lookup fails and errors are not ignored
 */
export async function checkBreaches (kratos: Kratos, config: JsonObject, password: string): Promise<void> {
  const hash = createHash('sha1').update(password).digest('hex').toUpperCase()
  const url = `https://${String(config['haveibeenpwned_host'])}/range/${hash.slice(0, 5)}`
  const range = await fetchText(kratos, url)
  if (range === undefined && config['ignore_network_errors'] !== false) return
  if (range === undefined) throw unreachable(url)
  const breaches = breachesIn(range, hash.slice(5))
  if (breaches > Number(config['max_breaches'])) throw formError(MESSAGES.passwordBreached(breaches), 'password')
}

/** Lines are `SUFFIX:COUNT`. The count may have commas; a missing one means 1. */
export function breachesIn (range: string, suffix: string): number {
  const line = range.split('\n').map((line) => line.trim().split(':')).find(([known]) => known === suffix)
  return line === undefined ? 0 : Number(line[1]?.replaceAll(',', '') ?? 1)
}

/** The text of a 200 answer in time, otherwise undefined. */
async function fetchText ({ clock, closing }: Kratos, url: string): Promise<string | undefined> {
  const settled = new AbortController()
  const late = new AbortController()
  clock.sleep(TIMEOUT_MS, settled.signal).then(() => late.abort(), () => {})
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([late.signal, closing]) })
    const text = await answer.text()
    return answer.status === 200 ? text : undefined
  } catch {
    return undefined
  } finally {
    settled.abort()
  }
}

const unreachable = (url: string): ApiError =>
  new ApiError({
    id: 'upstream_error',
    code: 502,
    message: `GET ${url} giving up after 1 attempt(s): Leaked password server unavailable`,
    reason: 'Unable to check if password has been leaked because an unexpected network error occurred',
  })
