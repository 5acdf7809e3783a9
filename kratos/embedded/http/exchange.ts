import type { Kratos } from '../kratos.js'
import { parseCookies } from './cookies.js'

/** The request body, read before any handler runs. */
export type RequestBody = { kind: 'read', bytes: Buffer } | { kind: 'too-large' }

export interface RequestHeaders {
  /** First value of a header, as Go's `Header.Get`; absent = undefined. */
  get (name: string): string | undefined
  all (name: string): string[]
  /** Every header under Go's canonical name. */
  entries (): Array<[string, string[]]>
}

/** One request and what its answer gathers on the way. */
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
  /** The anti-CSRF secret of this caller: from the cookie, or made anew; null where none is in play. */
  csrfSecret: Buffer | null
  readonly responseHeaders: Record<string, string>
  /** One `Vary` line each. */
  readonly vary: string[]
  /** Set-Cookie lines by cookie name: one cookie is set once, its last value wins. */
  readonly setCookies: Map<string, string>
  /** The connection ends without an answer, as when Kratos fails beyond repair. */
  isDropped: boolean
}

const canonical = (name: string): string => name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, char: string) => dash + char.toUpperCase())

/** @param raw names and values in turn, as Node's `rawHeaders` */
export function requestHeaders (raw: string[]): RequestHeaders {
  const values = new Map<string, string[]>()
  for (let index = 0; index < raw.length; index += 2) {
    const name = canonical(raw[index] ?? '')
    values.set(name, [...values.get(name) ?? [], raw[index + 1] ?? ''])
  }
  return {
    get: (name) => values.get(canonical(name))?.[0],
    all: (name) => values.get(canonical(name)) ?? [],
    entries: () => [...values]
  }
}

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** @param raw the parts of the request that the listener knows */
export function newExchange (kratos: Kratos, raw: { method: string, target: string, rawHeaders: string[], body: RequestBody, peer: string }): Exchange {
  const [path = '/', query = ''] = raw.target.split(/\?(.*)/s)
  const headers = requestHeaders(raw.rawHeaders)
  return {
    kratos,
    method: raw.method,
    target: raw.target,
    path: decoded(path),
    query: new URLSearchParams(query),
    headers,
    cookies: parseCookies(headers.all('cookie')),
    body: raw.body,
    peer: raw.peer,
    params: {},
    csrfSecret: null,
    responseHeaders: {},
    vary: [],
    setCookies: new Map(),
    isDropped: false
  }
}

/** Values of a cookie in the order sent. */
export const cookieValues = (ex: Exchange, name: string): string[] =>
  ex.cookies.filter(([key]) => key === name).map(([, value]) => value)

/** The URL as the client sees it: `Host`, `X-Forwarded-Host` and `X-Forwarded-Proto` count (facts 3). */
export function requestUrl (ex: Exchange): string {
  const scheme = ex.headers.get('x-forwarded-proto') ?? 'http'
  const host = ex.headers.get('x-forwarded-host') ?? ex.headers.get('host') ?? ''
  return `${scheme === '' ? 'http' : scheme}://${host}${ex.target}`
}

/** A path below Kratos' public base_url. */
export const publicUrl = (kratos: Kratos, path: string): string =>
  kratos.config.serve.public.base_url.replace(/\/+$/, '') + path

/** `url` with query parameters added, sorted by name as Go prints them. */
export function withQuery (url: string, parameters: Record<string, string>): string {
  const made = new URL(url)
  for (const [name, value] of Object.entries(parameters)) made.searchParams.set(name, value)
  made.searchParams.sort()
  return made.toString()
}
