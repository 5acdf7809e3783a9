import { isIP } from 'node:net'

/** The client chooses them: a few are enough. */
const MAX_DOMAINS = 5
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/i
/** What a Path attribute can hold without ending it; a prefix with anything else is left out. */
const PATH_SEGMENT = /^[\w.~%!$&'()*+=:@-]{1,200}$/

/** A host and its parents, the last label never; none for an address or a single label, whose cookies have none. */
export function cookieDomains (hostname: string): string[] {
  if (isIP(hostname) > 0 || !HOST_NAME.test(hostname)) return []
  const labels = hostname.toLowerCase().split('.')
  const domains = labels.slice(0, -1).map((_, at) => labels.slice(at).join('.'))
  return domains.slice(-MAX_DOMAINS)
}

/** Where a cookie of a request is likely to be: the root, and the first two prefixes of its URL. */
export function cookiePaths (url: string): string[] {
  const [path = ''] = url.split('?', 1)
  const paths = ['/']
  for (const segment of path.split('/').slice(1, 3)) {
    if (!PATH_SEGMENT.test(segment)) break
    paths.push(`${paths.length === 1 ? '' : paths.at(-1)}/${segment}`)
  }
  return paths
}

export const hasDomain = (line: string): boolean => /;[ \t]*domain=/i.test(line)
