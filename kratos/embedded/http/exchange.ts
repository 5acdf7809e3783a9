import { goQuery } from '../go/query.js'
import type { Kratos } from '../kratos.js'
import { parseCookies } from './cookies.js'

/** The request body, read before any handler runs. */
export type RequestBody = { kind: 'read', bytes: Buffer } | { kind: 'too-large' }

export interface RequestHeaders {
  /** First value of a header, as in Go's `Header.Get`. */
  get(name: string): string | undefined
  all(name: string): string[]
  /** All headers under Go's canonical names. */
  entries(): Array<[string, string[]]>
}

/** One request and what is collected for its answer. */
export interface Exchange {
  readonly kratos: Kratos
  readonly method: string
  /** Path and query as sent. */
  readonly target: string
  /** Decoded path. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: RequestHeaders
  readonly cookies: Array<[string, string]>
  readonly body: RequestBody
  /** `ip:port` of the peer. */
  readonly peer: string
  /** Values of `{name}` parts of the route's path. */
  params: Record<string, string>
  /** The CSRF secret of this caller: from the cookie, or a new one; null where CSRF does not apply. */
  csrfSecret: Buffer | null
  readonly responseHeaders: Record<string, string>
  /** One `Vary` line each. */
  readonly vary: string[]
  /** Set-Cookie lines by cookie name; the last value of a cookie wins. Undefined: Go would not send it. */
  readonly setCookies: Map<string, string | undefined>
  /** The connection is closed without an answer, as when Kratos crashes in a handler. */
  isDropped: boolean
}

const canonical = (name: string): string =>
  name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, char: string) => dash + char.toUpperCase())

/** @param raw names and values in turn, like Node's `rawHeaders` */
export function requestHeaders (raw: string[]): RequestHeaders {
  const values = new Map<string, string[]>()
  for (let index = 0; index < raw.length; index += 2) {
    const name = canonical(raw[index] ?? '')
    values.set(name, [...values.get(name) ?? [], raw[index + 1] ?? ''])
  }
  return {
    get: (name) => values.get(canonical(name))?.[0],
    all: (name) => values.get(canonical(name)) ?? [],
    entries: () => [...values],
  }
}

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

export function newExchange (
  kratos: Kratos,
  raw: { method: string, target: string, rawHeaders: string[], body: RequestBody, peer: string },
): Exchange {
  const [path = '/', query = ''] = raw.target.split(/\?(.*)/s)
  const headers = requestHeaders(raw.rawHeaders)
  return {
    kratos,
    method: raw.method,
    target: raw.target,
    path: decoded(path),
    query: goQuery(query),
    headers,
    cookies: parseCookies(headers.all('cookie')),
    body: raw.body,
    peer: raw.peer,
    params: {},
    csrfSecret: null,
    responseHeaders: {},
    vary: [],
    setCookies: new Map(),
    isDropped: false,
  }
}

/** Values of a cookie in the order in which they were sent. */
export const cookieValues = (ex: Exchange, name: string): string[] =>
  ex.cookies.filter(([key]) => key === name).map(([, value]) => value)

/**
 * The URL as the client sees it, with `Host`, `X-Forwarded-Host` and `X-Forwarded-Proto` (docs/kratos-facts.md, section
 * 3).
 */
export function requestUrl (ex: Exchange): string {
  const scheme = ex.headers.get('x-forwarded-proto') ?? 'http'
  const host = ex.headers.get('x-forwarded-host') ?? ex.headers.get('host') ?? ''
  return `${scheme === '' ? 'http' : scheme}://${host}${ex.target}`
}

/** A URL below Kratos' public base_url. */
export const publicUrl = (kratos: Kratos, path: string): string =>
  kratos.config.serve.public.base_url.replace(/(?<!\/)\/+$/, '') + path

/** Adds query parameters to `url` and sorts them by name, as Go does. */
export function withQuery (url: string, parameters: Record<string, string>): string {
  // Addresses of pages may be relative.
  const made = new URL(url, 'http://relative.invalid')
  for (const [name, value] of Object.entries(parameters)) made.searchParams.set(name, value)
  made.searchParams.sort()
  return URL.canParse(url) ? made.toString() : `${made.pathname}${made.search}${made.hash}`
}
