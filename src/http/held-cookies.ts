import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** What lets any cache keep an answer, if nothing else in it forbids that. */
const ALLOWS_CACHES = /^(?:public$|max-age\b|s-maxage\b)/

/**
 * The Cache-Control with which an answer may bring a person's cookie along; undefined when it may not, because a shared
 * cache may keep it for others (RFC 9111, section 7.3). A 304 renews what a cache has.
 * @param forSharedCaches it has instructions for shared caches alone, such as CDN-Cache-Control (RFC 9213)
 */
export function cacheControlWithCookies (
  status: number,
  cacheControl: string | undefined,
  forSharedCaches: boolean,
): string | undefined {
  if (status === 304 || forSharedCaches) return undefined
  if (cacheControl === undefined || cacheControl.trim() === '') return 'private, no-store'
  // `private="x"` is about one header only, so what is quoted does not count.
  const directives = cacheControl.replace(/"[^"]*"/g, '').toLowerCase().split(',').map((text) => text.trim())
  if (directives.includes('no-store') || directives.includes('private')) return cacheControl
  return directives.some((directive) => ALLOWS_CACHES.test(directive)) ? undefined : `${cacheControl}, private`
}

const FOR_SHARED_CACHES = /^(?:.+-)?cdn-cache-control$|^surrogate-control$/i

type HeaderList = OutgoingHttpHeaders | OutgoingHttpHeader[]

/** `writeHead` takes `status, [reason], [headers]`, the latter as an object or as a flat list. */
function givenHeaders (rest: unknown[]): OutgoingHttpHeaders {
  const given = rest.find((argument): argument is HeaderList => typeof argument === 'object' && argument !== null)
  if (!Array.isArray(given)) return { ...given }
  const headers: OutgoingHttpHeaders = {}
  for (let at = 0; at + 1 < given.length; at += 2) {
    const [name, value] = [String(given[at]), given[at + 1]]
    headers[name] = headers[name] === undefined ? value : [headers[name], value].flat().map(String)
  }
  return headers
}

const isNamed = (name: string) => (other: string): boolean => other.toLowerCase() === name

class Head {
  readonly #raw: ServerResponse
  readonly given: OutgoingHttpHeaders

  constructor (raw: ServerResponse, rest: unknown[]) {
    this.#raw = raw
    this.given = givenHeaders(rest)
  }

  names (): string[] {
    return [...this.#raw.getHeaderNames(), ...Object.keys(this.given)]
  }

  get (name: string): string[] {
    const own = Object.keys(this.given).find(isNamed(name))
    const value = own === undefined ? this.#raw.getHeader(name) : this.given[own]
    return value === undefined ? [] : [value].flat().map(String)
  }

  set (name: string, value: string | string[]): void {
    for (const own of Object.keys(this.given).filter(isNamed(name))) delete this.given[own]
    this.given[name] = value
  }
}

const HELD = Symbol('held cookies')
type Holding = ServerResponse & { [HELD]?: string[] }

function addCookies (status: number, head: Head, lines: string[]): void {
  const given = head.get('cache-control')
  const forSharedCaches = head.names().some((name) => FOR_SHARED_CACHES.test(name))
  const cacheControl = cacheControlWithCookies(status, given.length === 0 ? undefined : given.join(','), forSharedCaches)
  if (cacheControl === undefined) return
  head.set('cache-control', cacheControl)
  const all = [...head.get('set-cookie'), ...lines]
  head.set('set-cookie', all.length === 1 ? lines[0] ?? '' : all)
}

/**
 * Adds Set-Cookie lines when the head is written: only then it is known whether a shared cache may keep the answer,
 * because handler and hooks of a host have the last word about that.
 */
export function holdCookies (raw: ServerResponse, lines: readonly string[]): void {
  if (lines.length === 0) return
  const holding = raw as Holding
  if (holding[HELD] !== undefined) {
    holding[HELD].push(...lines)
    return
  }
  const held = holding[HELD] = [...lines]
  const writeHead = raw.writeHead as (status: number, ...rest: unknown[]) => ServerResponse
  raw.writeHead = function (this: ServerResponse, status: number, ...rest: unknown[]): ServerResponse {
    const head = new Head(raw, rest)
    // Informational answers come before the real one.
    if (status >= 200) addCookies(status, head, held.splice(0))
    const reason = rest.filter((argument) => typeof argument === 'string')
    return writeHead.call(this, status, ...reason, head.given)
  } as ServerResponse['writeHead']
}
