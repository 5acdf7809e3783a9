import { csrfViolation, isCsrfToken } from '../http/csrf.js'
import { badRequest } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { Flow } from './flow.js'

const MISUSE = (header: string, caller: string): string =>
  `The HTTP Request Header included the "${header}" key, indicating that this request was made ${caller}. The flow however was initiated as an API request. To prevent potential misuse and mitigate several attack vectors including CSRF, the request has been blocked. Please consult the documentation.`

/** Cookies of Cloudflare do not count (recording 15). */
const isCloudflare = (name: string): boolean => /^(__cf|_cf|cf_)/.test(name)

/**
 * Checks every submit: an API flow must not come from a browser, and a browser flow needs the CSRF token of its cookie.
 * @throws ApiError 400 (message 4000001) or 403
 */
export function ensureCsrf (ex: Exchange, flow: Flow, token: string | undefined): void {
  if (flow.type === 'browser') {
    if (!isCsrfToken(ex, token)) throw csrfViolation(ex, token)
    return
  }
  if ((ex.headers.get('origin') ?? '') !== '') {
    throw badRequest(MISUSE('Origin', 'as part of an AJAX request in a Browser'))
  }
  const names = ex.cookies.map(([name]) => name).filter((name) => !isCloudflare(name))
  if (names.length > 0) throw badRequest(MISUSE('Cookie', 'by a Browser'), { details: { 'found cookies': names } })
}
