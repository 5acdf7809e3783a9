import type { IncomingHttpHeaders } from 'node:http'

export interface GuardedRequest {
  method: string
  headers: IncomingHttpHeaders
  /** Origin under which the client reaches us; undefined where its `Host` names none. */
  ownOrigin: string | undefined
  /** It is made of the client's `Host`: behind a proxy that ends TLS its scheme may be wrong. */
  isSchemeGuessed?: boolean
}

const DECLARES_JSON = /^application\/json\s*(?:;|$)/i

/** Its origin has our host and https, and the browser says `same-origin`, which no page can fake (Fetch Metadata). */
export const isOwnPageBehindTls = ({ headers, ownOrigin, isSchemeGuessed }: GuardedRequest): boolean =>
  isSchemeGuessed === true && ownOrigin !== undefined && headers['sec-fetch-site'] === 'same-origin' &&
  headers.origin === ownOrigin.replace(/^http:/, 'https:') && headers.origin !== ownOrigin

function isOriginKnown (request: GuardedRequest, origins: readonly string[]): boolean {
  const { method, headers, ownOrigin } = request
  const { origin } = headers
  // Exact comparison: `null`, a list and a duplicate (which Node joins by a comma) equal no origin.
  if (origin !== undefined) {
    return origin === ownOrigin || origins.includes(origin) || isOwnPageBehindTls(request)
  }
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  // Not a browser. What a browser could send cross-site without a preflight is refused all the same.
  return method !== 'POST' || DECLARES_JSON.test(headers['content-type'] ?? '')
}

/** A POST that navigates: whoever shows it, no form speaks to us (C08). */
const isForm = ({ method, headers }: GuardedRequest): boolean =>
  method === 'POST' && headers['sec-fetch-mode'] === 'navigate'

/** Needed because API flows switch Kratos' own CSRF check off (docs/security-model.md, section 3; C02, C06 to C10). */
export const isOriginTrusted = (request: GuardedRequest, origins: readonly string[]): boolean =>
  !isForm(request) && isOriginKnown(request, origins)

/** How browsers, present and past, mark a prefetch. */
const SPECULATION_HEADERS = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz']

/** For Kratos' own forms: one that does not say where it comes from is old, and has Kratos' CSRF token as its check. */
export function isBrowserOriginTrusted (request: GuardedRequest, origins: readonly string[]): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers
  return (origin === undefined && site === undefined) || isOriginKnown(request, origins)
}

/** Only a navigation, or a script of a trusted page, completes a logout (C11). The token is Kratos' to check. */
export function isDeliberateVisit (request: GuardedRequest, origins: readonly string[]): boolean {
  const { headers } = request
  if (SPECULATION_HEADERS.some((name) => headers[name] !== undefined)) return false
  const destination = headers['sec-fetch-dest']
  if (destination === 'document' || (destination === undefined && headers.origin === undefined)) return true
  return (destination === 'empty' || destination === undefined) && isOriginTrusted(request, origins)
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Unsafe methods and WebSocket upgrades: what a foreign page must not trigger with the user's cookie. */
export const needsOriginCheck = (method: string, headers: IncomingHttpHeaders): boolean =>
  !SAFE_METHODS.has(method) || headers.upgrade !== undefined
