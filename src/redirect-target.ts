/** Anything a URL parser would silently drop or turn (E02): controls, blanks, backslashes. */
// eslint-disable-next-line no-control-regex
const SUSPICIOUS = /[\u0000-\u0020\u007f-\u00a0\\]/
const ABSOLUTE_HTTP = /^https?:\/\/[^/]/i
const MAX_LENGTH = 2048

const segments = (pathname: string): string[] => pathname.split('/').filter((part) => part !== '')

/** Scheme, host, port and whole path segments, after WHATWG parsing (E04, E08). */
function isBelow (target: URL, allowed: URL): boolean {
  const path = segments(target.pathname)
  return target.origin === allowed.origin && segments(allowed.pathname).every((part, index) => path[index] === part)
}

function parseHttpUrl (dangerousUrl: string): URL | undefined {
  if (dangerousUrl.length > MAX_LENGTH || SUSPICIOUS.test(dangerousUrl) || !ABSOLUTE_HTTP.test(dangerousUrl)) return undefined
  if (!URL.canParse(dangerousUrl)) return undefined
  const url = new URL(dangerousUrl)
  return url.username === '' && url.password === '' ? url : undefined
}

/** An absolute http(s) URL without credentials that lies below one of the allowed URLs. */
export function isAllowedUrl (dangerousUrl: string, allowed: readonly URL[]): boolean {
  const target = parseHttpUrl(dangerousUrl)
  return target !== undefined && allowed.some((url) => isBelow(target, url))
}

/**
 * A `return_to` that we hand to Kratos: an allowed absolute URL, or a path on Kratos' own host, which cannot leave it.
 * Kratos checks again; ours is stricter because Kratos compares paths as plain prefixes (E08).
 */
export function isAllowedReturnTo (dangerousReturnTo: string, allowed: readonly URL[]): boolean {
  if (/^\/(?!\/)/.test(dangerousReturnTo)) return dangerousReturnTo.length <= MAX_LENGTH && !SUSPICIOUS.test(dangerousReturnTo)
  return isAllowedUrl(dangerousReturnTo, allowed)
}
