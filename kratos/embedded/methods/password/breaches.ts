import { createHash } from 'node:crypto'
import { ApiError } from '../../http/errors.js'
import { formError } from '../../identity/validation.js'
import type { JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import { MESSAGES } from '../../ui/message.js'

/** One try: a real Kratos makes five, which takes a quarter of a minute without a network. */
const TIMEOUT_MS = 1000

/**
 * Refuses a password that is known from breaches. Only five digits of its hash leave the process.
 * @param config of the method; `ignore_network_errors`, on by default, accepts what cannot be looked up
 * @throws FormError 4000034 on the node `password`; ApiError 502 when the lookup fails and must not
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

/** Lines are `SUFFIX:COUNT`; the count may have commas or be missing, which is one. */
export function breachesIn (range: string, suffix: string): number {
  const line = range.split('\n').map((line) => line.trim().split(':')).find(([known]) => known === suffix)
  return line === undefined ? 0 : Number(line[1]?.replaceAll(',', '') ?? 1)
}

/** The answer's text, or undefined for anything but a 200 in time. */
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

const unreachable = (url: string): ApiError => new ApiError({
  id: 'upstream_error',
  code: 502,
  message: `GET ${url} giving up after 1 attempt(s): Leaked password server unavailable`,
  reason: 'Unable to check if password has been leaked because an unexpected network error occurred'
})
