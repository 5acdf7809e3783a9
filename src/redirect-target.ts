import { isLoopback } from './patterns.js'

/** What a URL parser would silently drop or turn (E02): controls, blanks, backslashes. */
// eslint-disable-next-line no-control-regex
const SUSPICIOUS = /[\u0000-\u0020\u007f-\u00a0\\]/
// An authority that every parser reads alike: plain ASCII, no credentials, no escapes. WHATWG's parser would mend a
// full-width dot, drop a soft hyphen or decode `%2e` (E04), and Kratos' parser would not.
const ABSOLUTE_HTTP = /^https?:\/\/[a-z0-9.:[\]-]+(?:[/?#]|$)/i
/** An app's own scheme: `myapp://done`. Kratos never allows one without a host (docs/kratos-facts.md, section 10). */
const ABSOLUTE_APP = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._-]+)(\/[^?#%]*)?(?:[?#].*)?$/i
/** They run, show or read something, or mean another protocol: no app has them. */
const TAKEN_SCHEMES = new Set([
  'http', 'https', 'javascript', 'data', 'vbscript', 'blob', 'file', 'filesystem', 'about', 'view-source', 'ws', 'wss', 'ftp',
  'mailto', 'tel', 'sms', 'intent', 'chrome', 'resource', 'jar',
])
/** Some servers decode these before they resolve dots, so they could lead out of a path. */
const ENCODED_SEPARATOR = /%(?:2f|5c)/i
const MAX_LENGTH = 2048

const segments = (pathname: string): string[] => pathname.split('/').filter((part) => part !== '')

/** Scheme, host, port and whole path segments, after WHATWG parsing (E04, E08). */
function isBelow (target: URL, allowed: URL): boolean {
  const path = segments(target.pathname)
  const wanted = segments(allowed.pathname)
  if (wanted.length > 0 && ENCODED_SEPARATOR.test(target.pathname)) return false
  return target.origin === allowed.origin && wanted.every((part, index) => path[index] === part)
}

function parseHttpUrl (dangerousUrl: string): URL | undefined {
  if (dangerousUrl.length > MAX_LENGTH || SUSPICIOUS.test(dangerousUrl) || !ABSOLUTE_HTTP.test(dangerousUrl)) {
    return undefined
  }
  return URL.canParse(dangerousUrl) ? new URL(dangerousUrl) : undefined
}

interface AppTarget {
  scheme: string
  host: string
  path: string[]
}

/** Never by WHATWG's rules for such a scheme, which differ from Go's: no dots to resolve, nothing to decode. */
function parseAppUrl (dangerousUrl: string): AppTarget | undefined {
  const [, scheme = '', host = '', path = ''] =
    (dangerousUrl.length <= MAX_LENGTH && !SUSPICIOUS.test(dangerousUrl) && ABSOLUTE_APP.exec(dangerousUrl)) || []
  if (scheme === '' || TAKEN_SCHEMES.has(scheme.toLowerCase())) return undefined
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return undefined
  return { scheme: scheme.toLowerCase(), host: host.toLowerCase(), path: segments(path) }
}

/** As Kratos compares them, but for whole path segments. */
function isWithinApp (target: AppTarget, allowed: AppTarget): boolean {
  return target.scheme === allowed.scheme && target.host === allowed.host &&
    allowed.path.every((part, index) => target.path[index] === part)
}

/** What a setting may allow beside origins: an http(s) URL, or one of an app's own scheme. */
export const isReturnUrl = (text: string): boolean =>
  !/[?#*]/.test(text) && (parseAppUrl(text) !== undefined || parseHttpUrl(text) !== undefined)

export function isAllowedUrl (dangerousUrl: string, allowed: readonly URL[]): boolean {
  const target = parseHttpUrl(dangerousUrl)
  if (target !== undefined) return allowed.some((url) => isBelow(target, url))
  const app = parseAppUrl(dangerousUrl)
  return app !== undefined && allowed.map((url) => parseAppUrl(url.href)).some((url) =>
    url !== undefined && isWithinApp(app, url))
}

/** Only Kratos knows the provider's page: https, or http on loopback while we are on loopback ourselves (E10). */
export function isProviderUrl (dangerousUrl: string, { ownUrl }: { ownUrl: string | undefined }): boolean {
  const target = parseHttpUrl(dangerousUrl)
  if (target === undefined) return false
  const local = ownUrl !== undefined && isLoopback(new URL(ownUrl))
  return target.protocol === 'https:' || (local && isLoopback(target))
}

/** A path cannot leave Kratos' own host. Stricter than Kratos, which compares paths as plain prefixes (E08). */
export function isAllowedReturnTo (dangerousReturnTo: string, allowed: readonly URL[]): boolean {
  if (/^\/(?!\/)/.test(dangerousReturnTo)) {
    return dangerousReturnTo.length <= MAX_LENGTH && !SUSPICIOUS.test(dangerousReturnTo)
  }
  return isAllowedUrl(dangerousReturnTo, allowed)
}
