import { createHash, timingSafeEqual } from 'node:crypto'
import type { Kratos } from '../kratos.js'
import { newKey } from '../random.js'
import { isSecure, setCookieLine } from './cookies.js'
import { ApiError } from './errors.js'
import { cookieValues, type Exchange } from './exchange.js'

const SECRET_BYTES = 32
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'TRACE']

/** Paths without any CSRF handling: no cookie, no Vary. */
const BARE_PATHS = ['/health/alive', '/health/ready', '/version', '/metrics/prometheus']

/** Paths whose handlers check CSRF themselves: no cookie and no check here. `*` matches one path part. */
const OWN_PATHS = [
  ...['registration', 'login', 'settings', 'recovery', 'verification'].flatMap((flow) => [
    `/self-service/${flow}/api`,
    `/self-service/${flow}`,
  ]),
  '/self-service/logout/api',
  '/self-service/methods/oidc/callback/*',
  '/recovery/code',
  '/recovery/link',
  '/sessions/whoami',
  '/sessions',
  '/sessions/*',
  '/sessions/*/extend',
  '/identities/*/sessions',
  ...['', '/admin'].flatMap((prefix) => [
    `${prefix}/identities`,
    `${prefix}/identities/*`,
    `${prefix}/identities/*/credentials/*`,
    `${prefix}/schemas/*`,
  ]),
  '/courier/messages',
  '/admin/courier/messages',
].map((glob) => new RegExp(`^${glob.replaceAll('*', '[^/]*')}$`))

/**
 * The hash in the name is that of the configured base_url, including the trailing slash (docs/kratos-facts.md, section
 * 4).
 */
export const csrfCookieName = (kratos: Kratos): string =>
  `csrf_token_${createHash('sha256').update(kratos.config.serve.public.base_url).digest('hex')}`

/** Sets a new secret as cookie, at most once per answer. */
export function renewCsrf (ex: Exchange): void {
  const { cookies } = ex.kratos.config
  const name = csrfCookieName(ex.kratos)
  if (ex.setCookies.has(name)) return
  const secure = isSecure(ex.kratos, cookies.secure)
  ex.csrfSecret = newKey(SECRET_BYTES)
  ex.setCookies.set(
    name,
    setCookieLine(name, ex.csrfSecret.toString('base64'), {
      path: cookies.path,
      domain: cookies.domain,
      maxAge: 31_536_000,
      secure,
      sameSite: secure ? cookies.same_site : 'Lax',
    }),
  )
}

/** The token for a form: the secret, masked with a one-time pad; empty if there is no secret, as in API flows. */
export function csrfToken (ex: Exchange): string {
  if (ex.csrfSecret === null) return ''
  const pad = newKey(SECRET_BYTES)
  return Buffer.concat([pad, xor(pad, ex.csrfSecret)]).toString('base64')
}

const xor = (left: Buffer, right: Buffer): Buffer => Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)))

/** Whether `sent` is a token of the current secret. */
export const isCsrfToken = (ex: Exchange, sent: string | undefined): boolean =>
  ex.csrfSecret !== null && belongsTo(ex.csrfSecret, sent)

function belongsTo (secret: Buffer, sent: string | undefined): boolean {
  const bytes = Buffer.from(sent ?? '', 'base64')
  if (bytes.length !== 2 * SECRET_BYTES || secret.length !== SECRET_BYTES) return false
  return timingSafeEqual(xor(bytes.subarray(0, SECRET_BYTES), bytes.subarray(SECRET_BYTES)), secret)
}

const HINT_AJAX =
  "We detected an AJAX call, please ensure that CORS is enabled and configured correctly, and that your AJAX code sends cookies and has credentials enabled. For further debugging, check your Browser's Network Tab to see what cookies are included or excluded."
const HINT_SERVER =
  "We detected a regular browser or server-side call. To debug browser calls check your Browser's Network Tab to see what cookies are included or excluded. If you are calling from a server ensure that the appropriate cookies are being forwarded and that the SDK method is called correctly."
const NOT_SENT =
  'The anti-CSRF cookie was found but the CSRF token was not included in the HTTP request body (csrf_token) nor in the HTTP Header (X-CSRF-Token).'

/** The error for a failed CSRF check (docs/kratos-facts.md, section 9; recordings 20, 21, 22). */
export function csrfViolation (ex: Exchange, formToken?: string): ApiError {
  const mode = ex.headers.get('sec-fetch-mode')
  const hint = mode === 'cors' || mode === 'same-origin' ? HINT_AJAX : HINT_SERVER
  const docs = 'https://www.ory.sh/kratos/docs/debug/csrf'
  const details = rejectReason(ex, formToken)
  return new ApiError({
    id: 'security_csrf_violation',
    code: 403,
    message: 'the request was rejected to protect you from Cross-Site-Request-Forgery',
    reason:
      'Please retry the flow and optionally clear your cookies. The request was rejected to protect you from Cross-Site-Request-Forgery (CSRF) which could cause account takeover, leaking personal information, and other serious security issues.',
    details: details === undefined ? { docs, hint: NOT_SENT } : { docs, hint, reject_reason: details },
  })
}

function rejectReason (ex: Exchange, formToken: string | undefined): string | undefined {
  if ((ex.headers.get('cookie') ?? '') === '') return 'The HTTP Cookie Header is empty or not set.'
  if (cookieValues(ex, csrfCookieName(ex.kratos)).length === 0) {
    return 'The HTTP Cookie Header was set but did not include the anti-CSRF cookie.'
  }
  const isJson = (ex.headers.get('content-type') ?? '').startsWith('application/json')
  if (!isJson && (formToken ?? '') === '' && (ex.headers.get('x-csrf-token') ?? '') === '') return undefined
  return 'The HTTP Cookie Header was set and a CSRF token was sent but they do not match. We recommend deleting all cookies for this domain and retrying the flow.'
}

/**
 * Runs for every request to the public port, before routing. Takes the secret from the cookie or makes one, and refuses
 * unsafe methods without a token, even for unknown paths (recording 85).
 */
export function guardCsrf (ex: Exchange): void {
  if (BARE_PATHS.includes(ex.path)) return
  ex.vary.push('Cookie')
  const cookies = cookieValues(ex, csrfCookieName(ex.kratos)).map((value) => Buffer.from(value, 'base64'))
  // Several cookies are replaced by one, even if one of them is right; only the first can be.
  const only = cookies.length === 1 ? cookies.find((secret) => secret.length === SECRET_BYTES) : undefined
  ex.csrfSecret = only ?? null
  if (OWN_PATHS.some((path) => path.test(ex.path))) return
  if (only === undefined) renewCsrf(ex)
  if (SAFE_METHODS.includes(ex.method)) return
  const formToken = new URLSearchParams(ex.body.kind === 'read' ? ex.body.bytes.toString() : '').get('csrf_token') ??
    undefined
  const token = ex.headers.get('x-csrf-token') ?? formToken
  if (!cookies.slice(0, 1).some((secret) => belongsTo(secret, token))) throw csrfViolation(ex, formToken)
}
